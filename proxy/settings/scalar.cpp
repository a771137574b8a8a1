#include "settings/scalar.hpp"

#include "http/fields.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

namespace larder::settings {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
/// A common wrong unit, in lower case, and its equivalent: the unit that was meant, and how many of it.
struct Misnomer {
  std::string_view written;
  std::string_view unit;
  std::uint64_t times = 1;
};
struct Measure {
  std::string_view what;
  std::string_view usual;       // unit used in examples
  std::string_view names;       // names of all units
  std::span<const Unit> units;  // in descending order
  std::span<const Misnomer> misnomers;
};

constexpr std::array duration_units{Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array duration_misnomers{
    Misnomer{"msec", "ms"},  Misnomer{"millis", "ms"}, Misnomer{"sec", "s"},     Misnomer{"secs", "s"},
    Misnomer{"second", "s"}, Misnomer{"seconds", "s"}, Misnomer{"min", "m"},     Misnomer{"mins", "m"},
    Misnomer{"minute", "m"}, Misnomer{"minutes", "m"}, Misnomer{"hr", "h"},      Misnomer{"hour", "h"},
    Misnomer{"hours", "h"},  Misnomer{"d", "h", 24},   Misnomer{"day", "h", 24}, Misnomer{"days", "h", 24},
};
constexpr std::array size_units{Unit{"GiB", 1u << 30}, Unit{"MiB", 1u << 20}, Unit{"KiB", 1u << 10},
                                Unit{"B", 1}};
constexpr std::array size_misnomers{
    Misnomer{"byte", "B"}, Misnomer{"bytes", "B"}, Misnomer{"k", "KiB"},  Misnomer{"kb", "KiB"},
    Misnomer{"ki", "KiB"}, Misnomer{"m", "MiB"},   Misnomer{"mb", "MiB"}, Misnomer{"mi", "MiB"},
    Misnomer{"g", "GiB"},  Misnomer{"gb", "GiB"},  Misnomer{"gi", "GiB"},
};
constexpr Measure a_duration{"duration", "s", "ms s m h", duration_units, duration_misnomers};
constexpr Measure a_size{"size", "MiB", "B KiB MiB GiB", size_units, size_misnomers};
constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();

using http::lower;

// nullopt if the product overflows.
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

// The correct form of a number followed by an unknown unit; empty if the intended unit is not known.
std::string meant(std::string_view digits, std::string_view unit, const Measure& measure) {
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  for (const auto& known : measure.units) {
    if (http::iequals(unit, known.name)) return std::string(digits).append(known.name);
  }
  for (const auto& misnomer : measure.misnomers) {
    if (!http::iequals(unit, misnomer.written)) continue;
    const auto times = multiply(digits, misnomer.times);
    if (times) return std::to_string(*times).append(misnomer.unit);
  }
  return {};
}

std::string format_measure(std::uint64_t value, const Measure& measure) {
  for (const auto& unit : measure.units) {
    if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor).append(unit.name);
  }
  return "0" + std::string(measure.units.back().name);
}

// What a number without a unit may mean. A large size is certainly one in bytes, a small one may also have
// been meant in the usual unit.
std::string with_unit(std::string_view digits, const Measure& measure) {
  constexpr std::uint64_t surely_bytes = 16 * 1024;
  auto usual = std::string(digits).append(measure.usual);
  const auto value = multiply(digits, 1);
  if (&measure != &a_size || !value) return usual;
  const auto bytes = format_measure(*value, measure);
  return *value >= surely_bytes ? bytes : bytes + " or " + usual;
}

std::optional<std::uint64_t> parse_measure(std::string_view text, const Measure& measure,
                                           std::string& error) {
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto digits = text.substr(0, end);
  const auto unit = text.substr(end);
  const auto units = " (the units are " + std::string(measure.names) + ")";
  if (digits.empty()) {
    error = in_quotes(text) + " is not a " + std::string(measure.what) +
            "; write a whole number and a unit, such as 30" + std::string(measure.usual);
    return std::nullopt;
  }
  for (const auto& known : measure.units) {
    if (unit != known.name) continue;
    const auto value = multiply(digits, known.factor);
    if (!value) error = in_quotes(text) + " is too large; write a smaller value";
    return value;
  }
  if (unit.empty()) {
    error = in_quotes(text) + " has no unit; write " + with_unit(digits, measure) + units;
  } else if (unit.front() == '.' || unit.front() == ',') {
    error = in_quotes(text) + " is not a whole number; write it in a smaller unit" + units;
  } else if (const auto instead = meant(digits, unit, measure); !instead.empty()) {
    error = in_quotes(text) + " has an unknown unit; write " + instead + units;
  } else {
    error = in_quotes(text) + " has an unknown unit" + units;
  }
  return std::nullopt;
}

void append_escaped(std::string_view text, std::string& out) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      out += c;
      continue;
    }
    out += "\\x";
    out += digits[byte >> 4u];
    out += digits[byte & 0xFu];
  }
}

