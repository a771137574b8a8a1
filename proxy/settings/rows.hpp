// Functions that make rows of the table from a name, an accessor, a codec and a description. Internal to this
// module.
#pragma once

#include "settings/codecs.hpp"
#include "settings/environment.hpp"

#include <algorithm>

namespace larder::settings {

inline constexpr auto kib = std::uint64_t{1} << 10;
inline constexpr auto mib = std::uint64_t{1} << 20;
inline constexpr auto gib = std::uint64_t{1} << 30;
inline constexpr std::uint64_t million = 1'000'000;

/// Returns an accessor for a member: `at(&Settings::cache, &Cache::memory)`.
template <class... Members>
[[nodiscard]] auto at(Members... members) {
  return [=](auto& target) -> auto& {
    return (target.*....*members);
  };
}

/// The text of a scalar; nullopt and an error at the node if it is not a scalar.
[[nodiscard]] inline std::optional<std::string> read_scalar(Report& report, const YAML::Node& node,
                                                            const std::string& name) {
  if (node.IsScalar()) {
    std::string error;
    auto text = expand(node.Scalar(), error);
    if (!text) report.error(node, name + ": " + error);
    return text;
  }
  report.error(node, name + (node.IsMap()        ? " must be a single value, not a mapping"
                             : node.IsSequence() ? " must be a single value, not a list"
                                                 : " has no value"));
  return std::nullopt;
}

template <class Value>
[[nodiscard]] std::optional<Value> read_value(Report& report, const YAML::Node& node, const std::string& name,
                                              const Codec<Value>& codec) {
  const auto text = read_scalar(report, node, name);
  if (!text) return std::nullopt;
  std::string error;
  auto value = codec.read(*text, error);
  if (!value) report.error(node, name + ": " + error);
  return value;
}

/// Reads a list without duplicates; a single value counts as a list of one element. Invalid elements are
/// reported and left out.
template <class Value>
[[nodiscard]] std::vector<Value> read_list(Report& report, const YAML::Node& node, const std::string& name,
                                           const Codec<Value>& codec, bool may_be_empty = false) {
  std::vector<Value> values;
  std::vector<std::string> written;
  const auto read = [&](const YAML::Node& element) {
    auto value = read_value(report, element, name, codec);
    if (!value) return;
    auto text = codec.write(*value);
    if (std::find(written.begin(), written.end(), text) != written.end())
      return report.error(element,
                          name + ": " + in_quotes(element.Scalar()) + " is listed twice; remove one");
    written.push_back(std::move(text));
    values.push_back(std::move(*value));
  };
  if (node.IsMap()) {
    report.error(node, name + " must be a value or a list of values, not a mapping");
  } else if (!node.IsSequence()) {
    read(node);
  } else if (node.size() == 0 && !may_be_empty) {
    report.error(node, name + " is an empty list; remove the key instead");
  } else {
    for (const auto& element : node) {
      if (element.IsScalar())
        read(element);
      else
        report.error(element, name + (element.IsNull() ? ": an element has no value; remove it"
                                                       : ": an element must be a single value"));
    }
  }
  return values;
}

/// Reads a list of one name without brackets, where words are allowed as well: what resembles one of the
/// words is reported.
[[nodiscard]] inline std::vector<std::string> read_name_beside(Report& report, const YAML::Node& node,
                                                               const std::string& name,
                                                               const std::vector<std::string>& words,
                                                               const Codec<std::string>& codec) {
  const auto& text = node.Scalar();
  const auto near = nearest(text, Words(words.begin(), words.end()));
  if (near.empty()) return read_list(report, node, name, codec);
  report.error(node, name + ": did you mean " + in_quotes(near) +
                         "? for the parameter of that name, write [" + printable(text) + "]");
  return {};
}

template <class Value>
[[nodiscard]] std::string show_list(const std::vector<Value>& values, const Codec<Value>& codec) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + codec.write(value);
  return values.size() > 1 ? "[" + out + "]" : out;
}

/// The text between the brackets of a list, also for a list of one element.
[[nodiscard]] inline std::string show_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + yaml_text(name);
  return out;
}

/// A row for a single value that always exists; an empty text counts as absent.
template <class Target, class Access, class Value>
[[nodiscard]] Row<Target> value_row(std::string name, Fingerprint fingerprint, Access access,
                                    Codec<Value> codec, std::string meaning) {
  Row<Target> row(name, codec.form, fingerprint, std::move(meaning));
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    auto value = read_value(report, node, name, codec);
    if (!value) return;
    auto& place = access(target);
    place = static_cast<std::remove_reference_t<decltype(place)>>(std::move(*value));
  };
  row.show = [=](const Target& target) {
    const auto& place = access(target);
    if constexpr (std::is_same_v<Value, std::string>) {
      if (place.empty()) return std::string();
    }
    return codec.write(static_cast<Value>(place));
  };
  return row;
}

/// A row for a single value that is absent unless it is written.
template <class Target, class Access, class Value>
[[nodiscard]] Row<Target> optional_row(std::string name, Fingerprint fingerprint, Access access,
                                       Codec<Value> codec, std::string meaning) {
  Row<Target> row(name, codec.form, fingerprint, std::move(meaning));
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    if (auto value = read_value(report, node, name, codec)) access(target) = std::move(*value);
  };
  row.show = [=](const Target& target) {
    const auto& place = access(target);
    return place ? codec.write(*place) : std::string();
  };
  return row;
}

template <class Target, class Access, class Value>
[[nodiscard]] Row<Target> list_row(std::string name, Fingerprint fingerprint, Access access,
                                   Codec<Value> codec, std::string meaning) {
  Row<Target> row(name, codec.form, fingerprint, std::move(meaning));
  row.form.list = true;
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    access(target) = read_list(report, node, name, codec);
  };
  row.show = [=](const Target& target) { return show_list(access(target), codec); };
  return row;
}

/// A row for a list whose default is not empty, so that `[]` differs from absence.
template <class Target, class Access, class Value>
[[nodiscard]] Row<Target> list_or_none_row(std::string name, Fingerprint fingerprint, Access access,
                                           Codec<Value> codec, std::string meaning) {
  auto row = list_row<Target>(name, fingerprint, access, codec, std::move(meaning));
  row.form.may_be_empty = true;
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    access(target) = read_list(report, node, name, codec, true);
  };
  row.show = [=](const Target& target) {
    const auto text = show_list(access(target), codec);
    return text.empty() ? std::string("[]") : text;
  };
  return row;
}

/// The row `listen`.
[[nodiscard]] Row<Settings> listen_row();
/// The row `admin`.
[[nodiscard]] Row<Settings> admin_row();

/// The rows for limits, timeouts and compression, which follow the other ones of the top level.
[[nodiscard]] std::vector<Row<Settings>> limit_rows();

}  // namespace larder::settings
