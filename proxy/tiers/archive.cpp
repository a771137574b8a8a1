#include "tiers/archive.hpp"

#include "tiers/database.hpp"
#include "tiers/mapped_invalidation_log.hpp"
#include "tiers/record.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace larder::tiers {

namespace {

using namespace std::chrono_literals;
using policy::Millis;

constexpr std::int64_t application_id = 0x4C617264;  // "Lard"
constexpr std::int64_t version = 3;                  // of the tables and of what `encode` makes
constexpr std::size_t keys_a_batch = 256;
constexpr std::size_t max_questions = 1024;
constexpr std::size_t max_waiting = 65'536;  // keys; what is dropped beyond costs a fetch after a restart
constexpr Millis gathering{50};              // so long a change waits for others
constexpr Millis first_pause{1'000};         // after a batch that could not be written
constexpr Millis max_pause{60'000};
constexpr std::size_t row_overhead = 256;

constexpr const char* tables = R"(
  CREATE TABLE about(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
  CREATE TABLE bodies(digest BLOB PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE entries(
    key BLOB NOT NULL, variant BLOB NOT NULL, received INTEGER NOT NULL, size INTEGER NOT NULL,
    record BLOB NOT NULL, body BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(key, variant));
  CREATE INDEX entries_received ON entries(received);
  CREATE INDEX entries_body ON entries(body);
)";

}  // namespace

Archive::Archive(Options options) : options_(std::move(options)) {}

std::variant<std::unique_ptr<Archive>, std::string> Archive::open(Options options) {
  auto archive = std::unique_ptr<Archive>(new Archive(std::move(options)));
  // Bodies may be nobody else's business.
  const auto& path = archive->options_.path;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return "cannot open " + path + ": " + std::strerror(errno);
  struct stat status {};
  const bool is_file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  ::close(descriptor);
  if (!is_file) return path + " is no file";
  auto error = archive->open_file();
  if (!error.empty()) return error;
  return archive;
}

// An empty text where the file is open and of this version; else why it cannot be.
std::string Archive::open_file() {
  for (int attempt = 1;; ++attempt) {
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(options_.path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    database_ = std::make_unique<Database>(handle);
    std::string why;
    try {
      check(handle, code);
      auto& database = *database_;
      database.run("PRAGMA locking_mode = EXCLUSIVE");
      // Nothing is written before it is known whose file it is.
      const auto id = database.ask("PRAGMA application_id");
      const auto its_version = database.ask("PRAGMA user_version");
      const bool is_new =
          database.ask("SELECT count(*) FROM sqlite_master") == 0 && id == 0 && its_version == 0;
      if (!is_new && id != application_id) {
        why = "is no archive of larder's";
      } else if (!is_new && its_version != version) {
        why = "is of version " + std::to_string(its_version) + ", and this larder knows version " +
              std::to_string(version);
      } else {
        if (is_new) database.run("PRAGMA auto_vacuum = INCREMENTAL");
        database.run(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 16777216");
        database.run("BEGIN IMMEDIATE");
        if (is_new) {
          database.run(tables);
          database.run("PRAGMA application_id = " + std::to_string(application_id) +
                       "; PRAGMA user_version = " + std::to_string(version));
        }
        const auto generation = static_cast<std::int64_t>(options_.generation);
        if (!is_new && database.ask("SELECT value FROM about WHERE name = 'writes'") != generation) {
          options_.warn(options_.path +
                        ": the write log beside it is another one; what was stored is dropped");
          database.run("DELETE FROM entries; DELETE FROM bodies");
        }
        Statement(handle, "INSERT OR REPLACE INTO about VALUES('writes', ?)").bind(generation).run();
        database.run("COMMIT");
        const auto size = database.ask("PRAGMA page_size");
        // A backstop: what is kept in order by its bound needs a little more than its bytes.
        database.run(
            "PRAGMA max_page_count = " +
            std::to_string(static_cast<std::int64_t>(options_.most + options_.most / 2) / size + 4096));
        database.statements.emplace(handle);
        last_sequence_ =
            static_cast<policy::Sequence>(database.ask("SELECT value FROM about WHERE name = 'sequence'"));
        bytes_ = static_cast<std::uint64_t>(database.ask("SELECT coalesce(sum(size), 0) FROM entries"));
        return {};
      }
    } catch (const SqlError& error) {
      if (error.code == SQLITE_BUSY || error.code == SQLITE_LOCKED)
        return options_.path + ": another process uses it";
      if (!error.is_of_the_file()) return options_.path + ": " + error.what();
      why = std::string("is no sound archive (") + error.what() + ")";
    }
    database_.reset();
    std::string aside;
    if (attempt > 1 || !set_aside(options_.path, {"-wal", "-shm", "-journal"}, aside))
      return options_.path + " " + why + ", and cannot be moved out of the way: " + std::strerror(errno);
    options_.warn(options_.path + " " + why + "; it is " + aside + " now, and a new one is begun");
  }
}

void Archive::begin_anew(const std::string& why) {
  database_.reset();
  std::string aside;
  if (!set_aside(options_.path, {"-wal", "-shm", "-journal"}, aside)) {
    options_.warn(options_.path + ": " + why + "; nothing is persisted until the next start");
    return;
  }
  options_.warn(options_.path + ": " + why + "; it is " + aside + " now, and a new one is begun");
  if (const auto error = open_file(); !error.empty()) {
    database_.reset();
    options_.warn(error + "; nothing is persisted until the next start");
  }
}

void Archive::start(const store::Store& store) {
  store_ = &store;
  dirty_.reserve(max_waiting);
  if (!database_) return;
  restoring_.store(true, std::memory_order_release);
  // The thread reads `thread_` too: it begins once that has been written.
  const std::lock_guard lock(mutex_);
  thread_ = std::thread([this] {
    { const std::lock_guard begun(mutex_); }
    run();
  });
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
      questions_.push_back({key, std::move(done)});
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

void Archive::changed(const std::string& key, std::uint64_t hash) {
  if (std::this_thread::get_id() == thread_.get_id() && taking_) return;  // it comes from the file
  {
    const std::lock_guard lock(mutex_);
    if (dirty_.size() >= max_waiting || !thread_.joinable()) return;
    dirty_.insert_or_assign(key, hash);
    if (dirty_.size() > 1) return;
  }
  woken_.notify_one();
}

void Archive::run() {
  try {
    begin_restoring();
  } catch (const std::exception&) {
    position_ = {INT64_MAX, 0};  // the first slice finds the same fault and says so
  }
  Millis pause{0};
  Dirty batch;
  batch.reserve(keys_a_batch);  // so that moving keys to and fro needs no memory
  auto write_at = std::chrono::steady_clock::time_point::max();
  for (;;) {
    bool last = false;
    std::deque<Question> questions;
    {
      std::unique_lock lock(mutex_);
      const auto is_due = [&] { return stopping_ || !questions_.empty(); };
      const auto now = std::chrono::steady_clock::now();
      // Changes gather, and a disk that was full is given time.
      if (dirty_.empty())
        write_at = std::chrono::steady_clock::time_point::max();
      else if (write_at == std::chrono::steady_clock::time_point::max())
        write_at = now + std::max(gathering, pause);
      if (!restoring_.load() && !is_due()) {
        if (dirty_.empty()) {
          woken_.wait(lock, [&] { return is_due() || !dirty_.empty(); });
          continue;
        }
        (void)woken_.wait_until(lock, write_at, is_due);
      }
      questions.swap(questions_);
      last = stopping_;
      restores_ = attached_ && !last && (restoring_.load() || !questions.empty());
    }
    if (restores_) {
      if (!questions.empty())
        answer(std::move(questions));
      else
        restore_slice();
      const std::lock_guard lock(mutex_);
      restores_ = false;
      idle_.notify_all();
    } else if (restoring_.load()) {
      end_restoring();
    }
    if (!last && std::chrono::steady_clock::now() < write_at) continue;
    {
      const std::lock_guard lock(mutex_);
      while (!dirty_.empty() && batch.size() < keys_a_batch) batch.insert(dirty_.extract(dirty_.begin()));
      write_at = std::chrono::steady_clock::time_point::max();
    }
    if (batch.empty()) {
      if (last) return;
      continue;
    }
    if (write(batch)) {
      pause = Millis{0};
      batch.clear();
      continue;
    }
    failures_.fetch_add(1, std::memory_order_relaxed);
    if (last || !database_) {
      if (restoring_.load()) end_restoring();
      return;
    }
    pause = std::clamp(pause * 2, first_pause, max_pause);
    const std::lock_guard lock(mutex_);
    dirty_.merge(batch);
    batch.clear();
  }
}

// Once in a while; what cannot be said for want of memory stays unsaid.
void Archive::complain(std::string_view why) const noexcept {
  if (failures_.load() % 16 != 0) return;
  try {
    options_.warn(options_.path + ": " + std::string(why) + "; nothing is persisted meanwhile");
  } catch (const std::exception&) {
  }
}

bool Archive::write(const Dirty& batch) {
  if (!database_) return false;
  auto& database = *database_;
  auto& deps = *database.statements;
  try {
    database.run("BEGIN IMMEDIATE");
    auto bytes = static_cast<std::int64_t>(bytes_.load());
    std::uint64_t written = 0;
    policy::Sequence last = 0;
    for (const auto& [key, hash] : batch) {
      struct Row {
        std::string variant;
        std::string body;
        std::int64_t size = 0;
      };
      std::vector<Row> old;
      deps.variants.bind(std::string_view(key));
      while (deps.variants.step())
        old.push_back({std::string(deps.variants.bytes(0)), std::string(deps.variants.bytes(1)),
                       deps.variants.number(2)});
      std::vector<std::string> kept;
      const auto now = options_.now();
      const auto entry = store_->peek(key, hash);
      for (const auto& response : entry ? entry->variants : decltype(entry->variants){}) {
        if (response->part) continue;  // half of something is not worth a disk
        const auto variant = variant_name(*response);
        const auto record = encode(*response, now);
        const auto body = digest_of({*response->body});
        const auto digest = digest_of({key, record, body});
        const auto received = (now.wall - (now.mono - response->response_time)).time_since_epoch().count();
        const auto size =
            static_cast<std::int64_t>(key.size() + record.size() + response->body->size() + row_overhead);
        deps.put_body.bind(std::string_view(body), std::string_view(*response->body)).run();
        deps.put
            .bind(std::string_view(key), std::string_view(variant), static_cast<std::int64_t>(received), size,
                  std::string_view(record), std::string_view(body), std::string_view(digest))
            .run();
        bytes += size;
        kept.push_back(variant);
        last = std::max(last, response->sequence);
        ++written;
      }
      for (const auto& row : old) {
        bytes -= row.size;
        if (std::find(kept.begin(), kept.end(), row.variant) == kept.end())
          deps.forget.bind(std::string_view(key), std::string_view(row.variant)).run();
        deps.drop_body.bind(std::string_view(row.body)).run();
      }
    }
    while (bytes > static_cast<std::int64_t>(options_.most)) {
      if (!deps.oldest.bind().step()) break;
      const std::string key(deps.oldest.bytes(0));
      const std::string variant(deps.oldest.bytes(1));
      const std::string body(deps.oldest.bytes(2));
      bytes -= deps.oldest.number(3);
      (void)deps.oldest.step();  // to its end
      deps.forget.bind(std::string_view(key), std::string_view(variant)).run();
      deps.drop_body.bind(std::string_view(body)).run();
    }
    deps.sequence.bind(static_cast<std::int64_t>(last)).run();
    database.run("COMMIT");
    database.run("PRAGMA incremental_vacuum(1024)");
    bytes_ = static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
    written_.fetch_add(written, std::memory_order_relaxed);
    return true;
  } catch (const SqlError& error) {
    const std::string why = error.what();
    if (error.is_of_the_file()) {
      begin_anew(why);
      return false;
    }
    (void)sqlite3_exec(database.handle, "ROLLBACK", nullptr, nullptr, nullptr);
    complain(why);
    return false;
  } catch (const std::exception& error) {  // out of memory, above all
    (void)sqlite3_exec(database.handle, "ROLLBACK", nullptr, nullptr, nullptr);
    complain(error.what());
    return false;
  }
}

Archive::Stats Archive::stats() const {
  const std::lock_guard lock(mutex_);
  return {written_.load(), failures_.load(), loaded_.load(),   unsound_.load(),
          bytes_.load(),   dirty_.size(),    restoring_.load()};
}

}  // namespace larder::tiers
