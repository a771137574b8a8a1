// How rows of the table are made: one function a type of value. Of this room alone.
#pragma once

#include "settings/scalar.hpp"
#include "settings/table.hpp"

#include <limits>
#include <utility>

namespace larder::settings {

/// The text of a scalar; an error at the node and nullopt where it is none.
[[nodiscard]] inline std::optional<std::string> scalar(Report& report, const YAML::Node& node,
                                                       const std::string& name) {
  if (node.IsScalar()) return node.Scalar();
  report.error(node, node.IsNull()
                         ? name + " has no value"
                         : name + " wants a single value, not a " + (node.IsMap() ? "mapping" : "list"));
  return std::nullopt;
}

/// A list of texts; a single text counts as a list of one.
[[nodiscard]] inline std::optional<std::vector<std::pair<std::string, YAML::Node>>> texts(
    Report& report, const YAML::Node& node, const std::string& name) {
  std::vector<std::pair<std::string, YAML::Node>> found;
  if (node.IsScalar()) {
    found.emplace_back(node.Scalar(), node);
    return found;
  }
  if (!node.IsSequence() || node.size() == 0) {
    report.error(node, name + (node.IsSequence() ? " is an empty list; leave it out instead"
                                                 : " wants a list, such as [a, b]"));
    return std::nullopt;
  }
  for (const auto& element : node) {
    const auto text = scalar(report, element, "each element of " + name);
    if (!text) return std::nullopt;
    found.emplace_back(*text, element);
  }
  return found;
}

template <class Target, class Access>
Row<Target> duration_row(std::string name, Access access, Millis least, Millis greatest,
                         std::string meaning) {
  Target defaults{};
  std::string range = format_duration(least) + " to " + format_duration(greatest);
  Row<Target> row{name, "duration", range, format_duration(access(defaults)), std::move(meaning), {}, false};
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    const auto text = scalar(report, node, name);
    if (!text) return;
    std::string error;
    const auto value = parse_duration(*text, error);
    if (!value) return report.error(node, name + ": " + error);
    if (*value < least || *value > greatest)
      return report.error(node, name + ": '" + *text + "' is outside " + range);
    access(target) = *value;
  };
  return row;
}

/// A duration that is absent unless it is written.
template <class Target, class Member>
Row<Target> optional_duration_row(std::string name, Member member, Millis least, Millis greatest,
                                  std::string meaning) {
  struct Holder {
    Millis value{0};
  };
  auto inner = duration_row<Holder>(
      name, [](Holder& holder) -> Millis& { return holder.value; }, least, greatest, "");
  Row<Target> row{name, "duration", inner.range, "", std::move(meaning), {}, false};
  row.set = [set = inner.set, member](Report& report, const YAML::Node& node, Target& target) {
    Holder holder{Millis{-1}};
    set(report, node, holder);
    if (holder.value >= Millis{0}) target.*member = holder.value;
  };
  return row;
}

template <class Target, class Access>
Row<Target> size_row(std::string name, Access access, std::uint64_t least, std::uint64_t greatest,
                     std::string meaning) {
  Target defaults{};
  std::string range = format_size(least) + " to " + format_size(greatest);
  Row<Target> row{name, "size", range, format_size(access(defaults)), std::move(meaning), {}, false};
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    const auto text = scalar(report, node, name);
    if (!text) return;
    std::string error;
    const auto value = parse_size(*text, error);
    if (!value) return report.error(node, name + ": " + error);
    if (*value < least || *value > greatest)
      return report.error(node, name + ": '" + *text + "' is outside " + range);
    auto& place = access(target);
    place = static_cast<std::remove_reference_t<decltype(place)>>(*value);
  };
  return row;
}

template <class Target, class Access>
Row<Target> number_row(std::string name, Access access, std::uint64_t least, std::uint64_t greatest,
                       std::string meaning) {
  Target defaults{};
  std::string range = std::to_string(least) + " to " + std::to_string(greatest);
  Row<Target> row{name, "number", range, std::to_string(access(defaults)), std::move(meaning), {}, false};
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    const auto text = scalar(report, node, name);
    if (!text) return;
    std::string error;
    const auto value = parse_number(*text, error);
    if (!value) return report.error(node, name + ": " + error);
    if (*value < least || *value > greatest)
      return report.error(node, name + ": " + *text + " is outside " + range);
    auto& place = access(target);
    place = static_cast<std::remove_reference_t<decltype(place)>>(*value);
  };
  return row;
}

template <class Value>
using Choices = std::vector<std::pair<std::string_view, Value>>;

template <class Target, class Access, class Value>
Row<Target> choice_row(std::string name, Access access, Choices<Value> choices, std::string default_value,
                       std::string meaning) {
  std::string type;
  std::vector<std::string_view> names;
  for (const auto& [word, value] : choices) {
    type += (type.empty() ? "" : ", ") + std::string(word);
    names.push_back(word);
  }
  Row<Target> row{name, type, "", std::move(default_value), std::move(meaning), {}, false};
  row.set = [=](Report& report, const YAML::Node& node, Target& target) {
    const auto text = scalar(report, node, name);
    if (!text) return;
    for (const auto& [word, value] : choices) {
      if (*text != word) continue;
      access(target) = value;
      return;
    }
    std::string list;
    for (const auto word : names) list += (list.empty() ? "" : ", ") + std::string(word);
    const auto meant = nearest(*text, names);
    report.error(node, name + ": '" + *text + "' is none of " + list +
                           (meant.empty() ? "" : "; did you mean '" + std::string(meant) + "'?"));
  };
  return row;
}

}  // namespace larder::settings
