// Archive: writing changes to the file, on the archive's thread.

#include "tiers/archive.hpp"
#include "tiers/database.hpp"
#include "tiers/record.hpp"

#include <algorithm>
#include <vector>

namespace larder::tiers {

namespace {

constexpr std::int64_t row_overhead = 256;  // bytes; of SQLite, for one response

struct Row {
  std::string key;
  std::string variant;
  std::string body;  // its digest
  std::int64_t size = 0;
};

}  // namespace

// One transaction. On a failure nothing of it is in the file.
bool Archive::write(const Work& work) {
  if (!database_) return false;
  auto& database = *database_;
  try {
    database.run("BEGIN IMMEDIATE");
    auto bytes = static_cast<std::int64_t>(bytes_.load());
    if (work.lost_changes) {
      database.run("DELETE FROM entries; DELETE FROM bodies");
      bytes = 0;
    }
    for (const auto& [purge, sequence] : work.purges) bytes -= delete_purged(purge, sequence);
    std::uint64_t written = 0;
    policy::Sequence last = 0;
    for (const auto& [key, hash] : work.changed) bytes += write_key(key, hash, written, last);
    bytes -= delete_oldest(bytes - static_cast<std::int64_t>(options_.most));
    database.statements->sequence.bind(static_cast<std::int64_t>(last)).run();
    database.run("COMMIT");
    bytes_ = static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
    written_.fetch_add(written, std::memory_order_relaxed);
  } catch (const SqlError& error) {
    if (error.is_of_the_file()) {
      begin_anew(error.what());
      return false;
    }
    database.roll_back();
    complain(error.what());
    return false;
  } catch (const std::exception& error) {  // out of memory
    database.roll_back();
    complain(error.what());
    return false;
  }
  try {
    database.run("PRAGMA incremental_vacuum(1024)");
  } catch (const std::exception&) {
    // The file only stays larger. If it is damaged, the next batch fails too and replaces it.
  }
  return true;
}

// Makes the rows of a key those of its stored responses. Returns by how many bytes the file grows.
std::int64_t Archive::write_key(const std::string& key, std::uint64_t hash, std::uint64_t& written,
                                policy::Sequence& last) {
  auto& statements = *database_->statements;
  std::vector<Row> old;
  statements.variants.bind(std::string_view(key));
  while (statements.variants.step())
    old.push_back({{},
                   std::string(statements.variants.bytes(0)),
                   std::string(statements.variants.bytes(1)),
                   statements.variants.number(2)});
  std::int64_t grown = 0;
  std::vector<std::string> kept;
  const auto now = options_.now();
  const auto entry = store_->peek(key, hash);
  for (const auto& response : entry ? entry->variants : decltype(entry->variants){}) {
    if (response->part) continue;  // parts of a representation are not persisted
    const auto variant = variant_name(*response);
    const auto record = encode(*response, now);
    const auto body = digest_of({*response->body});
    const auto digest = digest_of({key, record, body});
    const auto received = (now.wall - (now.mono - response->response_time)).time_since_epoch().count();
    const auto size =
        static_cast<std::int64_t>(key.size() + record.size() + response->body->size()) + row_overhead;
    statements.put_body.bind(std::string_view(body), std::string_view(*response->body)).run();
    statements.put
        .bind(std::string_view(key), std::string_view(variant), static_cast<std::int64_t>(received), size,
              std::string_view(record), std::string_view(body), std::string_view(digest))
        .run();
    grown += size;
    kept.push_back(variant);
    last = std::max(last, response->sequence);
    ++written;
  }
  for (const auto& row : old) {
    grown -= row.size;
    if (std::find(kept.begin(), kept.end(), row.variant) == kept.end())
      statements.forget.bind(std::string_view(key), std::string_view(row.variant)).run();
    statements.drop_body.bind(std::string_view(row.body)).run();
  }
  return grown;
}

// Deletes the rows that a purge concerns, including those that are not in memory: the store does not report
// these. Damaged rows are deleted too. Returns their bytes. Reads every key; a purge is rare.
std::int64_t Archive::delete_purged(const policy::Purge& purge, policy::Sequence sequence) {
  auto& statements = *database_->statements;
  const auto now = options_.now();
  std::vector<Row> concerned;
  {
    Statement rows(database_->handle, "SELECT key, variant, body, size, digest, record FROM entries");
    while (rows.step()) {
      const auto text = rows.bytes(0);
      const policy::KeyView key(text);
      if (purge.what != policy::Purge::What::group && !purge.concerns(key, {})) continue;
      const auto record = rows.bytes(5);
      const bool is_sound = digest_of({text, record, rows.bytes(2)}) == rows.bytes(4);
      const auto response = is_sound ? decode(record, {}, now) : nullptr;
      if (response && (response->sequence >= sequence || !purge.concerns(key, response->groups))) continue;
      // After a soft purge, what is in memory is still used; the invalidation log has the purge.
      if (purge.soft && store_->peek(text, store_->hash(text))) continue;
      concerned.push_back(
          {std::string(text), std::string(rows.bytes(1)), std::string(rows.bytes(2)), rows.number(3)});
    }
  }
  std::int64_t deleted = 0;
  for (const auto& row : concerned) {
    statements.forget.bind(std::string_view(row.key), std::string_view(row.variant)).run();
    statements.drop_body.bind(std::string_view(row.body)).run();
    deleted += row.size;
  }
  return deleted;
}

// Deletes the oldest responses until so many bytes are free. Returns their bytes.
std::int64_t Archive::delete_oldest(std::int64_t excess) {
  auto& statements = *database_->statements;
  std::int64_t deleted = 0;
  while (deleted < excess && statements.oldest.bind().step()) {
    const std::string key(statements.oldest.bytes(0));
    const std::string variant(statements.oldest.bytes(1));
    const std::string body(statements.oldest.bytes(2));
    deleted += statements.oldest.number(3);
    statements.oldest.reset();
    statements.forget.bind(std::string_view(key), std::string_view(variant)).run();
    statements.drop_body.bind(std::string_view(body)).run();
  }
  return deleted;
}

}  // namespace larder::tiers
