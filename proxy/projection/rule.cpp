#include "projection/rule.hpp"

#include <algorithm>
#include <vector>

namespace larder::projection {

namespace {

using Node = ProjectionRule::Node;
using Kind = Node::Kind;
using Names = std::vector<std::string>;

// Splits `a.b.c`; empty if a segment is empty.
Names split(std::string_view path) {
  Names names;
  for (;;) {
    const auto dot = path.find('.');
    names.emplace_back(path.substr(0, dot));
    if (names.back().empty()) return {};
    if (dot == std::string_view::npos) return names;
    path.remove_prefix(dot + 1);
  }
}

// The names while they are collected, because the nodes of a rule are immutable.
struct Draft {
  struct Child;
  bool whole = false;
  std::vector<Child> children;
};
struct Draft::Child {
  std::string name;
  Draft draft;
};

// A name that is kept as a whole stays so, even if names inside it are added.
void keep(Draft& item, const Names& names) {
  Draft* draft = &item;
  for (const auto& name : names) {
    auto& children = draft->children;
    auto at = std::find_if(children.begin(), children.end(),
                           [&](const Draft::Child& child) { return child.name == name; });
    if (at == children.end()) at = children.insert(at, {name, {}});
    draft = &at->draft;
  }
  draft->whole = true;
}

// `leaf` is the kind of the named members, `kind` that of the nodes on the way to them.
std::shared_ptr<const Node> build(const Draft& draft, Kind top, Kind kind, Kind leaf) {
  auto node = std::make_shared<Node>();
  node->kind = top;
  for (const auto& [name, inside] : draft.children) {
    if (!inside.whole) {
      node->add(name, build(inside, kind, kind, leaf));
      continue;
    }
    auto named = std::make_shared<Node>();
    named->kind = leaf;
    node->add(name, std::move(named));
  }
  return node;
}

// nullopt and a message if a path is malformed.
std::optional<Draft> draft_of(const std::vector<std::string>& fields, std::string& error) {
  Draft item;
  for (const auto& field : fields) {
    const auto names = split(field);
    if (names.empty() || field.find('*') != std::string::npos) {
      error = "a field is a name or names joined by dots, such as slug or domain.slug, not '" + field + "'";
      return std::nullopt;
    }
    keep(item, names);
  }
  return item;
}

// Whether the names are a path such as `data`, `a.b` or `workstreams.*`: a star may only be the last of
// several.
bool is_path(const Names& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].find('*') == std::string::npos) continue;
    if (names[i] != "*" || i == 0 || i + 1 != names.size()) return false;
  }
  return !names.empty();
}

}  // namespace

ProjectionRule::ProjectionRule() = default;
ProjectionRule::~ProjectionRule() = default;
ProjectionRule::ProjectionRule(const ProjectionRule&) = default;
ProjectionRule& ProjectionRule::operator=(const ProjectionRule&) = default;
ProjectionRule::ProjectionRule(ProjectionRule&&) noexcept = default;
ProjectionRule& ProjectionRule::operator=(ProjectionRule&&) noexcept = default;

std::optional<ProjectionRule> ProjectionRule::compile(const std::vector<std::string>& fields,
                                                      std::string_view items, std::string& error) {
  const auto item = draft_of(fields, error);
  if (!item) return std::nullopt;
  ProjectionRule rule;
  rule.root_ = build(*item, Kind::items, Kind::within, Kind::whole);
  if (items.empty()) return rule;

  const auto names = split(items);
  if (!is_path(names)) {
    error =
        "items is a member such as data, or one whose members are the items such as workstreams.*, not '" +
        std::string(items) + "'";
    return std::nullopt;
  }
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    auto outer = std::make_shared<Node>();
    outer->kind = *name == "*" ? Kind::every : Kind::path;
    outer->add(*name, rule.root_);
    rule.root_ = std::move(outer);
  }
  return rule;
}

std::optional<ProjectionRule> ProjectionRule::compile_without(const std::vector<std::string>& members,
                                                              std::string& error) {
  const auto draft = draft_of(members, error);
  if (!draft) return std::nullopt;
  ProjectionRule rule;
  rule.root_ = build(*draft, Kind::without, Kind::without, Kind::dropped);
  return rule;
}

}  // namespace larder::projection
