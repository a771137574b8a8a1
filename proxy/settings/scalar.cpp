#include "settings/scalar.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace larder::settings {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr std::array durations{Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array sizes{Unit{"GiB", 1u << 30}, Unit{"MiB", 1u << 20}, Unit{"KiB", 1u << 10}, Unit{"B", 1}};
constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();

struct Parts {
  std::string_view digits;
  std::string_view unit;
};

Parts take_apart(std::string_view text) {
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  return {text.substr(0, end), text.substr(end)};
}

// nullopt where the product is out of reach.
std::optional<std::uint64_t> multiply(std::string_view digits, std::uint64_t factor) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (most - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (value > most / factor) return std::nullopt;
  return value * factor;
}

template <std::size_t N>
std::optional<std::uint64_t> parse_unit(std::string_view text, const std::array<Unit, N>& units,
                                        std::string& error, std::string_view what,
                                        std::string_view example_unit) {
  const auto quoted = "'" + std::string(text) + "'";
  const auto parts = take_apart(text);
  if (parts.digits.empty()) {
    error = quoted + " is not a " + std::string(what) + "; write a whole number and a unit, such as 30" +
            std::string(example_unit);
    return std::nullopt;
  }
  for (const auto& unit : units) {
    if (parts.unit != unit.name) continue;
    const auto value = multiply(parts.digits, unit.factor);
    if (!value) error = quoted + " is too large";
    return value;
  }
  std::string names;
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit)
    names += (names.empty() ? "" : " ") + std::string(unit->name);
  const std::string example = std::string(parts.digits) + std::string(example_unit);
  if (parts.unit.empty())
    error = quoted + " has no unit; write " + example + " (the units are " + names + ")";
  else if (parts.unit.front() == '.')
    error = quoted + " is not a whole number; write it in a smaller unit (the units are " + names + ")";
  else
    error = quoted + " has an unknown unit; the units are " + names + ", so for instance " + example;
  return std::nullopt;
}

template <std::size_t N>
std::string format_unit(std::uint64_t value, const std::array<Unit, N>& units) {
  for (const auto& unit : units) {
    if (value != 0 && value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.name);
  }
  return "0" + std::string(units.back().name);
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text, std::string& error) {
  const auto value = parse_unit(text, durations, error, "duration", "s");
  if (!value) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
}

std::optional<std::uint64_t> parse_size(std::string_view text, std::string& error) {
  return parse_unit(text, sizes, error, "size", "MiB");
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::string& error) {
  const auto parts = take_apart(text);
  if (parts.digits.empty() || !parts.unit.empty()) {
    error = "'" + std::string(text) + "' is not a whole number";
    return std::nullopt;
  }
  const auto value = multiply(parts.digits, 1);
  if (!value) error = "'" + std::string(text) + "' is too large";
  return value;
}

std::string format_duration(std::chrono::milliseconds value) {
  return format_unit(static_cast<std::uint64_t>(value.count()), durations);
}

std::string format_size(std::uint64_t bytes) {
  return format_unit(bytes, sizes);
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  auto best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const auto candidate : candidates) {
    const auto far = distance(word, candidate);
    if (far >= best_distance) continue;
    best = candidate;
    best_distance = far;
  }
  return best;
}

}  // namespace larder::settings
