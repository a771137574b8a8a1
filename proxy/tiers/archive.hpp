// Stored responses in an SQLite file, kept by a thread of its own.
//
// Model: the store says which keys have changed; the thread looks up what is stored for them and updates the
// file, many keys per transaction. When the process starts, the thread restores what fits in memory, in
// slices, oldest first, while requests are served already; until that is done, a fill asks for its key first
// (`find`), which is answered between two slices. Bodies are kept once each, by their digest, so that a
// renewal writes no body again. Each row has a digest of its own: a torn row is never served. The file is
// bounded; the oldest responses leave first. A file that is no archive of this version, or proves corrupt, is
// set aside and a new one is begun. A disk that is full, or fails, suspends the persistence until it has room
// again. Threading: `open` and `start` on one thread, before the others; the Tier's functions and `stats`
// from any.
#pragma once

#include "store/store.hpp"
#include "tiers/tier.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>

namespace larder::tiers {

struct Database;

class Archive final : public Tier {
 public:
  struct Options {
    std::string path;
    std::size_t most = 0;          // bytes of bodies and heads
    std::uint64_t generation = 0;  // of the write log beside it: rows of another one are dropped
    std::function<void(const std::string&)> warn;  // from either thread
    std::function<policy::Now()> now;
    std::size_t memory = 0;  // bytes of responses to restore, the newest
    /// Stores a response of an earlier process. On the archive's thread, as `restored` is, which is called
    /// once, at the end; also where the process ends before.
    std::function<void(const std::string& key, std::shared_ptr<store::Response>)> restore;
    std::function<void()> restored;
  };
  /// A sentence where there can be no archive: another process has it, or nothing can be written there.
  [[nodiscard]] static std::variant<std::unique_ptr<Archive>, std::string> open(Options options);
  /// Writes what waits, and ends.
  ~Archive() override;

  /// Greater than those of all responses in the file.
  [[nodiscard]] policy::Sequence last_sequence() const noexcept { return last_sequence_; }
  /// Begins to restore and to write; the store outlives the archive.
  void start(const store::Store& store);
  /// No `find` is answered and nothing is restored any more: what the functions for those refer to may go
  /// away. Writing goes on.
  void detach();

  [[nodiscard]] bool may_find() const noexcept override { return restoring_.load(std::memory_order_acquire); }
  void find(const std::string& key, std::function<void(bool found)> done) override;
  void changed(const std::string& key, std::uint64_t hash) override;

  struct Stats {
    std::uint64_t written = 0;   // responses
    std::uint64_t failures = 0;  // batches that could not be written
    std::uint64_t loaded = 0;    // responses restored
    std::uint64_t unsound = 0;   // rows that were not what they should be
    std::uint64_t bytes = 0;     // now
    std::uint64_t waiting = 0;   // keys
    bool restoring = false;      // responses of the last run are still being restored
  };
  [[nodiscard]] Stats stats() const;

 private:
  using Dirty = std::unordered_map<std::string, std::uint64_t>;

  struct Question {
    std::string key;
    std::function<void(bool)> done;
  };
  // Where the next slice begins.
  struct Position {
    std::int64_t received = 0;
    std::int64_t row = 0;
  };

  explicit Archive(Options options);
  [[nodiscard]] std::string open_file();
  void run();
  [[nodiscard]] bool write(const Dirty& batch);
  void answer(std::deque<Question> questions);
  void begin_restoring();
  void restore_slice();
  void end_restoring();
  template <class Rows>
  std::size_t take(Rows& rows);
  void complain(std::string_view why) const noexcept;
  void begin_anew(const std::string& why);

  Options options_;
  std::unique_ptr<Database> database_;
  policy::Sequence last_sequence_ = 0;
  const store::Store* store_ = nullptr;
  std::thread thread_;
  // Of the thread:
  Position position_;
  bool taking_ = false;  // what changes in the store comes from here
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::condition_variable idle_;
  Dirty dirty_;
  std::deque<Question> questions_;
  bool restores_ = false;  // the thread calls what others gave it
  bool attached_ = true;
  bool stopping_ = false;
  std::atomic<bool> restoring_{false};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> loaded_{0};
  std::atomic<std::uint64_t> unsound_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace larder::tiers
