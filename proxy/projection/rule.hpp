// A compiled projection rule: a tree of names. Internal to this module.
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
    const Child* next;  // next child in the same slot
  };
  /// How a value at this node is treated.
  enum class Kind : std::uint8_t {
    whole,   // copied as a whole
    within,  // inside an item: in an object, `children` are kept; likewise in the objects of a list; anything
             // else is copied
    items,   // an item: an object of which `children` are kept, or a list of such objects
    path,    // on the way to the items: an object with one child; its other members are copied
    every,   // an object; each member is treated as the one child says
    without,  // an object of which all members but `children` are kept, a list of such objects, or anything
              // else
    dropped,  // a member that is omitted
  };
  Kind kind = Kind::whole;
  std::deque<Child> children;  // a deque, so that their addresses do not change

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
  // Distinguishes most names without a comparison or loop, each of which would cost more than the rest of the
  // work for a member.
  static std::size_t slot(std::string_view name) noexcept {
    if (name.empty()) return 0;
    const auto byte = [](char c) { return std::size_t{static_cast<unsigned char>(c)}; };
    return (name.size() * 5 + byte(name.front()) + byte(name.back()) * 3) % 64;
  }
  std::array<const Child*, 64> slots_{};
};

}  // namespace larder::projection
