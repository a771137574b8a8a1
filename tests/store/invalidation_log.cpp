#include "store/invalidation_log.hpp"

#include "../catch.hpp"

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

using namespace larder;
using store::InvalidationLog;
using store::Validity;

namespace {

// As a hash of text: spread over all bits.
std::uint64_t path(std::uint64_t number) {
  return number * 0x9E37'79B9'7F4A'7C15 + 1;
}

struct Stored {
  policy::Sequence sequence = 0;
  std::shared_ptr<const store::Mark> mark;
};

Stored stored(InvalidationLog& log, std::uint64_t number) {
  const auto sequence = log.next_sequence();
  return {sequence, log.mark_of_path(path(number))};
}

Validity validity(const InvalidationLog& log, const Stored& of) {
  return log.validity_of(of.sequence, *of.mark, 100, {});
}

}  // namespace

TEST_CASE("the clock, written by fills, is not on a cache line of the slots, read by hits") {
  using Memory = InvalidationLog::Memory;
  const auto line = [](std::size_t offset) { return offset / policy::cache_line; };
  CHECK(line(offsetof(Memory, clock)) != line(offsetof(Memory, all)));
  CHECK(line(offsetof(Memory, clock)) != line(offsetof(Memory, routes)));
}

TEST_CASE("a write invalidates only what started before it") {
  store::InvalidationLog log;
  const auto before = log.next_sequence();
  CHECK_FALSE(log.is_invalidated(before, 1, 100));
  log.invalidate_path(1, store::Validity::only_on_error);
  CHECK(log.is_invalidated(before, 1, 100));
  CHECK_FALSE(log.is_invalidated(before, 2, 100));
  const auto after = log.next_sequence();
  CHECK_FALSE(log.is_invalidated(after, 1, 100));
  log.invalidate_route(100, store::Validity::only_on_error);
  CHECK(log.is_invalidated(after, 1, 100));
  CHECK_FALSE(log.is_invalidated(after, 1, 101));
  const auto later = log.next_sequence();
  log.invalidate_all(store::Validity::only_on_error);
  CHECK(log.is_invalidated(later, 5, 500));
  CHECK_FALSE(log.is_invalidated(log.next_sequence(), 5, 500));
}

TEST_CASE("the validity of a response is that of the strictest write that applies") {
  using store::Validity;
  struct Row {
    const char* what;
    Validity path;
    Validity route;
    Validity group;
    Validity expected;
  };
  const Row rows[] = {
      {"none", Validity::valid, Validity::valid, Validity::valid, Validity::valid},
      {"a soft one", Validity::valid, Validity::stale_once, Validity::valid, Validity::stale_once},
      {"soft and hard", Validity::only_on_error, Validity::stale_once, Validity::valid,
       Validity::only_on_error},
      {"its group, strictly", Validity::valid, Validity::stale_once, Validity::invalid, Validity::invalid},
      {"a strict one, then a soft one of the same", Validity::invalid, Validity::stale_once,
       Validity::stale_once, Validity::invalid},
  };
  const std::vector<std::uint64_t> groups{7};
  for (const auto& row : rows) {
    INFO(row.what);
    store::InvalidationLog log;
    const auto sequence = log.next_sequence();
    if (row.path != Validity::valid) log.invalidate_path(1, row.path);
    if (row.route != Validity::valid) log.invalidate_route(100, row.route);
    if (row.group != Validity::valid) log.invalidate_group(7, row.group);
    CHECK(log.validity_of(sequence, 1, 100, groups) == row.expected);
    CHECK(log.validity_of(log.next_sequence(), 1, 100, groups) == Validity::valid);
  }
  store::InvalidationLog log;
  const auto sequence = log.next_sequence();
  log.invalidate_path(1, Validity::invalid);
  log.invalidate_path(1, Validity::stale_once);
  CHECK(log.validity_of(sequence, 1, 100) == Validity::invalid);
}

TEST_CASE("the slots keep their content when the log is destroyed") {
  const auto memory = std::make_unique<store::InvalidationLog::Memory>();
  policy::Sequence sequence = 0;
  {
    store::InvalidationLog log(memory.get());
    sequence = log.next_sequence();
    log.invalidate_path(1, store::Validity::invalid);
  }
  store::InvalidationLog next(memory.get());
  CHECK(next.validity_of(sequence, 1, 100) == store::Validity::invalid);
  CHECK(next.next_sequence() > sequence);
  next.advance_to(1000);
  CHECK(next.next_sequence() > 1000);
}

TEST_CASE("writes to other paths leave what is stored valid, however many they are") {
  constexpr std::uint64_t hot = 500;
  const std::uint64_t writes = GENERATE(15'000U, 100'000U);
  InvalidationLog log;
  std::vector<Stored> responses;
  for (std::uint64_t i = 0; i < hot; ++i) responses.push_back(stored(log, i));
  for (std::uint64_t i = 0; i < writes; ++i) log.invalidate_path(path(hot + i), Validity::invalid);
  for (const auto& response : responses) CHECK(validity(log, response) == Validity::valid);
  CHECK(log.overflows() == (writes > 2 * store::WriteTable::most ? 7 : 0));
  // Each is still invalidated by a write to its own path.
  for (std::uint64_t i = 0; i < hot; ++i) {
    log.invalidate_path(path(i), Validity::invalid);
    CHECK(validity(log, responses[i]) == Validity::invalid);
    CHECK_FALSE(log.is_presumed(responses[i].sequence, *responses[i].mark, 100, {}));
  }
}

