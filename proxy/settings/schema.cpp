// The JSON Schema of the configuration (draft 7), for editors. It refuses what a schema can tell to be wrong;
// `larder check` refuses more.
#include "settings/scalar.hpp"
#include "settings/table.hpp"

#include <algorithm>
#include <array>

namespace larder::settings {

namespace {

std::string_view first_segment(const std::string& name) {
  return std::string_view(name).substr(0, name.find('.'));
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

std::string alternatives(const std::vector<std::string>& all) {
  if (all.size() == 1) return all.front();
  std::string out = R"({"anyOf": [)";
  for (const auto& one : all) out += (out.ends_with('[') ? "" : ", ") + one;
  return out + "]}";
}

std::string of_pattern(const std::string& pattern) {
  return R"({"type": "string", "pattern": )" + quote(pattern) + "}";
}

// A regular expression for the numbers of as many digits as `low` and `high` have, between these.
std::string digits_between(const std::string& low, const std::string& high) {
  if (low.empty()) return {};
  const auto digit = [](char from, char to) {
    if (from == to) return std::string(1, from);
    return std::string("[") + from + "-" + to + "]";
  };
  const auto rest = low.size() - 1;
  const auto any = rest == 0 ? "" : rest == 1 ? "[0-9]" : "[0-9]{" + std::to_string(rest) + "}";
  if (low.front() == high.front())
    return digit(low.front(), high.front()) + digits_between(low.substr(1), high.substr(1));
  std::vector<std::string> parts;
  auto from = low.front();
  auto to = high.front();
  if (low.substr(1) != std::string(rest, '0'))
    parts.push_back(digit(from++, low.front()) + digits_between(low.substr(1), std::string(rest, '9')));
  const bool is_cut = high.substr(1) != std::string(rest, '9');
  if (is_cut) --to;
  if (from <= to) parts.push_back(digit(from, to) + any);
  if (is_cut)
    parts.push_back(digit(high.front(), high.front()) +
                    digits_between(std::string(rest, '0'), high.substr(1)));
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : "|") + part;
  return "(" + out + ")";
}

// For the numbers from `least` to `greatest`, leading zeros included.
std::string numbers_between(std::uint64_t least, std::uint64_t greatest) {
  std::string out = least == 0 ? "0" : "";
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : "|") + part; };
  const auto low = std::to_string(std::max<std::uint64_t>(least, 1));
  const auto high = std::to_string(greatest);
  if (greatest == 0) return "0+";
  const auto one_and_zeros = [](std::size_t digits) { return "1" + std::string(digits - 1, '0'); };
  auto size = low.size();
  if (low != one_and_zeros(size) || size == high.size()) {
    add(digits_between(low, size == high.size() ? high : std::string(size, '9')));
    ++size;
  }
  // The numbers of fewer digits than `high`, all of them.
  if (size < high.size())
    add("[1-9][0-9]{" + std::to_string(size - 1) + "," + std::to_string(high.size() - 2) + "}");
  if (size <= high.size()) add(digits_between(one_and_zeros(high.size()), high));
  return "0*(" + out + ")";
}

struct Unit {
  const char* name;
  std::uint64_t factor;
};
constexpr std::array durations{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000}};
constexpr std::array sizes{Unit{"B", 1}, Unit{"KiB", 1u << 10}, Unit{"MiB", 1u << 20}, Unit{"GiB", 1u << 30}};

// The measures within the form's range, in each unit in which there are any.
std::string measures(const Form& form, const std::array<Unit, 4>& units) {
  std::string out;
  for (const auto& unit : units) {
    const auto least = form.least / unit.factor + (form.least % unit.factor != 0 ? 1 : 0);
    const auto greatest = form.greatest / unit.factor;
    if (least > greatest) continue;
    out += (out.empty() ? "" : "|") + numbers_between(least, greatest) + unit.name;
  }
  return of_pattern("^(" + out + ")$");
}

std::string words_schema(const std::vector<std::string>& words) {
  // YAML parsers read these words as booleans.
  if (words == std::vector<std::string>{"true", "false"}) return R"({"type": "boolean"})";
  std::string out = R"({"enum": [)";
  for (const auto& word : words) out += (out.ends_with('[') ? "" : ", ") + quote(word);
  return out + "]}";
}

std::string list_of(const std::string& value, bool may_be_empty) {
  return R"({"type": "array", "minItems": )" + std::string(may_be_empty ? "0" : "1") +
         R"(, "uniqueItems": true, "items": )" + value + "}";
}

std::string mapping_schema(Form::Mapping mapping);

