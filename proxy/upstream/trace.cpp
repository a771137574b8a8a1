#include "upstream/trace.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <random>

namespace larder::upstream {

namespace {

constexpr std::size_t max_request_id = 128;

bool is_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == std::string_view::npos;
}

// Seeded with enough entropy that different processes and threads generate different identifiers.
std::mt19937_64 unlike_any_other() {
  std::random_device device;
  std::array<std::random_device::result_type, 8> words{};
  std::generate(words.begin(), words.end(), std::ref(device));
  std::seed_seq seed(words.begin(), words.end());
  return std::mt19937_64(seed);
}

// Identifiers, not secrets. Never all zeros, which the specification reserves for "none".
std::string random_hex(std::size_t digits) {
  thread_local auto random = unlike_any_other();
  constexpr std::string_view alphabet = "0123456789abcdef";
  std::string out;
  do {
    out.clear();
    while (out.size() < digits) {
      auto bits = random();
      for (int i = 0; i < 16 && out.size() < digits; ++i, bits >>= 4) out += alphabet[bits & 15];
    }
  } while (is_zero(out));
  return out;
}

}  // namespace

bool is_traceparent(std::string_view value) noexcept {
  constexpr std::size_t size = 55;  // length in version 00
  if (value.size() < size || value[2] != '-' || value[35] != '-' || value[52] != '-') return false;
  const auto version = value.substr(0, 2);
  const auto trace = value.substr(3, 32);
  const auto parent = value.substr(36, 16);
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(value.substr(53, 2))) return false;
  if (version == "ff" || is_zero(trace) || is_zero(parent)) return false;
  return value.size() == size || (version != "00" && value[size] == '-');
}

std::string new_traceparent() {
  return "00-" + random_hex(32) + "-" + random_hex(16) + "-01";
}

std::string new_request_id() {
  return random_hex(32);
}

std::string Names::lines() const {
  std::string out;
  if (began_trace) out += "traceparent: " + traceparent + "\r\n";
  if (began_request_id) out += "X-Request-ID: " + request_id + "\r\n";
  return out;
}

Names names_of(http::Fields fields, const settings::Settings& settings) {
  Names names;
  const auto is_parent = [](const http::Field& line) { return http::has_name(line, "traceparent"); };
  const auto* const line_of_parent = http::find(fields, "traceparent");
  if (line_of_parent != nullptr && is_traceparent(line_of_parent->value) &&
      std::count_if(fields.begin(), fields.end(), is_parent) == 1)
    names.traceparent = line_of_parent->value;
  if (const auto* line = http::find(fields, "X-Request-ID");
      line != nullptr && line->value.size() <= max_request_id)
    names.request_id = line->value;
  if (names.traceparent.empty() && settings.trace_context == settings::Begin::yes) {
    names.traceparent = new_traceparent();
    names.began_trace = true;
  }
  if (names.request_id.empty() && settings.request_id == settings::Begin::yes) {
    names.request_id = new_request_id();
    names.began_request_id = true;
  }
  return names;
}

Names new_names(const settings::Settings& settings) {
  return names_of({}, settings);
}

}  // namespace larder::upstream
