// A stored response: what policy knows of it, and the bytes that answer requests.
//
// Immutable once published and shared as shared_ptr<const Response>: a reader that holds one may send from it
// for as long as it likes, whatever is evicted, renewed or purged meanwhile.
#pragma once

#include "policy/stored.hpp"
#include "store/derived.hpp"
#include "store/interest.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::store {

struct Response : policy::StoredMeta {
  /// Status line and fields as they go out, each line with its end, without the empty line; Content-Length
  /// and ETag included. Age, Cache-Status and Connection are said at each hit.
  std::string head;
  /// The same for a 304; empty where the response has no entity tag and no date to compare.
  std::string head_304;
  /// `client_cache_control` has taken the place of upstream's Cache-Control in `head`; a renewal judges by
  /// upstream's, where there was one.
  bool own_cache_control = false;
  std::string replaced_cache_control;
  /// Of a part that is stored as it came: what upstream said of it.
  std::string content_range;
  /// Of the names of its groups; what the write log knows them by.
  std::vector<std::uint64_t> group_hashes;
  std::size_t original_size = 0;  // of upstream's body, before it was projected
  bool is_json = false;           // by its type, and in no coding: smaller shapes may be cut from it
  /// It may be sent in a content coding of larder's making: its head says that it varies by Accept-Encoding.
  bool codable = false;
  /// What was made of it; never nullptr, shared with nobody who has another body.
  std::shared_ptr<Derived> derived = std::make_shared<Derived>();
  /// Of what shapes its bytes in the settings of its route: another mark there makes it void.
  std::uint64_t made_by = 0;
  /// When readers asked for it, where it is kept warm; else nullptr.
  std::shared_ptr<Interest> interest;
  /// Shared with the response that this one renews.
  std::shared_ptr<const std::string> body;

  [[nodiscard]] std::size_t charge() const noexcept;  // bytes against cache.memory
};

/// What is stored for one primary key: one response for each secondary key, newest first.
struct Entry {
  std::string key;
  std::vector<std::shared_ptr<const Response>> variants;

  [[nodiscard]] std::size_t charge() const noexcept;
};

}  // namespace larder::store
