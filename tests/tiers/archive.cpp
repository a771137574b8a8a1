#include "../failing_allocation.hpp"
#include "failing_disk.hpp"
#include "persisted.hpp"

#include <atomic>
#include <future>
#include <optional>

using namespace larder;
using policy::Purge;
using test::Bodies;
using test::content_of;
using test::FailingAllocation;
using test::FailingDisk;
using test::is_part_of;
using test::Persisted;
using test::three;
using test::write;

TEST_CASE("what was stored is restored, and what was erased is not") {
  const test::Directory directory;
  const auto path = directory.file("archive");
  {
    Persisted first(path);
    REQUIRE(first.open());
    for (const auto& [key, body] : three) first.put(key, body);
    first.put("http://api/d", "fourth");
    first.store.erase_older("http://api/d", first.store.hash("http://api/d"), 2);
  }
  CHECK(content_of(path) == three);
}

TEST_CASE("a purge deletes what is not in memory too, except what was fetched after it") {
  struct Purged {
    Purge purge;
    std::vector<std::string> left;
  };
  const std::vector<Purged> purges = {
      {{Purge::What::path, "/a"}, {"http://api/b?x", "http://api/bc", "http://api/new"}},
      {{Purge::What::prefix, "/b"}, {"http://api/a", "http://api/new"}},
      {{Purge::What::path, "/b"}, {"http://api/a", "http://api/bc", "http://api/new"}},
      {{Purge::What::group, "lists"}, {"http://api/b?x", "http://api/new"}},
      {{Purge::What::all, ""}, {"http://api/new"}},
      {{Purge::What::all, "", true}, {"http://api/new"}},
  };
  for (const auto& [purge, left] : purges) {
    INFO(purge.text);
    const test::Directory directory;
    const auto path = directory.file("archive");
    {
      Persisted first(path);
      REQUIRE(first.open());
      first.put("http://api/a", "1", 1, {"lists"});
      first.put("http://api/b?x", "2", 2);
      first.put("http://api/bc", "3", 3, {"other", "lists"});
      first.put("http://api/new", "4", 10, {"lists"});
    }
    {
      Persisted second(path, 0);  // nothing fits in memory
      REQUIRE(second.open());
      CHECK(second.restored().empty());
      second.archive->invalidated({tiers::Purged{purge}, store::Validity::invalid, 10});
    }
    std::vector<std::string> keys;
    for (const auto& one : content_of(path)) keys.push_back(one.first);
    CHECK(keys == left);
  }
}

TEST_CASE("a soft purge deletes nothing that is in memory, and a write deletes nothing") {
  const test::Directory directory;
  const auto path = directory.file("archive");
  {
    Persisted first(path);
    REQUIRE(first.open());
    for (const auto& [key, body] : three) first.put(key, body);
    const Purge soft{Purge::What::all, "", true};
    first.archive->invalidated({tiers::Purged{soft}, store::Validity::stale_once, 10});
    first.archive->invalidated({tiers::PathInvalidated{"//api/a"}, store::Validity::invalid, 11});
    first.archive->invalidated({tiers::AllInvalidated{}, store::Validity::only_on_error, 12});
  }
  CHECK(content_of(path) == three);
}

