// Archive: restoring what the last process stored, on the archive's thread.

#include "tiers/archive.hpp"
#include "tiers/database.hpp"
#include "tiers/record.hpp"

namespace larder::tiers {

namespace {

constexpr std::int64_t rows_a_slice = 64;  // a `find` waits for at most one slice

}  // namespace

// Restores the rows of a query. Returns their number.
template <class Rows>
std::size_t Archive::take(Rows& rows) {
  const auto now = options_.now();
  std::size_t count = 0;
  taking_ = true;
  while (rows.step()) {
    ++count;
    const auto key = rows.bytes(0);
    const auto record = rows.bytes(1);
    const auto of_body = rows.bytes(2);
    const auto body = rows.bytes(4);
    position_ = {rows.number(5), rows.number(6)};
    const bool is_sound = digest_of({key, record, of_body}) == rows.bytes(3) && digest_of({body}) == of_body;
    auto response = is_sound ? decode(record, std::make_shared<const std::string>(body), now) : nullptr;
    if (!response) {
      unsound_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    options_.restore(std::string(key), std::move(response));
    loaded_.fetch_add(1, std::memory_order_relaxed);
  }
  taking_ = false;
  return count;
}

// The newest responses that fit in memory are restored, beginning with the oldest of them: the store evicts
// first what it got first.
void Archive::begin_restoring() noexcept {
  try {
    Statement sizes(database_->handle, "SELECT received, size FROM entries ORDER BY received DESC");
    std::int64_t room = static_cast<std::int64_t>(options_.memory);
    position_ = {INT64_MAX, 0};
    while (sizes.step()) {
      room -= sizes.number(1);
      if (room < 0) break;
      position_ = {sizes.number(0), 0};
    }
  } catch (const SqlError& error) {
    position_ = {INT64_MAX, 0};  // nothing is restored
    error.is_of_the_file() ? begin_anew(error.what()) : give_up_restoring(error.what());
  } catch (const std::exception& error) {  // out of memory
    position_ = {INT64_MAX, 0};
    give_up_restoring(error.what());
  }
}

void Archive::restore_slice() noexcept {
  bool more = false;
  try {
    if (database_) {
      Statement rows(database_->handle,
                     "SELECT e.key, e.record, e.body, e.digest, b.bytes, e.received, e.rowid FROM entries e "
                     "LEFT JOIN bodies b ON b.digest = e.body WHERE (e.received, e.rowid) > (?1, ?2) "
                     "ORDER BY e.received, e.rowid LIMIT ?3");
      rows.bind(position_.received, position_.row, rows_a_slice);
      more = take(rows) == static_cast<std::size_t>(rows_a_slice);
    }
  } catch (const SqlError& error) {
    error.is_of_the_file() ? begin_anew(error.what()) : give_up_restoring(error.what());
  } catch (const std::exception& error) {  // out of memory
    give_up_restoring(error.what());
  }
  taking_ = false;
  if (!more) end_restoring();
}

void Archive::give_up_restoring(std::string_view why) noexcept {
  failures_.fetch_add(1, std::memory_order_relaxed);
  warn([&] { return std::string(why) + "; what could not be read is fetched again"; });
}

void Archive::end_restoring() noexcept {
  if (const auto bad = unsound_.load(); bad > 0)
    warn([&] { return std::to_string(bad) + " damaged rows were left out"; });
  try {
    options_.restored();
  } catch (const std::exception& error) {  // out of memory, while it logs
    warn([&] { return std::string(error.what()); });
  }
  const std::lock_guard lock(mutex_);
  restoring_.store(false, std::memory_order_release);
  idle_.notify_all();
}

void Archive::answer(const std::vector<Question>& questions) noexcept {
  for (const auto& question : questions) {
    bool found = false;
    const auto position = position_;
    try {
      if (database_) {
        Statement rows(
            database_->handle,
            "SELECT e.key, e.record, e.body, e.digest, b.bytes, e.received, e.rowid FROM entries e "
            "LEFT JOIN bodies b ON b.digest = e.body WHERE e.key = ?1 ORDER BY e.received");
        rows.bind(std::string_view(question.key));
        found = take(rows) > 0;
      }
    } catch (const std::exception&) {
      // The next slice meets the same failure and reports it.
    }
    taking_ = false;
    position_ = position;
    {
      const std::lock_guard lock(mutex_);
      if (!attached_) return;
    }
    question.done(found);
  }
}

}  // namespace larder::tiers
