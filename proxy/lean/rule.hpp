// A projection rule, compiled: a tree of kept names. Of this room alone.
#pragma once

#include "lean/projector.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::lean {

struct ProjectionRule::Node {
  struct Child {
    std::string name;  // unescaped
    std::shared_ptr<const Node> node;
  };
  /// What becomes of a value that this node stands for.
  enum class Kind : unsigned char {
    whole,  // copied
    item,   // an object whose members are chosen by `children`, or an array of such
    path,   // on the way to the items: an object whose other members stay whole
    every,  // `*`: each member is the list, or an item
  };
  Kind kind = Kind::item;
  std::vector<Child> children;

  [[nodiscard]] const Node* child(std::string_view name) const noexcept {
    for (const auto& entry : children) {
      if (entry.name == name) return entry.node.get();
    }
    return nullptr;
  }
};

}  // namespace larder::lean
