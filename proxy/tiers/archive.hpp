// Stored responses in an SQLite file, kept by a thread of its own.
//
// Model: the store reports which keys have changed; the thread looks up what is stored for them and updates
// the file, many keys per transaction. When the process starts, the thread restores what fits in memory, in
// slices, oldest first, while requests are already served. Until that is done, a fill first asks for its key
// (`find`), which is answered between two slices. Each body is stored once, under its digest, so that a
// renewal does not write it again. Each row has a digest of its own: a damaged row is never served. The file
// has a size budget; beyond it the oldest responses are deleted. A file that is no archive of this version,
// or is corrupt, is set aside and replaced. While the disk is full or fails, nothing is persisted; opening
// the file and writing are tried again after a pause. A file that is opened later than at the start begins
// with what is in memory by then, and nothing of what it had is restored. If a change cannot be noted,
// because memory is short or too many wait, everything in the file is deleted: it could restore what a newer
// response has replaced.
//
// Invalidations: writes are judged at restoring by the invalidation log beside the file; a purge deletes the
// rows that it concerns, in memory or not.
//
// Threading: `open` and `start` on one thread, before the others; the Tier's functions and `stats` from any.
// An exception on the archive's thread, such as std::bad_alloc, fails one batch: it is counted and logged.
#pragma once

#include "store/store.hpp"
#include "tiers/tier.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

namespace larder::tiers {

struct Database;

class Archive final : public Tier {
 public:
  struct Options {
    std::string path;
    std::size_t most = 0;          // bytes of bodies and heads
    std::uint64_t generation = 0;  // of the invalidation log beside it: rows of another one are deleted
    std::function<void(const std::string&)> warn;  // called on either thread
    std::function<policy::Now()> now;
    std::size_t memory = 0;  // bytes of responses to restore; the newest are
    /// Stores a response of an earlier process. Called on the archive's thread, as `restored` is, which is
    /// called once: when all are restored, or when the process ends before that.
    std::function<void(const std::string& key, std::shared_ptr<store::Response>)> restore;
    std::function<void()> restored;
    /// Called on the archive's thread before the file is opened later than at the start: returns a message if
    /// it cannot be opened yet.
    std::function<std::string()> prepare;
  };
  /// Returns a message if there can be no archive: another process uses it, or nothing can be written there.
  [[nodiscard]] static std::variant<std::unique_ptr<Archive>, std::string> open(Options options);
  /// An archive whose file cannot be opened yet: its thread tries that again.
  [[nodiscard]] static std::unique_ptr<Archive> open_later(Options options);
  /// Writes the changes that wait, and ends the thread.
  ~Archive() override;

  /// At least that of every response in the file.
  [[nodiscard]] policy::Sequence last_sequence() const noexcept { return last_sequence_; }
  /// Begins to restore and to write; the store must outlive the archive.
  void start(const store::Store& store);
  /// Ends restoring and the answering of `find`: what the functions for these refer to may then be destroyed.
  /// Writing continues.
  void detach();

  [[nodiscard]] bool may_find() const noexcept override { return restoring_.load(std::memory_order_acquire); }
  void find(const std::string& key, std::function<void(bool found)> done) override;
  void changed(const std::string& key, std::uint64_t hash) noexcept override;
  void invalidated(const Invalidation& event) noexcept override;

  struct Stats {
    std::uint64_t written = 0;   // responses
    std::uint64_t failures = 0;  // times that the file could not be opened, a batch written or restored
    std::uint64_t loaded = 0;    // responses restored
    std::uint64_t unsound = 0;   // damaged rows
    std::uint64_t bytes = 0;     // in the file now
    std::uint64_t waiting = 0;   // keys whose changes wait to be written
    bool restoring = false;      // responses of the last process are still being restored
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct PurgeToDo {
    policy::Purge purge;
    policy::Sequence sequence = 0;
  };
  // What waits to be written, or is being written.
  struct Work {
    std::unordered_map<std::string, std::uint64_t> changed;  // keys, with their hashes
    std::vector<PurgeToDo> purges;
    bool lost_changes = false;  // some could not be noted: everything in the file is to be deleted
    [[nodiscard]] bool is_empty() const noexcept {
      return changed.empty() && purges.empty() && !lost_changes;
    }
    void clear() noexcept {
      changed.clear();
      purges.clear();
      lost_changes = false;
    }
  };
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
  [[nodiscard]] std::string create_file() const;
  [[nodiscard]] std::string open_file();
  void restart() noexcept;
  void begin_anew(std::string_view why) noexcept;
  template <class Add>
  void add_work(Add add) noexcept;

  // On the archive's thread:
  void run() noexcept;
  [[nodiscard]] bool wait_for_file() noexcept;
  [[nodiscard]] bool work() noexcept;
  [[nodiscard]] bool turn(Work& batch);
  void take_batch(Work& batch);
  [[nodiscard]] bool put_back(Work& batch) noexcept;
  [[nodiscard]] bool write(const Work& work);
  [[nodiscard]] std::int64_t write_key(const std::string& key, std::uint64_t hash, std::uint64_t& written,
                                       policy::Sequence& last);
  [[nodiscard]] std::int64_t delete_purged(const policy::Purge& purge, policy::Sequence sequence);
  [[nodiscard]] std::int64_t delete_oldest(std::int64_t excess);
  void begin_restoring() noexcept;
  void restore_slice() noexcept;
  void end_restoring() noexcept;
  void answer(const std::vector<Question>& questions) noexcept;
  template <class Rows>
  std::size_t take(Rows& rows);
  void complain(std::string_view why) const noexcept;
  void give_up_restoring(std::string_view why) noexcept;
  // Logs the path and what `text` returns, if there is memory for it.
  template <class Text>
  void warn(Text text) const noexcept {
    try {
      options_.warn(options_.path + ": " + text());
    } catch (const std::exception&) {
    }
  }

  Options options_;
  std::unique_ptr<Database> database_;
  policy::Sequence last_sequence_ = 0;
  const store::Store* store_ = nullptr;
  std::thread thread_;
  // Used by the thread only:
  Position position_;
  bool taking_ = false;        // responses are being restored: the changes in the store come from here
  bool is_last_turn_ = false;  // the process was already ending when the turn began
  policy::Millis pause_{0};    // before the next batch, after one that could not be written
  std::chrono::steady_clock::time_point write_at_ = std::chrono::steady_clock::time_point::max();
  // Guarded by the mutex:
  mutable std::mutex mutex_;
  std::condition_variable woken_;
  std::condition_variable idle_;
  Work work_;
  std::vector<Question> questions_;
  bool restores_ = false;  // the thread is calling functions of others
  bool attached_ = true;
  bool accepts_ = false;  // work; false before the thread begins and after it has ended
  bool stopping_ = false;

  std::atomic<bool> restoring_{false};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> loaded_{0};
  std::atomic<std::uint64_t> unsound_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace larder::tiers
