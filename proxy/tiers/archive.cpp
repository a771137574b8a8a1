// Archive: the interface for the other threads, and the thread. What the thread does is in restoring.cpp and
// writing.cpp.

#include "tiers/archive.hpp"

#include "tiers/database.hpp"

#include <algorithm>
#include <chrono>

namespace larder::tiers {

namespace {

using namespace std::chrono_literals;
using policy::Millis;

constexpr std::size_t keys_a_batch = 256;
constexpr std::size_t max_questions = 1024;
constexpr std::size_t max_changed = 65'536;  // keys that wait to be written
constexpr std::size_t max_purges = 64;       // that wait to be carried out
constexpr Millis gathering{50};              // how long a change waits for others, to share a transaction
constexpr Millis first_pause{1'000};         // after a file that could not be opened, or a batch not written
constexpr Millis max_pause{60'000};

}  // namespace

Archive::Archive(Options options) : options_(std::move(options)) {}

void Archive::start(const store::Store& store) {
  store_ = &store;
  work_.changed.reserve(max_changed);
  work_.purges.reserve(max_purges);
  restoring_.store(database_ != nullptr, std::memory_order_release);
  // The thread reads `thread_` too: it begins after that has been written.
  const std::lock_guard lock(mutex_);
  thread_ = std::thread([this] {
    { const std::lock_guard begun(mutex_); }
    run();
  });
  accepts_ = database_ != nullptr;
}

Archive::~Archive() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Archive::find(const std::string& key, std::function<void(bool found)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (attached_ && may_find() && questions_.size() < max_questions) {
      questions_.push_back({key, nullptr});
      questions_.back().done = std::move(done);  // not before: if memory runs out, the caller still has it
      woken_.notify_one();
      return;
    }
  }
  done(false);
}

void Archive::detach() {
  std::unique_lock lock(mutex_);
  attached_ = false;
  questions_.clear();
  woken_.notify_one();
  idle_.wait(lock, [&] { return !restores_ && !restoring_.load(); });
}

void Archive::changed(const std::string& key, std::uint64_t hash) noexcept {
  // A change that restoring makes comes from the file.
  if (std::this_thread::get_id() == thread_.get_id() && taking_) return;
  add_work([&](Work& work) {
    if (work.changed.size() >= max_changed)
      work.lost_changes = true;
    else
      work.changed.insert_or_assign(key, hash);
  });
}

// Writes, and AllInvalidated, need no work here: each row has its sequence number, and the invalidation log
// beside the file has theirs, by which a row is judged when it is restored. A purge is in that log only for
// what was in memory, and erases only that.
void Archive::invalidated(const Invalidation& event) noexcept {
  const auto* purged = std::get_if<Purged>(&event.what);
  if (purged == nullptr) return;
  add_work([&](Work& work) {
    if (work.purges.size() >= max_purges)
      work.lost_changes = true;
    else
      work.purges.push_back({purged->purge, event.sequence});
  });
}

template <class Add>
void Archive::add_work(Add add) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (!accepts_) return;
    const bool was_empty = work_.is_empty();
    try {
      add(work_);
    } catch (const std::exception&) {  // out of memory
      work_.lost_changes = true;
    }
    if (!was_empty) return;
  }
  woken_.notify_one();
}

void Archive::run() noexcept {
  if (database_) begin_restoring();
  while (work() || wait_for_file()) {
  }
}

// Until the process ends (false), or there is no usable file (true).
bool Archive::work() noexcept {
  Work batch;
  for (bool more = database_ != nullptr; more;) {
    try {
      batch.changed.reserve(keys_a_batch);  // so that moving keys to and fro needs no memory
      more = turn(batch);
    } catch (const std::exception& error) {  // out of memory
      complain(error.what());
      failures_.fetch_add(1, std::memory_order_relaxed);
      more = database_ != nullptr && !put_back(batch);
    }
  }
  if (restoring_.load()) end_restoring();
  const std::lock_guard lock(mutex_);
  accepts_ = false;
  work_.clear();
  return !stopping_ && database_ != nullptr;
}

