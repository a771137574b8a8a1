#include "tiers/archive.hpp"

#include "../failing_allocation.hpp"
#include "failing_disk.hpp"
#include "support.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <optional>

using namespace larder;
using namespace std::chrono_literals;
using policy::Purge;
using test::FailingAllocation;
using test::FailingDisk;
using tiers::Archive;

namespace {

policy::Now now() {
  return {policy::WallTime{1'000'000s}, policy::MonoTime{5h}};
}

std::shared_ptr<store::Response> response(const std::string& body, policy::Sequence sequence = 1,
                                          std::vector<std::string> groups = {}) {
  auto made = std::make_shared<store::Response>();
  made->status = 200;
  made->response_time = now().mono;
  made->fresh_until = now().mono + 1h;
  made->sequence = sequence;
  made->groups = std::move(groups);
  made->head = "HTTP/1.1 200 OK\r\n";
  made->body = std::make_shared<const std::string>(body);
  return made;
}

using Bodies = std::map<std::string, std::string>;  // by key

// An archive, and the store whose responses it persists. What it restores is recorded, and not stored.
class Persisted {
 public:
  explicit Persisted(std::string path, std::size_t memory = 1u << 20) {
    options.path = std::move(path);
    options.most = 1u << 20;
    options.generation = 7;
    options.memory = memory;
    options.warn = [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(text);
    };
    options.now = now;
    options.restore = [this](const std::string& key, const std::shared_ptr<store::Response>& restored) {
      restored_[key] = *restored->body;
    };
    options.restored = [this] { done_.set_value(); };
  }

  ~Persisted() { close(); }  // before what its thread refers to
  Persisted(const Persisted&) = delete;
  Persisted& operator=(const Persisted&) = delete;

  // False if there is no archive; `error` says why.
  bool open() {
    store.on_change([this](const std::string& key, std::uint64_t hash) {
      if (archive) archive->changed(key, hash);
    });
    auto opened = Archive::open(std::move(options));
    if (auto* message = std::get_if<std::string>(&opened)) {
      error = *message;
      return false;
    }
    archive = std::move(std::get<std::unique_ptr<Archive>>(opened));
    archive->start(store);
    return true;
  }
  void put(const std::string& key, const std::string& body, policy::Sequence sequence = 1,
           std::vector<std::string> groups = {}) {
    (void)store.put(key, store.hash(key), response(body, sequence, std::move(groups)));
  }
  // Waits until all has been restored.
  Bodies restored() {
    done_.get_future().wait();
    return restored_;
  }
  // Waits until that many batches have failed.
  void wait_for_failures(std::uint64_t count) {
    while (archive->stats().failures < count) std::this_thread::yield();
  }
  // Writes what waits.
  void close() { archive.reset(); }
  [[nodiscard]] std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }
  [[nodiscard]] bool has_warned(const std::string& text) {
    const auto all = warnings();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& one) { return one.find(text) != std::string::npos; });
  }

  Archive::Options options;
  store::Store store{1u << 20, 4, 1};
  std::string error;
  std::unique_ptr<Archive> archive;

 private:
  Bodies restored_;
  std::promise<void> done_;
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

const Bodies three = {{"http://api/a", "first"}, {"http://api/b", "second"}, {"http://api/c", "third"}};

// What a later process restores from the file.
Bodies content_of(const std::string& path) {
  Persisted later(path);
  REQUIRE(later.open());
  return later.restored();
}

void write(const std::string& path, const Bodies& bodies) {
  Persisted first(path);
  REQUIRE(first.open());
  for (const auto& [key, body] : bodies) first.put(key, body);
}

bool is_part_of(const Bodies& some, const Bodies& all) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

}  // namespace

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
      return now();
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
