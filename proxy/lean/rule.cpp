#include "lean/rule.hpp"

#include <algorithm>

namespace larder::lean {

namespace {

using Node = ProjectionRule::Node;
using Names = std::vector<std::string>;

// `a.b.c` taken apart; empty where a segment is.
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

std::shared_ptr<Node> whole() {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::whole;
  return node;
}

// Adds one dotted field. A name that is kept whole stays whole, whatever else is said of its inside.
void keep(Node& item, const Names& names, std::size_t depth) {
  const auto at = std::find_if(item.children.begin(), item.children.end(),
                               [&](const Node::Child& child) { return child.name == names[depth]; });
  const bool last = depth + 1 == names.size();
  if (last) {
    if (at == item.children.end())
      item.children.push_back({names[depth], whole()});
    else
      at->node = whole();
    return;
  }
  if (at != item.children.end()) {
    if (at->node->kind == Node::Kind::whole) return;
    auto inner = std::make_shared<Node>(*at->node);
    keep(*inner, names, depth + 1);
    at->node = std::move(inner);
    return;
  }
  auto inner = std::make_shared<Node>();
  keep(*inner, names, depth + 1);
  item.children.push_back({names[depth], std::move(inner)});
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
  auto item = std::make_shared<Node>();
  for (const auto& field : fields) {
    const auto names = split(field);
    if (names.empty() || field.find('*') != std::string::npos) {
      error = "a field is a name or names joined by dots, such as slug or domain.slug, not '" + field + "'";
      return std::nullopt;
    }
    keep(*item, names, 0);
  }
  ProjectionRule rule;
  if (items.empty()) {
    rule.root_ = std::move(item);
    return rule;
  }
  const auto names = split(items);
  const auto star = std::find(names.begin(), names.end(), "*");
  const bool misplaced = star != names.end() && (star == names.begin() || star + 1 != names.end());
  const bool partial = std::any_of(names.begin(), names.end(), [](const auto& name) {
    return name != "*" && name.find('*') != std::string::npos;
  });
  if (names.empty() || misplaced || partial) {
    error =
        "items is a member such as data, or one whose members are the items such as workstreams.*, not '" +
        std::string(items) + "'";
    return std::nullopt;
  }
  std::shared_ptr<const Node> inner = std::move(item);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    auto outer = std::make_shared<Node>();
    if (*name == "*") {
      outer->kind = Node::Kind::every;
      outer->children.push_back({"*", std::move(inner)});
    } else {
      outer->kind = Node::Kind::path;
      outer->children.push_back({*name, std::move(inner)});
    }
    inner = std::move(outer);
  }
  rule.root_ = std::move(inner);
  return rule;
}

}  // namespace larder::lean