std::string value_schema(const Form& form) {
  std::vector<std::string> all;
  switch (form.kind) {
    case Form::Kind::choice:
      all.push_back(words_schema(form.words));
      break;
    case Form::Kind::duration:
      all.push_back(measures(form, durations));
      break;
    case Form::Kind::size:
      all.push_back(measures(form, sizes));
      break;
    case Form::Kind::number:
      all.push_back(R"({"type": "integer", "minimum": )" + std::to_string(form.least) + R"(, "maximum": )" +
                    std::to_string(form.greatest) + "}");
      break;
    case Form::Kind::text:
      all.push_back(form.pattern.empty() ? R"({"type": "string"})" : of_pattern(form.pattern));
      break;
  }
  if (form.kind != Form::Kind::choice && !form.words.empty()) all.push_back(words_schema(form.words));
  if (form.kind != Form::Kind::text || !form.pattern.empty()) all.push_back(of_pattern("\\$\\{"));
  if (form.mapping == Form::Mapping::certificate) all.clear();
  if (form.mapping != Form::Mapping::none) all.push_back(mapping_schema(form.mapping));
  const auto value = alternatives(all);
  const auto name = of_pattern("^[!-~]([ -~]*[!-~])?$");
  if (form.or_names) return alternatives({value, name, list_of(name, false)});
  return form.list ? alternatives({value, list_of(value, form.may_be_empty)}) : value;
}

template <class Target>
std::string row_schema(const Row<Target>& row) {
  auto text = row.meaning;
  if (!row.form.range.empty()) text += " (" + row.form.range + ")";
  if (const auto value = row.default_value(); !value.empty()) text += " Default: " + value + ".";
  auto schema = value_schema(row.form);
  schema.insert(1, R"("description": )" + quote(text) + ", ");
  return schema;
}

template <class Target>
std::string properties_within(const std::vector<Row<Target>>& rows, const std::string& indent,
                              std::size_t& at, const std::string& prefix);

// The properties of the rows whose names begin with `prefix`, which are neighbours from `at` on; moves `at`
// behind them.
template <class Target>
std::string properties(const std::vector<Row<Target>>& rows, const std::string& indent, std::size_t& at,
                       std::string_view prefix) {
  std::string out;
  while (at < rows.size() && rows[at].name.starts_with(prefix)) {
    const auto rest = std::string_view(rows[at].name).substr(prefix.size());
    const std::string name(rest.substr(0, rest.find('.')));
    std::string schema;
    if (rest == name) schema = row_schema(rows[at++]);
    const auto within = std::string(prefix) + name + ".";
    if (const auto inner = properties_within(rows, indent, at, within); !inner.empty()) {
      const auto object =
          concatenated({R"({"type": "object", "additionalProperties": false, "properties": {)", inner, "\n",
                        indent, "  }}"});
      schema = schema.empty() ? object : alternatives({schema, object});
    }
    out += concatenated({out.empty() ? "" : ",", "\n", indent, quote(name), ": ", schema});
  }
  return out;
}
template <class Target>
std::string properties_within(const std::vector<Row<Target>>& rows, const std::string& indent,
                              std::size_t& at, const std::string& prefix) {
  if (at >= rows.size() || !rows[at].name.starts_with(prefix)) return {};
  return properties(rows, indent + "    ", at, prefix);
}
template <class Target>
std::string properties(const std::vector<Row<Target>>& rows, const std::string& indent) {
  std::size_t at = 0;
  return properties(rows, indent, at, "");
}

std::string mapping_schema(Form::Mapping mapping) {
  const bool is_certificate = mapping == Form::Mapping::certificate;
  auto rows = listener_rows();
  if (mapping == Form::Mapping::admin)
    std::erase_if(rows, [](const auto& row) { return !is_for_admin(row.name); });
  return concatenated(
      {R"({"type": "object", "additionalProperties": false, "required": )",
       is_certificate ? R"(["certificate", "key"])" : R"(["address"])", R"(, "properties": {)",
       is_certificate ? properties(certificate_rows(), "            ") : properties(rows, "        "), "}}"});
}

// The keys of a route, without those inside a mapping, for which `is_meant`.
template <class IsMeant>
std::string key_names(IsMeant is_meant) {
  std::string out;
  std::string_view last;
  for (const auto& row : route_rows()) {
    const auto name = first_segment(row.name);
    if (name == last || !is_meant(row)) continue;
    out += (out.empty() ? "" : ", ") + quote(name);
    last = name;
  }
  return out;
}

// With `cache: off`, and with `cache: standard`, some keys have no effect, which is an error.
std::string rules_of_modes() {
  const auto rule = [](const char* mode, const std::string& names) {
    return std::string(R"({"if": {"properties": {"cache": {"const": ")") + mode +
           R"("}}, "required": ["cache"]}, "then": {"propertyNames": {"enum": [)" + names + "]}}}";
  };
  return R"("allOf": [)" +
         rule("off", key_names([](const auto& row) { return row.needs == Needs::nothing; })) + ",\n        " +
         rule("standard", key_names([](const auto& row) { return row.needs != Needs::ttl; })) + "]";
}

}  // namespace

std::string json_schema() {
  return std::string(R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "larder's configuration",
  "type": "object",
  "additionalProperties": false,
  "properties": {)") +
         properties(top_rows(), "    ") + R"(,
    "routes": {"description": "The first route whose path matches a request applies.", "type": "array", "maxItems": 1000, "items": {
      "type": "object", "additionalProperties": false, "required": ["path"],
      "oneOf": [{"required": ["ttl"]}, {"required": ["cache"]}],
      "dependencies": {"items": {"anyOf": [{"required": ["fields"]}, {"required": ["fields_param"]}]}},
      )" +
         rules_of_modes() +
         R"(,
      "properties": {)" +
         properties(route_rows(), "        ") + R"(
      }}}
  }
}
)";
}

}  // namespace larder::settings
