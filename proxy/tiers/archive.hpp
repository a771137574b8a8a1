// Stored responses in an SQLite file: written behind by a thread of its own, read once at start.
//
// Model: the store says which keys have changed; the thread looks up what is there now and brings the file
// after it, many keys a transaction. Bodies are kept once each, by their digest, so that a renewal writes no
// body again. Each row has a digest of its own: what is torn is never served. The file is bounded; the oldest
// responses leave first. A file that is no archive of this version, or proves corrupt, is set aside and
// another one begun; a disk that is full, or fails, costs the persistence until it has room again.
// Threading: `changed` from any thread, and never waits for the disk; the rest from the one that opened it.
#pragma once

#include "store/store.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>

struct sqlite3;

namespace larder::tiers {

class Archive {
 public:
  struct Options {
    std::string path;
    std::size_t most = 0;          // bytes of bodies and heads
    std::uint64_t generation = 0;  // of the write log beside it: rows of another one are dropped
    std::function<void(const std::string&)> warn;  // from either thread
    std::function<policy::Now()> now;
  };
  /// A sentence where there can be no archive: another process has it, or nothing can be written there.
  [[nodiscard]] static std::variant<std::unique_ptr<Archive>, std::string> open(Options options);
  /// Writes what waits, and ends.
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  /// What was there, the newest first, until `take` returns false.
  using Take = std::function<bool(const std::string& key, std::shared_ptr<store::Response>)>;
  void load(const Take& take);

  /// Begins to write; the store outlives the archive.
  void start(const store::Store& store);
  void changed(const std::string& key, std::uint64_t hash);

  struct Stats {
    std::uint64_t written = 0;   // responses
    std::uint64_t failures = 0;  // batches that could not be written
    std::uint64_t loaded = 0;    // responses, at start
    std::uint64_t unsound = 0;   // rows that were not what they should be
    std::uint64_t bytes = 0;     // now
    std::uint64_t waiting = 0;   // keys
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Database;
  using Dirty = std::unordered_map<std::string, std::uint64_t>;

  explicit Archive(Options options);
  [[nodiscard]] std::string open_file();
  void run();
  [[nodiscard]] bool write(const Dirty& batch);
  void complain(std::string_view why) const noexcept;
  void begin_anew(const std::string& why);

  Options options_;
  std::unique_ptr<Database> database_;
  const store::Store* store_ = nullptr;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  Dirty dirty_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> loaded_{0};
  std::atomic<std::uint64_t> unsound_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace larder::tiers