TEST_CASE("groups have marks of their own, which those of paths do not share") {
  InvalidationLog log;
  const auto response = stored(log, 1);
  const std::vector groups{log.mark_of_group(path(1)), log.mark_of_group(path(2))};
  const auto now = [&] { return log.validity_of(response.sequence, *response.mark, 100, groups); };
  for (std::uint64_t i = 3; i < 50'000; ++i) log.invalidate_group(path(i), Validity::invalid);
  CHECK(now() == Validity::valid);
  log.invalidate_group(path(2), Validity::stale_once);
  CHECK(now() == Validity::stale_once);
  log.invalidate_group(path(1), Validity::only_on_error);
  CHECK(now() == Validity::only_on_error);
  CHECK(validity(log, response) == Validity::valid);
}

TEST_CASE("what the table of writes has forgotten is presumed to be invalid, at the strictest level") {
  InvalidationLog log;
  const auto before = log.next_sequence();
  log.invalidate_path(path(1), Validity::only_on_error);
  const auto middle = log.next_sequence();
  for (std::uint64_t i = 0; i < store::WriteTable::most; ++i)
    log.invalidate_path(path(100 + i), Validity::stale_once);
  const auto after = log.next_sequence();
  CHECK(log.validity_of(before, path(1), 100) == Validity::only_on_error);
  CHECK(log.validity_of(middle, path(2), 100) == Validity::valid);
  CHECK(log.overflows() == 0);
  for (std::uint64_t i = 0; i < store::WriteTable::most; ++i)
    log.invalidate_path(path(100'000 + i), Validity::stale_once);
  CHECK(log.overflows() == 1);
  // Nothing is on record about either any more.
  for (const std::uint64_t number : {1, 2}) {
    CHECK(log.validity_of(before, path(number), 100) == Validity::only_on_error);
    CHECK(log.validity_of(middle, path(number), 100) == Validity::stale_once);
    CHECK(log.validity_of(after, path(number), 100) == Validity::valid);
  }
  const auto mark = log.mark_of_path(path(2));
  CHECK(log.validity_of(middle, *mark, 100, {}) == Validity::stale_once);
  CHECK(log.is_presumed(middle, *mark, 100, {}));
  CHECK(log.validity_of(after, *mark, 100, {}) == Validity::valid);
  // A write that is known is the reason, not the presumption.
  const auto written = log.mark_of_path(path(100'000));
  CHECK(log.validity_of(middle, *written, 100, {}) != Validity::valid);
  CHECK_FALSE(log.is_presumed(middle, *written, 100, {}));
}

TEST_CASE("a response that is stored after a write to its path has that write in its mark") {
  InvalidationLog log;
  const auto fill = log.next_sequence();
  log.invalidate_path(path(1), Validity::invalid);
  const auto mark = log.mark_of_path(path(1));
  CHECK(log.validity_of(fill, *mark, 100, {}) == Validity::invalid);
  CHECK(log.mark_of_path(path(1)) == mark);
  CHECK(log.validity_of(log.next_sequence(), *mark, 100, {}) == Validity::valid);
}

TEST_CASE("the table of marks forgets those that no response has") {
  store::MarkTable marks;
  const auto none = [] { return store::Mark::Beginning{}; };
  const auto kept = marks.get(path(0), none);
  for (std::uint64_t i = 1; i < 100'000; ++i) (void)marks.get(path(i), none);
  CHECK(marks.size() <= store::MarkTable::shard_count * store::MarkTable::least);
  CHECK(marks.find(path(0)) == kept);
  CHECK(marks.find(path(5)) == nullptr);
}

TEST_CASE("memory in use is sound at any time between writes") {
  const auto memory = std::make_unique<InvalidationLog::Memory>();
  CHECK(InvalidationLog::is_sound(*memory));
  InvalidationLog log(memory.get());
  log.invalidate_all(Validity::stale_once);
  CHECK(InvalidationLog::is_sound(*memory));
  for (std::uint64_t i = 0; i < 3 * store::WriteTable::most; ++i) {
    log.invalidate_path(path(i % 30'000), Validity::invalid);
    log.invalidate_route(i, Validity::only_on_error);
    if (i % 5000 == 0) CHECK(InvalidationLog::is_sound(*memory));
  }
  CHECK(log.overflows() == 1);
  CHECK(InvalidationLog::is_sound(*memory));
  const InvalidationLog next(memory.get());
  CHECK(next.validity_of(1, path(2), 7) == Validity::invalid);
}

TEST_CASE("a write that has returned on one thread is seen by responses stored and looked up on another") {
  InvalidationLog log;
  constexpr std::uint64_t paths = 8;
  constexpr std::uint64_t rounds = 20'000;
  // The number that the next write to the path will at least have, once it has returned.
  std::array<std::atomic<policy::Sequence>, paths> written{};
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> missed = 0;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < rounds; ++i) {
      const auto number = log.invalidate_path(path(i % paths), Validity::invalid);
      written[i % paths].store(number, std::memory_order_release);
      // Others, so that the table is given up meanwhile.
      for (std::uint64_t other = 0; other < 4; ++other)
        log.invalidate_path(path(1000 + i * 4 + other), Validity::invalid);
    }
    done = true;
  });
  std::thread reader([&] {
    std::vector<Stored> held(paths);
    for (std::uint64_t i = 0; !done; ++i) {
      auto& response = held[i % paths];
      if (i / paths % 3 == 0) response = stored(log, i % paths);
      if (!response.mark) continue;
      const auto known = written[i % paths].load(std::memory_order_acquire);
      if (validity(log, response) == Validity::valid && response.sequence < known) ++missed;
    }
  });
  writer.join();
  reader.join();
  CHECK(missed == 0);
  CHECK(log.overflows() > 0);
}