// Tries to open the file until that succeeds (true) or the process ends (false).
bool Archive::wait_for_file() noexcept {
  for (pause_ = first_pause;; pause_ = std::min(pause_ * 2, max_pause)) {
    {
      std::unique_lock lock(mutex_);
      if (woken_.wait_for(lock, pause_, [&] { return stopping_; })) return false;
    }
    try {
      auto why = options_.prepare ? options_.prepare() : std::string();
      if (why.empty()) why = create_file();
      if (why.empty()) why = open_file();
      if (why.empty()) break;
      database_.reset();
      complain(why);
    } catch (const std::exception& error) {  // out of memory
      database_.reset();
      complain(error.what());
    }
    failures_.fetch_add(1, std::memory_order_relaxed);
  }
  pause_ = Millis{0};
  restart();
  warn([] { return std::string("responses are persisted from now on"); });
  return true;
}

// Replaces what is in the file by what is in memory.
void Archive::restart() noexcept {
  {
    const std::lock_guard lock(mutex_);
    work_.lost_changes = true;
    accepts_ = true;
  }
  store_->each([this](const store::Entry& entry) { changed(entry.key, store_->hash(entry.key)); });
}

// Waits for something to do, and does it. False at the end.
bool Archive::turn(Work& batch) {
  std::vector<Question> questions;
  {
    std::unique_lock lock(mutex_);
    const auto is_due = [&] { return stopping_ || !questions_.empty(); };
    const auto now = std::chrono::steady_clock::now();
    if (work_.is_empty())
      write_at_ = std::chrono::steady_clock::time_point::max();
    else if (write_at_ == std::chrono::steady_clock::time_point::max())
      write_at_ = now + std::max(gathering, pause_);
    if (!restoring_.load() && !is_due()) {
      if (work_.is_empty()) {
        woken_.wait(lock, [&] { return is_due() || !work_.is_empty(); });
        return true;
      }
      (void)woken_.wait_until(lock, write_at_, is_due);
    }
    questions.swap(questions_);
    is_last_turn_ = stopping_;
    restores_ = attached_ && !is_last_turn_ && (restoring_.load() || !questions.empty());
  }
  if (restores_) {
    if (!questions.empty())
      answer(questions);
    else
      restore_slice();
    const std::lock_guard lock(mutex_);
    restores_ = false;
    idle_.notify_all();
  } else if (restoring_.load()) {
    end_restoring();
  }
  if (!is_last_turn_ && std::chrono::steady_clock::now() < write_at_) return true;
  take_batch(batch);
  if (batch.is_empty()) return !is_last_turn_;
  if (write(batch)) {
    pause_ = Millis{0};
    batch.clear();
    return true;
  }
  failures_.fetch_add(1, std::memory_order_relaxed);
  return database_ != nullptr && !put_back(batch);
}

void Archive::take_batch(Work& batch) {
  const std::lock_guard lock(mutex_);
  while (!work_.changed.empty() && batch.changed.size() < keys_a_batch)
    batch.changed.insert(work_.changed.extract(work_.changed.begin()));
  batch.purges.swap(work_.purges);
  batch.lost_changes = std::exchange(work_.lost_changes, false);
  write_at_ = std::chrono::steady_clock::time_point::max();
}

// Returns a batch that could not be written to the work that waits. True if it was tried when the process was
// already ending, so that it is not tried again.
bool Archive::put_back(Work& batch) noexcept {
  pause_ = std::clamp(pause_ * 2, first_pause, max_pause);
  const std::lock_guard lock(mutex_);
  work_.changed.merge(batch.changed);  // keys that have changed again are left out
  // Purges are carried out in any order. If there is no room for them, everything is deleted in their place.
  if (work_.purges.empty())
    work_.purges.swap(batch.purges);
  else if (!batch.purges.empty())
    work_.lost_changes = true;
  work_.lost_changes = work_.lost_changes || batch.lost_changes;
  batch.clear();
  return is_last_turn_;
}

// Every 16th time. Without memory for the message there is none.
void Archive::complain(std::string_view why) const noexcept {
  if (failures_.load() % 16 != 0) return;
  warn([&] { return std::string(why) + "; nothing is persisted meanwhile"; });
}

Archive::Stats Archive::stats() const {
  const std::lock_guard lock(mutex_);
  return {written_.load(), failures_.load(),     loaded_.load(),   unsound_.load(),
          bytes_.load(),   work_.changed.size(), restoring_.load()};
}

}  // namespace larder::tiers
