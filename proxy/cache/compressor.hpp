// Content codings of stored responses, made once, on a thread of their own, at the first request for them.
//
// Model: one thread and a bounded queue. A job owns a reference to its response, which may be evicted or
// renewed meanwhile. The result is published in the response and charged to the store's budget. If the queue
// is full or encoding fails, identity is sent (design, invariant 9). `request` may be called from any thread.
#pragma once

#include "net/background_thread.hpp"
#include "settings/settings.hpp"
#include "store/store.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace larder::cache {

/// The name of a coded representation in store::Derived: its coding and the encoder's fingerprint.
[[nodiscard]] std::string representation_name(http::Coding coding, std::string_view mark);

class Compressor {
 public:
  explicit Compressor(store::Store& store) : store_(store) {}
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() = default;  // waits for the job under way

  /// Starts encoding, unless it has been started before.
  void request(const std::string& key, std::shared_ptr<const store::Response> response, http::Coding coding,
               int level);

  [[nodiscard]] std::uint64_t made() const noexcept { return made_.load(std::memory_order_relaxed); }

 private:
  static constexpr int max_waiting = 64;

  store::Store& store_;
  std::atomic<int> waiting_{0};
  std::atomic<std::uint64_t> made_{0};
  BackgroundThread thread_;  // the last member: its jobs use the others
};

}  // namespace larder::cache
