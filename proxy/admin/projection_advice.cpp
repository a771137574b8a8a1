#include "admin/projection_advice.hpp"

#include "settings/scalar.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>

namespace larder::admin {

namespace {

using simdjson::dom::element;
using Elements = std::vector<element>;
using Names = std::vector<std::string>;

constexpr std::size_t max_names = 30;  // shown in a message

Names split(std::string_view path) {
  Names names;
  while (!path.empty()) {
    const auto dot = std::min(path.find('.'), path.size());
    names.emplace_back(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return names;
}

// Adds the value, or the elements of a list (and of the lists in it, if `nested`), if they are objects.
void add_objects(element value, bool nested, Elements& out) {
  simdjson::dom::array list;
  if (value.is_object()) out.push_back(value);
  if (value.get(list) != simdjson::SUCCESS) return;
  for (const auto one : list) {
    if (one.is_object())
      out.push_back(one);
    else if (nested)
      add_objects(one, true, out);
  }
}

// The values of the member in all objects.
Elements members(const Elements& objects, std::string_view name) {
  Elements found;
  for (const auto& object : objects) {
    simdjson::dom::object all;
    if (object.get(all) != simdjson::SUCCESS) continue;
    for (const auto [key, value] : all) {
      if (name == "*" || key == name) found.push_back(value);
    }
  }
  return found;
}

Elements items_of(element root, std::string_view place) {
  Elements values{root};
  for (const auto& name : split(place)) {
    std::erase_if(values, [](const element& value) { return !value.is_object(); });
    values = members(values, name);
  }
  Elements items;
  for (const auto& value : values) add_objects(value, false, items);
  return items;
}

Names names_of(const Elements& objects) {
  Names names;
  for (const auto& object : objects) {
    simdjson::dom::object all;
    if (object.get(all) != simdjson::SUCCESS) continue;
    for (const auto [key, value] : all) {
      (void)value;
      if (names.size() < max_names && std::find(names.begin(), names.end(), key) == names.end())
        names.emplace_back(key);
    }
  }
  return names;
}

// Finds the first name of a path that no object has; `objects` are then those that were searched for it.
// An inner name is not missing where no value is an object: the value is copied.
std::optional<std::string> missing(std::string_view field, Elements& objects) {
  for (const auto& name : split(field)) {
    const auto values = members(objects, name);
    if (values.empty()) return name;
    Elements inner;
    for (const auto& value : values) add_objects(value, true, inner);
    if (inner.empty()) return std::nullopt;
    objects = std::move(inner);
  }
  return std::nullopt;
}

std::string exist(const Elements& objects) {
  const auto names = names_of(objects);
  return names.empty() ? std::string("there are no members")
                       : fmt::format("the names are {}", fmt::join(names, ", "));
}

bool has_any(const settings::Route& route, const Elements& items) {
  return std::any_of(route.fields.begin(), route.fields.end(), [&](const std::string& field) {
    auto searched = items;
    return !missing(field, searched);
  });
}

// The place of a list of objects that have one of the fields: a member, or a member of a member.
std::optional<std::string> better_place(const settings::Route& route, element root) {
  const auto fits = [&](element value) {
    Elements items;
    if (value.is_array()) add_objects(value, false, items);
    return !items.empty() && has_any(route, items);
  };
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) return std::nullopt;
  for (const auto [key, value] : object) {
    if (fits(value)) return std::string(key);
  }
  for (const auto [key, value] : object) {
    simdjson::dom::object inner;
    if (value.get(inner) != simdjson::SUCCESS) continue;
    for (const auto [inner_key, inner_value] : inner) {
      if (fits(inner_value)) return fmt::format("{}.{}", key, inner_key);
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> advise_projection(const settings::Route& route, std::string_view body) {
  if (route.fields.empty()) return {};
  simdjson::dom::parser parser;
  element root;
  if (parser.parse(body.data(), body.size()).get(root) != simdjson::SUCCESS)
    return {"is not well-formed JSON; it is neither projected nor stored"};
  const auto items = items_of(root, route.items);
  if (!has_any(route, items)) {
    if (const auto place = better_place(route, root))
      return {fmt::format("has its items in {}; write items: {}", settings::in_quotes(*place), *place)};
  }
  if (items.empty()) {
    simdjson::dom::array list;
    const bool is_found = !items_of(root, {}).empty() || root.get(list) != simdjson::SUCCESS;
    if (route.items.empty() && !is_found) return {};  // an empty list, or a list of other values
    if (route.items.empty()) return {"has no list of objects and is stored whole; remove fields"};
    Elements lists{root};
    for (const auto& name : split(route.items)) {
      std::erase_if(lists, [](const element& value) { return !value.is_object(); });
      const auto searched = lists;
      lists = members(lists, name);
      if (lists.empty() && name != "*")
        return {fmt::format("has no {} (items) and is stored whole; {}", settings::in_quotes(name),
                            exist(searched))};
    }
    return {};
  }
  std::vector<std::string> said;
  for (const auto& field : route.fields) {
    auto searched = items;
    const auto name = missing(field, searched);
    if (!name) continue;
    const auto names = names_of(searched);
    const auto near = settings::nearest(*name, settings::Words(names.begin(), names.end()));
    said.push_back(fmt::format(
        "has no item with {} (fields: {}); {}{}", settings::in_quotes(*name), field,
        near.empty() ? std::string() : fmt::format("did you mean {}? ", settings::in_quotes(near)),
        exist(searched)));
  }
  return said;
}

}  // namespace larder::admin
