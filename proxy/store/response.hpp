// A stored response: what policy knows of it, and the bytes that answer requests.
//
// Immutable once published and shared as shared_ptr<const Response>: a reader that holds one may send from it
// for as long as it likes, whatever is evicted, renewed or purged meanwhile.
#pragma once

#include "policy/stored.hpp"
#include "store/access_history.hpp"
#include "store/derived.hpp"

#include <boost/container/small_vector.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace larder::store {

/// A body's bytes, shared by whoever holds them. Where they are stands beside the reference, so that nobody
/// who sends them has to follow it.
class Body {
 public:
  Body() = default;
  Body(std::shared_ptr<const std::string> bytes) : owner_(std::move(bytes)) {
    if (owner_) bytes_ = *owner_;
  }

  [[nodiscard]] std::string_view operator*() const noexcept { return bytes_; }
  [[nodiscard]] const std::string_view* operator->() const noexcept { return &bytes_; }
  [[nodiscard]] const std::shared_ptr<const std::string>& owner() const noexcept { return owner_; }

 private:
  std::string_view bytes_;
  std::shared_ptr<const std::string> owner_;
};

/// What is sent. The first of it, and of StoredMeta, which follows it in a Response, is what every hit looks
/// at: with a million entries each cache line that a hit does not touch counts.
struct Sent {
  /// Of what shapes its bytes in the settings of its route: another mark there makes it void.
  std::uint64_t config_fingerprint = 0;
  /// Status line and fields as they go out, each line with its end, without the empty line; Content-Length
  /// and ETag included. Age, Cache-Status and Connection are said at each hit.
  std::string head;
  /// Shared with the response that this one renews.
  Body body;
  /// Of the names of its groups; what the write log knows them by.
  std::vector<std::uint64_t> group_hashes;
  /// When readers asked for it, where it is kept warm; else nullptr.
  std::shared_ptr<AccessHistory> access_history;
  std::size_t original_size = 0;  // of upstream's body, before it was projected
  bool is_json = false;           // by its type, and in no coding: smaller shapes may be cut from it
  /// It may be sent in a content coding of larder's making: its head says that it varies by Accept-Encoding.
  bool compressible = false;
};

struct Response : Sent, policy::StoredMeta {
  /// The head of a 304; empty where the response has no entity tag and no date to compare.
  std::string head_304;
  /// `client_cache_control` has taken the place of upstream's Cache-Control in `head`; a renewal judges by
  /// upstream's, where there was one.
  bool own_cache_control = false;
  std::string replaced_cache_control;
  /// Of a part that is stored as it came: what upstream said of it.
  std::string content_range;
  /// What was made of it; shared with nobody who has another body, and nullptr where nothing is ever to be.
  std::shared_ptr<Derived> derived;

  [[nodiscard]] std::size_t charge() const noexcept;  // bytes against cache.memory

  /// Lets all that a hit looks at here come at once, in place of line by line.
  void prefetch() const noexcept {
    constexpr std::size_t line = 64;
    constexpr std::size_t looked_at = 320;  // up to StoredMeta::lifetime
    const auto* at = reinterpret_cast<const char*>(static_cast<const Sent*>(this));
    for (std::size_t i = 0; i < looked_at; i += line) __builtin_prefetch(at + i);
  }
  /// The beginning of what is sent; the rest follows in order, which the processor sees by itself.
  void prefetch_sent() const noexcept {
    __builtin_prefetch(head.data());
    __builtin_prefetch(body->data());
  }
};

/// What is stored for one primary key: one response for each secondary key, newest first.
struct Entry {
  boost::container::small_vector<std::shared_ptr<const Response>, 1> variants;
  std::string key;

  static const std::size_t overhead;                  // bytes of an entry without key and responses
  [[nodiscard]] std::size_t charge() const noexcept;  // bytes against cache.memory
};

}  // namespace larder::store
