// SQLite with exceptions and typed statements. Internal to this module.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <sqlite3.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace larder::tiers {

struct SqlError : std::runtime_error {
  SqlError(int its_code, const std::string& what) : std::runtime_error(what), code(its_code & 0xFF) {}
  int code;
  /// The file is damaged or is no database. Other errors, such as a full disk, can pass.
  [[nodiscard]] bool is_of_the_file() const noexcept {
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  }
};

/// Throws SqlError if the code is an error.
void check(sqlite3* database, int code);

// A prepared statement. SQLite does not copy bound bytes: they must live until the step has returned.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    check(database, sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  template <class... Values>
  Statement& bind(const Values&... values) {
    sqlite3_reset(statement_);
    int at = 0;
    (set(++at, values), ...);
    return *this;
  }
  /// True if there is a row.
  bool step() {
    const int code = sqlite3_step(statement_);
    check(database_, code);
    if (code == SQLITE_DONE) sqlite3_reset(statement_);
    return code == SQLITE_ROW;
  }
  void run() {
    while (step()) {
    }
  }
  /// Ends a query before its last row.
  void reset() noexcept { sqlite3_reset(statement_); }
  [[nodiscard]] std::int64_t number(int column) { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string_view bytes(int column) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  void set(int at, std::int64_t value) { check(database_, sqlite3_bind_int64(statement_, at, value)); }
  void set(int at, std::string_view value) {
    check(database_, sqlite3_bind_blob64(statement_, at, value.data() != nullptr ? value.data() : "",
                                         value.size(), SQLITE_STATIC));
  }
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

/// A digest of 16 bytes of a sequence of texts.
[[nodiscard]] std::string digest_of(std::initializer_list<std::string_view> pieces);

/// An open database with the statements that the archive's writes use. Threading: none of its own.
struct Database {
  explicit Database(sqlite3* its_handle) : handle(its_handle) {}
  ~Database() {
    statements.reset();
    sqlite3_close(handle);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const std::string& sql) {
    check(handle, sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr));
  }
  [[nodiscard]] std::int64_t ask(const char* sql) {
    Statement statement(handle, sql);
    return statement.step() ? statement.number(0) : 0;
  }

  /// Ends the transaction, whatever state it is in.
  void roll_back() noexcept {
    if (statements) {
      statements->variants.reset();
      statements->oldest.reset();
    }
    (void)sqlite3_exec(handle, "ROLLBACK", nullptr, nullptr, nullptr);
  }

  struct Statements {
    explicit Statements(sqlite3* at)
        : variants(at, "SELECT variant, body, size FROM entries WHERE key = ?"),
          forget(at, "DELETE FROM entries WHERE key = ? AND variant = ?"),
          put(at, "INSERT OR REPLACE INTO entries VALUES(?, ?, ?, ?, ?, ?, ?)"),
          put_body(at, "INSERT OR IGNORE INTO bodies VALUES(?, ?)"),
          drop_body(at,
                    "DELETE FROM bodies WHERE digest = ?1 AND NOT EXISTS "
                    "(SELECT 1 FROM entries WHERE body = ?1)"),
          oldest(at, "SELECT key, variant, body, size FROM entries ORDER BY received LIMIT 1"),
          sequence(
              at,
              "INSERT OR REPLACE INTO about VALUES('sequence', max(?1, coalesce((SELECT value FROM about "
              "WHERE name = 'sequence'), 0)))") {}
    Statement variants, forget, put, put_body, drop_body, oldest, sequence;
  };

  sqlite3* handle;
  std::optional<Statements> statements;
};

}  // namespace larder::tiers
