#include "http/coding.hpp"

#include "http/text.hpp"

#include <array>

namespace larder::http {

namespace {

constexpr int full_weight = 1000;

}  // namespace

int weight_of(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    const auto end = parameters.find(';');
    const auto parameter = trim(parameters.substr(0, end));
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
    if (parameter.size() < 2 || lower(parameter[0]) != 'q' || parameter[1] != '=') continue;
    const auto text = parameter.substr(2);
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return 0;
    if (text.size() > 1 && text[1] != '.') return 0;
    int thousandths = text[0] == '1' ? full_weight : 0;
    int place = 100;
    for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
      if (c < '0' || c > '9') return 0;
      thousandths += (c - '0') * place;
      place /= 10;
    }
    return thousandths > full_weight ? 0 : thousandths;
  }
  return full_weight;
}

namespace {

// RFC 9110 8.4.1: `identity` is reserved for Accept-Encoding, but some servers send it in Content-Encoding.
bool is_identity(std::string_view element) noexcept {
  return iequals(element, "identity");
}

}  // namespace

std::string_view name_of(Coding coding) noexcept {
  switch (coding) {
    case Coding::gzip:
      return "gzip";
    case Coding::br:
      return "br";
    case Coding::zstd:
      return "zstd";
  }
  return "";
}

std::optional<Coding> coding_named(std::string_view name) noexcept {
  for (const auto coding : {Coding::gzip, Coding::br, Coding::zstd}) {
    if (iequals(name, name_of(coding))) return coding;
  }
  return iequals(name, "x-gzip") ? std::optional(Coding::gzip) : std::nullopt;
}

bool is_coded(Fields fields) noexcept {
  for (const auto& line : fields) {
    if (line.id != FieldId::content_encoding) continue;
    for (std::string_view rest = line.value, element; next_element(rest, element);) {
      if (!is_identity(element)) return true;
    }
  }
  return false;
}

std::optional<Coding> only_coding(Fields fields) noexcept {
  std::optional<Coding> only;
  bool any = false;
  for (const auto& line : fields) {
    if (line.id != FieldId::content_encoding) continue;
    for (std::string_view rest = line.value, element; next_element(rest, element);) {
      if (is_identity(element)) continue;
      if (any) return std::nullopt;
      any = true;
      only = coding_named(element);
    }
  }
  return only;
}

std::optional<Coding> choose_coding(Fields request, std::span<const Coding> offered) noexcept {
  std::array<int, coding_count> weights;
  weights.fill(-1);
  int identity = -1;
  int any = -1;
  bool present = false;
  for (const auto& line : request) {
    if (line.id != FieldId::accept_encoding) continue;
    present = true;
    for (std::string_view rest = line.value, element; next_element(rest, element);) {
      const auto semicolon = element.find(';');
      const auto name = trim(element.substr(0, semicolon));
      const auto weight =
          weight_of(semicolon == std::string_view::npos ? std::string_view() : element.substr(semicolon + 1));
      if (name == "*")
        any = weight;
      else if (is_identity(name))
        identity = weight;
      else if (const auto coding = coding_named(name))
        weights[static_cast<std::size_t>(*coding)] = weight;
    }
  }
  if (!present) return std::nullopt;
  std::optional<Coding> best;
  int best_weight = 0;
  for (const auto coding : offered) {
    int weight = weights[static_cast<std::size_t>(coding)];
    if (weight < 0) weight = any < 0 ? 0 : any;
    if (weight > best_weight) {
      best = coding;
      best_weight = weight;
    }
  }
  // Identity is acceptable even if it is not listed, and is preferred if it is listed with a greater weight.
  if (best && identity > best_weight) return std::nullopt;
  return best;
}

bool is_compressible(std::string_view content_type) noexcept {
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  if (type.size() > 5 && iequals(type.substr(0, 5), "text/")) return true;
  const auto ends_with = [&](std::string_view suffix) {
    return type.size() > suffix.size() && iequals(type.substr(type.size() - suffix.size()), suffix);
  };
  if (ends_with("+json") || ends_with("+xml")) return true;
  for (const std::string_view known :
       {"application/json", "application/javascript", "application/xml", "application/x-ndjson",
        "application/geo+json-seq", "application/wasm", "application/yaml", "application/x-yaml"}) {
    if (iequals(type, known)) return true;
  }
  return false;
}

}  // namespace larder::http
