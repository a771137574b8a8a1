// A projection rule, compiled: a tree of kept names. Of this room alone.
#pragma once

#include "projection/projector.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace larder::projection {

struct ProjectionRule::Node {
  struct Child {
    std::string name;  // unescaped
    std::shared_ptr<const Node> node;
    const Child* next;  // of those whose names share a slot
  };
  /// What becomes of a value that this node stands for.
  enum class Kind : std::uint8_t {
    whole,    // copied
    within,   // in an item: an object whose members are chosen by `children`, an array of such, or anything
              // else, copied
    items,    // an item, that is an object whose members are chosen by `children`, or a list of such
    path,     // on the way to the items: an object with the one child, whose other members stay whole
    every,    // an object each of whose members is what the one child says
    without,  // an object whose members stay but for what `children` say, a list of such, or anything else
    dropped,  // a member that goes
  };
  Kind kind = Kind::whole;
  std::deque<Child> children;  // they do not move

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] const Node* child(std::string_view name) const noexcept {
    for (const auto* child = slots_[slot(name)]; child != nullptr; child = child->next) {
      if (child->name == name) return child->node.get();
    }
    return nullptr;
  }

  void add(std::string name, std::shared_ptr<const Node> node) {
    auto& first = slots_[slot(name)];
    first = &children.emplace_back(Child{std::move(name), std::move(node), first});
  }

 private:
  // Tells most names apart without a comparison or a loop, either of which costs more than the rest of
  // passing a member.
  static std::size_t slot(std::string_view name) noexcept {
    if (name.empty()) return 0;
    const auto byte = [](char c) { return std::size_t{static_cast<unsigned char>(c)}; };
    return (name.size() * 5 + byte(name.front()) + byte(name.back()) * 3) % 64;
  }
  std::array<const Child*, 64> slots_{};
};

}  // namespace larder::projection
