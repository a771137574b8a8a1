// Writes the settings as YAML with all defaults, and the JSON Schema of the configuration.
#include "settings/table.hpp"

#include <algorithm>

namespace larder::settings {

namespace {

std::string_view first_segment(const std::string& name) {
  return std::string_view(name).substr(0, name.find('.'));
}

// ---- YAML

// Whether a key that can be a word or a mapping (`compression: off`) is written as the word, because that
// says everything.
template <class Target>
bool stands_alone(const Row<Target>& row, const Target& target) {
  return row.name.find('.') == std::string::npos && row.form.kind == Form::Kind::choice &&
         row.show(target) == row.form.words.front();
}

// False for a key whose default would be an error beside the other keys.
bool is_meant(const Row<Settings>&, const Settings&) {
  return true;
}
bool is_meant(const Row<Route>& row, const Route& route) {
  if (route.cache == CacheMode::off) return row.needs == Needs::nothing;
  return route.cache == CacheMode::ttl || row.needs != Needs::ttl;
}

template <class Target>
void write_yaml(const std::vector<Row<Target>>& rows, const Target& target, const std::string& indent,
                std::string& out) {
  std::string begin = indent;
  if (begin.size() >= 2 && std::is_same_v<Target, Route>) begin.replace(begin.size() - 2, 2, "- ");
  const auto line = [&](const std::string& text) {
    out += begin + text + "\n";
    begin = indent;
  };
  for (std::size_t i = 0; i < rows.size();) {
    const auto name = first_segment(rows[i].name);
    auto end = i;
    while (end < rows.size() && first_segment(rows[end].name) == name) ++end;
    const bool nested = rows[end - 1].name.size() > name.size();
    if (!nested || stands_alone(rows[i], target)) {
      const auto value = is_meant(rows[i], target) ? rows[i].show(target) : std::string();
      if (rows[i].secret) {
        if (!value.empty()) line("# " + std::string(name) + " is set; a secret is not shown");
      } else if (!value.empty())
        line(std::string(name) + ": " + value);
    } else {
      std::string inner;
      for (auto at = i; at < end; ++at) {
        if (rows[at].name.size() == name.size() || !is_meant(rows[at], target)) continue;
        const auto value = rows[at].show(target);
        if (!value.empty())
          inner += indent + "  " + rows[at].name.substr(name.size() + 1) + ": " + value + "\n";
      }
      if (!inner.empty()) {
        line(std::string(name) + ":");
        out += inner;
      }
    }
    i = end;
  }
}

// ---- JSON Schema

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

std::string words_schema(const std::vector<std::string>& words) {
  // YAML 1.1 parsers read these words as booleans.
  if (words == std::vector<std::string>{"true", "false"}) return R"({"type": "boolean"})";
  std::string out = R"({"enum": [)";
  for (const auto& word : words) out += (out.ends_with('[') ? "" : ", ") + quote(word);
  if (std::find(words.begin(), words.end(), "off") != words.end()) out += ", false";
  return out + "]}";
}

std::string value_schema(const Form& form) {
  std::string value;
  switch (form.kind) {
    case Form::Kind::choice:
      value = words_schema(form.words);
      break;
    case Form::Kind::duration:
      value = R"({"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"})";
      break;
    case Form::Kind::size:
      value = R"({"type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$"})";
      break;
    case Form::Kind::number:
      value = R"({"type": "integer", "minimum": )" + std::to_string(form.least) + R"(, "maximum": )" +
              std::to_string(form.greatest) + "}";
      break;
    case Form::Kind::text:
      value = R"({"type": "string"})";
      break;
  }
  std::string all = value;
  if (form.kind != Form::Kind::choice && !form.words.empty()) all += ", " + words_schema(form.words);
  if (form.kind != Form::Kind::text) all += R"(, {"type": "string", "pattern": "\\$\\{"})";
  if (all.size() > value.size()) value = R"({"anyOf": [)" + all + "]}";
  if (form.list)
    value = R"({"anyOf": [)" + value + R"(, {"type": "array", "minItems": )" +
            (form.may_be_empty ? "0" : "1") + R"(, "items": )" + value + "}]}";
  return value;
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
std::string properties(const std::vector<Row<Target>>& rows, const std::string& indent) {
  std::string out;
  for (std::size_t i = 0; i < rows.size();) {
    const auto name = first_segment(rows[i].name);
    std::string inner;
    std::string alone;
    auto at = i;
    for (; at < rows.size() && first_segment(rows[at].name) == name; ++at) {
      if (rows[at].name.size() == name.size()) {
        alone = row_schema(rows[at]);
        continue;
      }
      inner += (inner.empty() ? "" : ",") + ("\n" + indent + "    ") +
               quote(std::string_view(rows[at].name).substr(name.size() + 1)) + ": " + row_schema(rows[at]);
    }
    std::string schema = alone;
    if (!inner.empty()) {
      schema = R"({"type": "object", "additionalProperties": false, "properties": {)" + inner + "\n" +
               indent + "  }}";
      if (!alone.empty()) schema = R"({"anyOf": [)" + alone + ", " + schema + "]}";
    }
    out += (out.empty() ? "" : ",") + ("\n" + indent) + quote(name) + ": " + schema;
    i = at;
  }
  return out;
}

}  // namespace

std::string effective_yaml(const Settings& settings) {
  std::string out;
  write_yaml(top_rows(), settings, "", out);
  out += settings.routes.empty() ? "routes: []\n" : "routes:\n";
  for (const auto& route : settings.routes) write_yaml(route_rows(), route, "    ", out);
  return out;
}

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
      "properties": {)" +
         properties(route_rows(), "        ") + R"(
      }}}
  }
}
)";
}

}  // namespace larder::settings
