// What is made from a stored response when somebody first asks for it: content codings of its body.
//
// A Derived belongs to its Response and is shared by all who hold that. What is in it is immutable; it only
// grows, to a bound. Threading: any thread; short critical sections.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace larder::store {

/// Another representation of a stored response: what takes the place of its head, tag and body.
struct Representation {
  std::string head;
  std::string head_304;
  std::string entity_tag;
  std::shared_ptr<const std::string> body;

  [[nodiscard]] std::size_t charge() const noexcept;  // bytes
};

class Derived {
 public:
  static constexpr std::size_t most = 16;  // representations of one response

  /// nullptr where there is none of that name, or none yet.
  [[nodiscard]] std::shared_ptr<const Representation> find(std::string_view name) const;

  /// True for the first who asks: who is to make it, and then to call `publish`. False for everybody else,
  /// and where there are too many.
  [[nodiscard]] bool begin(std::string_view name);
  /// nullptr: it cannot be made, and is not to be tried again.
  void publish(std::string_view name, std::shared_ptr<const Representation> made);
  /// It was not made for want of room elsewhere; the next who asks may begin.
  void abandon(std::string_view name);

  /// Of the representations that there are.
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