TEST_CASE("if a change cannot be noted, nothing older is restored") {
  const test::Directory directory;
  const auto path = directory.file("archive");
  write(path, three);
  {
    Persisted second(path);
    REQUIRE(second.open());
    CHECK(second.restored() == three);
    second.put("http://api/new", "4");
    SECTION("without memory for a changed key") {
      const std::string key = "http://api/a";
      const FailingAllocation failing(1);
      second.archive->changed(key, 1);
      REQUIRE(FailingAllocation::has_failed());
    }
    SECTION("without memory for a purge") {
      const Purge purge{Purge::What::path, "/a path that is longer than a short string"};
      const FailingAllocation failing(1);
      second.archive->invalidated({tiers::Purged{purge}, store::Validity::invalid, 10});
      REQUIRE(FailingAllocation::has_failed());
    }
    SECTION("with too many purges at a time") {
      const Purge purge{Purge::What::path, "/z"};
      for (int i = 0; i < 10'000; ++i)
        second.archive->invalidated({tiers::Purged{purge}, store::Validity::invalid, 10});
    }
  }
  CHECK(content_of(path) == Bodies{{"http://api/new", "4"}});
}

TEST_CASE("a disk that fails at any one operation costs at most what was being written") {
  std::size_t failures = 0;
  for (std::size_t n = 1;; ++n) {
    INFO(n);
    const test::Directory directory;
    const auto path = directory.file("archive");
    write(path, {{"http://api/a", "first"}});
    bool failed = false;
    bool opened = false;
    {
      const FailingDisk disk(n);
      Persisted second(path);
      opened = second.open();
      if (opened) {
        CHECK(is_part_of(second.restored(), three));
        for (const auto& [key, body] : three) second.put(key, body);
        second.close();
      } else {
        CHECK_FALSE(second.error.empty());
      }
      failed = FailingDisk::has_failed();
    }
    const auto content = content_of(path);
    CHECK(is_part_of(content, three));
    CHECK(content.count("http://api/a") == 1);
    if (!failed) {
      CHECK(content == three);
      break;
    }
    ++failures;
  }
  CHECK(failures > 10);
}

TEST_CASE("a batch that the disk refuses is written later") {
  for (const auto kind : {FailingDisk::Kind::once, FailingDisk::Kind::full}) {
    const test::Directory directory;
    const auto path = directory.file("archive");
    Persisted first(path);
    {
      std::optional<FailingDisk> disk(std::in_place, 0);
      REQUIRE(first.open());
      CHECK(first.restored().empty());
      disk.emplace(1, kind);
      for (const auto& [key, body] : three) first.put(key, body);
      first.wait_for_failures(1);
    }
    CHECK(first.has_warned("nothing is persisted meanwhile"));
    first.close();
    CHECK(content_of(path) == three);
  }
}

TEST_CASE("a full disk from any operation on leaves a file that can be restored") {
  std::size_t failures = 0;
  for (std::size_t n = 1;; ++n) {
    INFO(n);
    const test::Directory directory;
    const auto path = directory.file("archive");
    write(path, {{"http://api/a", "first"}});
    bool failed = false;
    {
      const FailingDisk disk(n, FailingDisk::Kind::full);
      Persisted second(path);
      if (second.open()) {
        CHECK(second.restored() == Bodies{{"http://api/a", "first"}});
        for (const auto& [key, body] : three) second.put(key, body);
      } else {
        CHECK_FALSE(second.error.empty());
      }
      second.close();
      failed = FailingDisk::has_failed();
    }
    const auto content = content_of(path);
    CHECK(is_part_of(content, three));
    CHECK(content.count("http://api/a") == 1);
    if (!failed) break;
    ++failures;
  }
  CHECK(failures > 10);
}

TEST_CASE(
    "memory that runs out on the archive's thread fails one batch, which is counted, logged and repeated") {
  std::size_t failures = 0;
  for (std::size_t n = 1; n <= 40; ++n) {
    INFO(n);
    const test::Directory directory;
    const auto path = directory.file("archive");
    Persisted first(path);
    std::atomic<std::size_t> fail_at = n;
    first.options.now = [&fail_at] {
      // On the archive's thread. The failure is armed until the thread ends or has met it.
      thread_local std::optional<FailingAllocation> failing;
      if (const auto at = fail_at.exchange(0); at != 0) failing.emplace(at);
      return test::now();
    };
    REQUIRE(first.open());
    const auto before = first.restored();
    fail_at = n;
    for (const auto& [key, body] : three) first.put(key, body);
    while (first.archive->stats().failures == 0 && first.archive->stats().written < three.size())
      std::this_thread::yield();
    if (first.archive->stats().failures > 0) {
      ++failures;
      CHECK(first.has_warned("bad_alloc"));
    }
    first.close();
    CHECK(content_of(path) == three);
  }
  CHECK(failures > 3);
}

TEST_CASE("memory that runs out while a response is restored ends restoring, which is counted and logged") {
  const test::Directory directory;
  const auto path = directory.file("archive");
  write(path, three);
  {
    Persisted second(path);
    second.options.restore = [](const std::string& /*key*/, const std::shared_ptr<store::Response>& /*it*/) {
      throw std::bad_alloc();
    };
    REQUIRE(second.open());
    CHECK(second.restored().empty());
    CHECK(second.archive->stats().failures == 1);
    CHECK(second.has_warned("bad_alloc"));
  }
  CHECK(content_of(path) == three);
}

TEST_CASE("a key is found while responses are restored, also if the others cannot be") {
  const test::Directory directory;
  const auto path = directory.file("archive");
  write(path, three);
  Persisted second(path);
  std::promise<void> begun;
  std::promise<void> go_on;
  auto may_go_on = go_on.get_future();
  bool is_first = true;
  Bodies restored;
  second.options.restore = [&](const std::string& key, const std::shared_ptr<store::Response>& it) {
    restored[key] = *it->body;
    if (!std::exchange(is_first, false)) return;
    begun.set_value();
    may_go_on.wait();
    throw std::bad_alloc();
  };
  REQUIRE(second.open());
  begun.get_future().wait();
  REQUIRE(second.archive->may_find());
  std::promise<bool> found;
  second.archive->find("http://api/c", [&](bool has) { found.set_value(has); });
  go_on.set_value();
  CHECK(found.get_future().get());
  CHECK(restored.at("http://api/c") == "third");
  second.archive->detach();
  CHECK_FALSE(second.archive->may_find());
}
