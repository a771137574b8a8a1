// Reads a YAML mapping by the rows of a table. Internal to this module.
#pragma once

#include "settings/checks.hpp"
#include "settings/keys.hpp"
#include "settings/report.hpp"

#include <algorithm>
#include <map>

namespace larder::settings {

/// Calls visit(key, node of the key, value) for each member. Keys that are not scalars, and duplicates, are
/// reported instead.
template <class Visit>
void each_key(const YAML::Node& mapping, Report& report, Visit visit) {
  std::map<std::string, int> seen;
  for (const auto& member : mapping) {
    if (!member.first.IsScalar()) {
      report.error(member.first, "a key must be a single word");
      continue;
    }
    const auto& key = member.first.Scalar();
    // yaml-cpp keeps duplicates.
    const auto [first, is_new] = seen.emplace(key, member.first.Mark().line + 1);
    if (is_new)
      visit(key, member.first, member.second);
    else
      report.error(member.first, "duplicate key " + in_quotes(key) + " (first defined on line " +
                                     std::to_string(first->second) + "); remove one");
  }
}

/// Reads a mapping and the mappings in it.
template <class Target>
class Mapping {
 public:
  Mapping(const std::vector<Row<Target>>& rows, Target& target, Places& places, Report& report)
      : rows_(rows), target_(target), places_(places), report_(report) {}

  /// `level` is used in messages and remedies; `prefix` is the prefix of the names in the table.
  void member(const std::string& key, const YAML::Node& at, const YAML::Node& value, const Level& level,
              const std::string& prefix) {
    const auto name = prefix + key;
    // Dotted names exist only in the table: `cache.memory: 1GiB` must be written `cache: {memory: 1GiB}`.
    const bool dotted = key.find('.') != std::string::npos;
    const auto* row = dotted ? nullptr : find_row(rows_, name);
    const auto* within = dotted ? nullptr : first_within(rows_, name);
    if (row == nullptr && within == nullptr)
      return unknown(key, at, level, dotted && find_row(rows_, name) != nullptr);
    const auto before = report_.errors();
    if (value.IsNull()) {
      report_.error(at, name + " has no value; set one or remove the key");
    } else if (within != nullptr && (value.IsMap() || row == nullptr)) {
      mapping(name, value, *within, level);
    } else {
      row->set(report_, value, target_);
    }
    remember(name, at, value, report_.errors() == before);
  }

 private:
  void mapping(const std::string& name, const YAML::Node& value, const Row<Target>& first,
               const Level& level) {
    if (!value.IsMap()) {
      const auto member = first.name.substr(name.size() + 1);
      const auto example = first.default_value();
      return report_.error(value, name + " must be a mapping, such as " + name + ": {" + member + ": " +
                                      (example.empty() ? "..." : example) + "}");
    }
    const auto where = level_within(level.where, std::string_view(name).substr(name.rfind('.') + 1));
    const auto& inner_level = level_called(where);
    each_key(value, report_, [&](const std::string& key, const YAML::Node& at, const YAML::Node& inner) {
      member(key, at, inner, inner_level, name + ".");
    });
  }

  void unknown(const std::string& key, const YAML::Node& at, const Level& level, bool is_dotted_name) {
    if (is_dotted_name) {
      const auto dot = key.find('.');
      return report_.error(at, in_quotes(key) + " is not a key; write " + key.substr(0, dot) + ": {" +
                                   key.substr(dot + 1) + ": ...}");
    }
    if (key == "<<") return report_.error(at, "merge keys are not supported; write the keys out");
    const auto where = level.where == "at the top level" ? std::string() : " " + level.where;
    report_.error(at, "unknown key " + in_quotes(key) + where + "; " + remedy(key, level));
  }

  void remember(const std::string& name, const YAML::Node& at, const YAML::Node& value, bool sound) {
    const auto add = [&](const std::string& its_name, const YAML::Node& node) {
      auto place = report_.place(node.Mark());
      place.sound = sound;
      places_.insert_or_assign(its_name, std::move(place));
    };
    // Elements of a longer list in an earlier file.
    std::erase_if(places_, [&](const auto& one) { return one.first.starts_with(name + "["); });
    add(name, at);
    if (!value.IsSequence()) return;
    std::size_t index = 0;
    for (const auto& element : value) add(name + "[" + std::to_string(index++) + "]", element);
  }

  const std::vector<Row<Target>>& rows_;
  Target& target_;
  Places& places_;
  Report& report_;
};

}  // namespace larder::settings
