// Representations made from a stored response on first use: content codings, selected fields.
//
// A Derived belongs to its Response and is shared by all holders of that. Representations are immutable;
// their number only grows, up to a limit. Callable from any thread; critical sections are short.
#pragma once

#include "store/head.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace larder::store {

/// Another representation of a stored response, with the members that replace the response's.
struct Representation {
  std::string head;
  std::string head_304;
  HeadLines head_lines;  // of `head`
  std::string entity_tag;
  std::shared_ptr<const std::string> body;

  [[nodiscard]] HeadView head_view() const noexcept { return {head, head_lines}; }
  [[nodiscard]] std::size_t charge() const noexcept;  // bytes
};

class Derived {
 public:
  static constexpr std::size_t most = 16;  // maximum of representations of one response

  /// nullptr if there is no such representation, or it is not ready.
  [[nodiscard]] std::shared_ptr<const Representation> find(std::string_view name) const;

  /// True for the first call for a name: the caller must then make the representation and call `publish`.
  /// False for later calls, and if the limit is reached.
  [[nodiscard]] bool begin(std::string_view name);
  /// nullptr means that the representation cannot be made and must not be tried again.
  void publish(std::string_view name, std::shared_ptr<const Representation> made);
  /// The representation was not made because of a lack of capacity elsewhere; the next call of `begin` may
  /// return true again.
  void abandon(std::string_view name);

  /// The entity tags of all representations that are ready.
  [[nodiscard]] std::vector<std::string> entity_tags() const;

  [[nodiscard]] std::size_t charge() const;

 private:
  struct Place {
    std::string name;
    std::shared_ptr<const Representation> made;
  };
  mutable std::mutex mutex_;
  std::vector<Place> places_;
};

}  // namespace larder::store
