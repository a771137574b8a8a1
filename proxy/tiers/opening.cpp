// Archive: opening the file, and replacing one that cannot be used.

#include "tiers/archive.hpp"
#include "tiers/database.hpp"
#include "tiers/mapped_invalidation_log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace larder::tiers {

namespace {

constexpr std::int64_t application_id = 0x4C617264;  // "Lard"
constexpr std::int64_t version = 3;                  // of the tables and of what `encode` makes

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

std::variant<std::unique_ptr<Archive>, std::string> Archive::open(Options options) {
  auto archive = std::unique_ptr<Archive>(new Archive(std::move(options)));
  if (auto error = archive->create_file(); !error.empty()) return error;
  if (auto error = archive->open_file(); !error.empty()) return error;
  return archive;
}

std::unique_ptr<Archive> Archive::open_later(Options options) {
  return std::unique_ptr<Archive>(new Archive(std::move(options)));
}

// Only the owner may read the file: bodies can be confidential. Returns a message on failure.
std::string Archive::create_file() const {
  const auto& path = options_.path;
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return "cannot open " + path + ": " + std::strerror(errno);
  struct stat status {};
  const bool is_file = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  ::close(descriptor);
  return is_file ? std::string() : path + " is not a regular file";
}

// Opens the file, or sets it aside and creates another one if it is not an archive of this version. Returns
// an empty text, or why there can be no archive.
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
      // Nothing is written before it is known that the file is an archive.
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
        const auto size = std::max<std::int64_t>(database.ask("PRAGMA page_size"), 512);
        // A second limit, in case the sum of the sizes is wrong. Pages and indexes take more than the bytes.
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
      return std::string(options_.path)
                 .append(" ")
                 .append(why)
                 .append(", and cannot be moved out of the way: ") +
             std::strerror(errno);
    options_.warn(std::string(options_.path)
                      .append(" ")
                      .append(why)
                      .append("; it is ")
                      .append(aside)
                      .append(" now, and a new one is begun"));
  }
}

// Replaces a file that is damaged. If that is not possible, `database_` is empty afterwards and it is tried
// again (wait_for_file).
void Archive::begin_anew(std::string_view why) noexcept {
  database_.reset();
  try {
    std::string aside;
    if (!set_aside(options_.path, {"-wal", "-shm", "-journal"}, aside)) {
      options_.warn(options_.path + ": " + std::string(why) + "; nothing is persisted until that succeeds");
      return;
    }
    options_.warn(options_.path + ": " + std::string(why) + "; it is " + aside +
                  " now, and a new one is begun");
    if (const auto error = open_file(); !error.empty()) {
      database_.reset();
      options_.warn(error + "; nothing is persisted until that succeeds");
    }
  } catch (const std::exception& error) {  // out of memory
    database_.reset();
    warn([&] { return std::string(error.what()) + "; nothing is persisted until that succeeds"; });
  }
}

}  // namespace larder::tiers