// The edit distance: the number of letters omitted, added, replaced or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  const auto same = [&](std::size_t i, std::size_t j) {
    const auto letter = [](char c) { return c == '-' ? '_' : lower(c); };
    return letter(a[i]) == letter(b[j]);
  };
  // Optimal string alignment; needs only the two previous rows.
  std::vector<std::size_t> before;
  std::vector<std::size_t> above;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = std::move(above);
    above = std::move(row);
    row.assign(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same(i - 1, j - 1) ? 0u : 1u)});
      const bool swapped = i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text, std::string& error) {
  const auto value = parse_measure(text, a_duration, error);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
}

std::optional<std::uint64_t> parse_size(std::string_view text, std::string& error) {
  return parse_measure(text, a_size, error);
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::string& error) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    error = in_quotes(text) + " is not a whole number; write digits only";
    return std::nullopt;
  }
  const auto value = multiply(text, 1);
  if (!value) error = in_quotes(text) + " is too large; write a smaller value";
  return value;
}

std::string format_duration(std::chrono::milliseconds value) {
  return format_measure(static_cast<std::uint64_t>(value.count()), a_duration);
}

std::string format_size(std::uint64_t bytes) {
  return format_measure(bytes, a_size);
}

std::string printable(std::string_view text) {
  std::string out;
  append_escaped(text, out);
  return out;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 60;
  const bool cut = text.size() > longest;
  auto end = cut ? longest : text.size();
  while (cut && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u)
    --end;  // not within a UTF-8 sequence
  return "'" + printable(text.substr(0, end)) + (cut ? "...'" : "'");
}

std::string yaml_text(std::string_view text) {
  const auto is_word = [](char c) { return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'); };
  const bool plain = !text.empty() && (is_word(text.front()) || text.front() == '/') && text.back() != ':' &&
                     text != "null" && std::all_of(text.begin(), text.end(), [&](char c) {
                       return is_word(c) || std::string_view("_-./+:*").find(c) != std::string_view::npos;
                     });
  if (plain) return std::string(text);
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' || text[i] == '\\') out += '\\';
    if (text.substr(i).starts_with("${")) out += '$';  // not a variable
    append_escaped(text.substr(i, 1), out);
  }
  return out + '"';
}

std::string concatenated(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts) out += part;
  return out;
}

std::string joined(const Words& words) {
  std::string out;
  for (const auto word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

std::string_view nearest(std::string_view word, const Words& candidates) {
  // Longer than any known word; the distance would be expensive to compute.
  if (word.size() > 64) return {};
  std::string_view best;
  auto best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const auto candidate : candidates) {
    const auto far = distance(word, candidate);
    if (far >= best_distance || far >= candidate.size()) continue;
    best = candidate;
    best_distance = far;
  }
  return best;
}

}  // namespace larder::settings
