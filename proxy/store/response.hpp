// A stored response: its metadata and the bytes that are sent.
//
// Immutable once published and shared as shared_ptr<const Response>: code that holds one may send from it for
// any time, even if the response is evicted, replaced or purged meanwhile.
#pragma once

#include "policy/stored.hpp"
#include "store/access_history.hpp"
#include "store/derived.hpp"
#include "store/head.hpp"
#include "store/marks.hpp"

#include <boost/container/small_vector.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace larder::store {

/// A shared body. The address of the bytes is kept beside the reference, which saves an indirection.
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

/// The part of a Response that is sent. A Response begins with this, followed by StoredMeta, so that what
/// every hit reads is together: with a million entries, each further cache line costs.
struct Sent {
  /// Fingerprint of the settings that determine the bytes; with another one in the route, the response is not
  /// used.
  std::uint64_t config_fingerprint = 0;
  /// Status line and fields as sent, including Content-Length and ETag, each line with CRLF, without the
  /// final empty line. Age, Cache-Status and Connection are added at each hit.
  std::string head;
  /// Shared with the earlier response if this one was freshened by a 304.
  Body body;
  /// Owned by `path_mark_owner`; nullptr in a response that is not for storing.
  const Mark* path_mark = nullptr;
  /// Of its groups and bindings.
  std::vector<std::shared_ptr<const Mark>> group_marks;
  /// The times of the last requests, if the entry is kept warm; else nullptr.
  std::shared_ptr<AccessHistory> access_history;
  std::size_t original_size = 0;  // size of the API's body, before projection
  bool is_json = false;  // JSON by its media type, without a content coding: fields can be selected from it
  /// larder may encode it for clients; `head` then has Vary: Accept-Encoding.
  bool compressible = false;
};

struct Response : Sent, policy::StoredMeta {
  HeadLines head_lines;  // of `head`
  std::shared_ptr<const Mark> path_mark_owner;
  /// The head of a 304; empty if there is neither an entity tag nor a date to compare.
  std::string head_304;
  /// `client_cache_control` has replaced the API's Cache-Control in `head`. Freshening uses the API's value,
  /// if there was one.
  bool own_cache_control = false;
  std::string replaced_cache_control;
  /// Content-Range of a stored part, as received.
  std::string content_range;
  /// Representations made from this response. Not shared with responses that have another body; nullptr if
  /// none may be made.
  std::shared_ptr<Derived> derived;

  [[nodiscard]] HeadView head_view() const noexcept { return {head, head_lines}; }
  [[nodiscard]] std::size_t charge() const noexcept;  // bytes against cache.memory

  /// Prefetches all members that a hit reads, at once instead of line by line.
  void prefetch() const noexcept {
    constexpr std::size_t line = 64;
    constexpr std::size_t looked_at = 320;  // up to StoredMeta::lifetime
    const auto* at = reinterpret_cast<const char*>(static_cast<const Sent*>(this));
    for (std::size_t i = 0; i < looked_at; i += line) __builtin_prefetch(at + i);
  }
  /// Prefetches the start of what is sent; the processor prefetches the rest itself, as it is read in order.
  void prefetch_sent() const noexcept {
    __builtin_prefetch(head.data());
    __builtin_prefetch(body->data());
  }
};

/// The stored responses of one primary key, one for each secondary key, newest first.
struct Entry {
  boost::container::small_vector<std::shared_ptr<const Response>, 1> variants;
  std::string key;

  static const std::size_t overhead;                  // bytes of an entry, without key and responses
  [[nodiscard]] std::size_t charge() const noexcept;  // bytes against cache.memory
};

}  // namespace larder::store
