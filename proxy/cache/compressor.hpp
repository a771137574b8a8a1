// Content codings of stored responses: made once, off the loops, when somebody first asks.
//
// Model: one thread and a bounded queue. A job holds the response it works on, so eviction and renewal go
// their way meanwhile; what it makes is published in the response and charged to the store's budget. A queue
// that is full, or a library that fails, costs the coding alone: identity is sent (design, invariant 9).
// Threading: `request` from any thread.
#pragma once

#include "settings/settings.hpp"
#include "store/store.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace larder::cache {

/// What a coded representation is called in store::Derived: by its coding, and what shapes its bytes.
[[nodiscard]] std::string representation_name(http::Coding coding, std::string_view mark);

class Compressor {
 public:
  explicit Compressor(store::Store& store) : store_(store) {}
  /// Waits for the job under way; drops those that wait.
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// Begins to make the coding unless that has been done, or is being done.
  void request(const std::string& key, std::shared_ptr<const store::Response> response, http::Coding coding,
               int level);

  [[nodiscard]] std::uint64_t made() const noexcept { return made_.load(std::memory_order_relaxed); }

 private:
  static constexpr int max_waiting = 64;

  store::Store& store_;
  std::atomic<int> waiting_{0};
  std::atomic<std::uint64_t> made_{0};
  /// Begins when there is something to be coded: a process of one thread is spared what sharing costs.
  [[nodiscard]] boost::asio::thread_pool& thread();

  std::once_flag begun_;
  std::optional<boost::asio::thread_pool> thread_;
};

}  // namespace larder::cache
