#include "store/store.hpp"

#include "../catch.hpp"
#include "../failing_allocation.hpp"
#include "../policy/support.hpp"
#include "store/invalidation_log.hpp"
#include "store/purge_log.hpp"

#include <thread>

using namespace larder;
using store::Response;
using store::Store;

namespace {

policy::VaryField accepts(const std::string& value) {
  auto field = policy::VaryField::named("accept", {});
  field.value = value;
  return field;
}

std::shared_ptr<const Response> response(std::size_t body, const std::string& accept = {},
                                         policy::Sequence sequence = 0) {
  auto made = std::make_shared<Response>();
  made->sequence = sequence;
  made->body = std::make_shared<const std::string>(body, 'x');
  if (!accept.empty()) made->secondary.push_back(accepts(accept));
  return made;
}

class Sieve {
 public:
  explicit Sieve(std::size_t entries) : store_(entries * charge(), 4, 1) {}
  void put(const std::string& key) {
    REQUIRE(store_.put(key, store_.hash(key), response(1000)) == Store::Put::stored);
  }
  bool has(const std::string& key) { return store_.find(key, store_.hash(key)) != nullptr; }
  Store& store() { return store_; }

 private:
  static std::size_t charge() {
    Store probe(1u << 20, 4, 1);
    (void)probe.put("k00", probe.hash("k00"), response(1000));
    return probe.stats().bytes;
  }
  Store store_;
};

}  // namespace

TEST_CASE("a stored response is found under its key only") {
  Store store(1u << 20, 4);
  REQUIRE(store.put("a", store.hash("a"), response(10)) == Store::Put::stored);
  const auto entry = store.find("a", store.hash("a"));
  REQUIRE(entry);
  CHECK(entry->variants.size() == 1);
  CHECK(entry->variants.front()->body->size() == 10);
  CHECK_FALSE(store.find("b", store.hash("b")));
  CHECK_FALSE(store.find("b", store.hash("a")));
}

TEST_CASE("a response replaces the one with the same secondary key") {
  Store store(1u << 20, 4);
  const auto hash = store.hash("k");
  (void)store.put("k", hash, response(10, "text"));
  (void)store.put("k", hash, response(20, "json"));
  (void)store.put("k", hash, response(30, "text"));
  const auto entry = store.find("k", hash);
  REQUIRE(entry->variants.size() == 2);
  CHECK(entry->variants[0]->body->size() == 30);
  CHECK(entry->variants[1]->body->size() == 20);
  CHECK(store.stats().entries == 1);
}

TEST_CASE("a response does not replace one whose fetch started later") {
  Store store(1u << 20, 4);
  const auto hash = store.hash("k");
  REQUIRE(store.put("k", hash, response(20, "text", 2)) == Store::Put::stored);
  CHECK(store.put("k", hash, response(10, "text", 1)) == Store::Put::outdated);
  CHECK(store.put("k", hash, response(10, "json", 1)) == Store::Put::stored);
  CHECK(store.put("k", hash, response(30, "text", 2)) == Store::Put::stored);
  const auto entry = store.find("k", hash);
  REQUIRE(entry->variants.size() == 2);
  CHECK(entry->variants[0]->body->size() == 30);
}

TEST_CASE("a response replaces one that matches its request with another Vary") {
  Store store(1u << 20, 4);
  const auto hash = store.hash("k");
  const test::Request request("GET /k", "Accept: text");
  (void)store.put("k", hash, response(10, "", 1));  // without Vary, it matches any request
  (void)store.put("k", hash, response(20, "json", 2));
  CHECK(store.put("k", hash, response(30, "text", 3), &request.facts) == Store::Put::stored);
  const auto entry = store.find("k", hash);
  REQUIRE(entry->variants.size() == 2);
  CHECK(entry->variants[0]->body->size() == 30);
  CHECK(entry->variants[1]->body->size() == 20);
  CHECK(store.put("k", hash, response(40, "", 2), &request.facts) == Store::Put::outdated);
}

TEST_CASE("a newer response that is not stored supersedes the stored one for its request") {
  Store store(1u << 20, 4);
  const auto hash = store.hash("k");
  const test::Request request("GET /k", "Accept: text");
  (void)store.put("k", hash, response(10, "text", 5));
  (void)store.put("k", hash, response(20, "json", 5));
  store.supersede("k", hash, request.facts, 4, {});
  CHECK(store.find("k", hash)->variants.size() == 2);
  store.supersede("k", hash, request.facts, 6, {});
  const auto entry = store.find("k", hash);
  REQUIRE(entry->variants.size() == 1);
  CHECK(entry->variants[0]->body->size() == 20);
  const test::Request other("GET /k", "Accept: json");
  store.supersede("k", hash, other.facts, 6, {});
  CHECK_FALSE(store.find("k", hash));
  CHECK(store.stats().entries == 0);
  CHECK(store.stats().bytes == 0);
}

TEST_CASE("a response fetched before a purge is not stored after it") {
  store::PurgeLog purges;
  Store store(1u << 20, 4, 1);
  store.heed(purges);
  const auto put = [&](const std::string& key, policy::Sequence sequence) {
    return store.put(key, store.hash(key), response(10, {}, sequence));
  };
  purges.add({policy::Purge::What::path, "/x", false}, 5);
  CHECK(put("http://h/x", 4) == Store::Put::outdated);
  CHECK_FALSE(store.find("http://h/x", store.hash("http://h/x")));
  CHECK(put("http://h/x", 6) == Store::Put::stored);
  CHECK(put("http://h/y", 4) == Store::Put::stored);
}

TEST_CASE("an entry that was replaced is not erased") {
  Store store(1u << 20, 4, 1);
  const auto hash = store.hash("k");
  REQUIRE(store.put("k", hash, response(10, {}, 1)) == Store::Put::stored);
  const auto found = store.find("k", hash);
  REQUIRE(store.put("k", hash, response(10, {}, 2)) == Store::Put::stored);
  store.erase("k", hash, *found);
  REQUIRE(store.find("k", hash));
  CHECK(store.find("k", hash)->variants.front()->sequence == 2);
}

TEST_CASE("an entry is replaced only if it is the one that was found") {
  Store store(1u << 20, 4, 1);
  const auto hash = store.hash("k");
  REQUIRE(store.put("k", hash, response(10, {}, 1)) == Store::Put::stored);
  const auto found = store.find("k", hash);
  const auto by = [&](std::size_t body) {
    auto entry = std::make_shared<store::Entry>(*found);
    entry->variants.front() = response(body, {}, 1);
    return entry;
  };
  Store same(1u << 20, 4, 1);
  REQUIRE(same.put("k", hash, response(110, {}, 1)) == Store::Put::stored);
  store.replace(hash, *found, by(110));
  CHECK(store.find("k", hash)->variants.front()->body->size() == 110);
  CHECK(store.stats().bytes == same.stats().bytes);
  CHECK(store.stats().entries == 1);

  store.replace(hash, *found, by(50));  // it has been replaced
  CHECK(store.find("k", hash)->variants.front()->body->size() == 110);
  store.erase("k", hash, *store.find("k", hash));
  store.replace(hash, *found, by(50));  // nothing comes back that was removed
  CHECK_FALSE(store.find("k", hash));
  CHECK(store.stats().bytes == 0);
}

TEST_CASE("erase_older erases older responses and keeps newer ones") {
  Store store(1u << 20, 4, 1);
  const auto hash = store.hash("k");
  REQUIRE(store.put("k", hash, response(10, "a", 1)) == Store::Put::stored);
  REQUIRE(store.put("k", hash, response(10, "b", 5)) == Store::Put::stored);
  store.erase_older("k", hash, 3);
  REQUIRE(store.find("k", hash));
  CHECK(store.find("k", hash)->variants.size() == 1);
  CHECK(store.find("k", hash)->variants.front()->sequence == 5);
  store.erase_older("k", hash, 9);
  CHECK_FALSE(store.find("k", hash));
  CHECK(store.stats().bytes == 0);
}

TEST_CASE("the response of a fetch is not stored after a newer final response") {
  Store store(1u << 20, 4, 1);
  const auto hash = store.hash("k");
  const test::Request request("GET /k", "Accept: a");
  const auto put = [&](policy::Sequence sequence, const std::string& accept, const Store::Pending* pending) {
    return store.put("k", hash, response(10, accept, sequence), nullptr, pending);
  };
  const Store::Pending older(store, hash, 5);
  const Store::Pending newer(store, hash, 9);
  const Store::Pending elsewhere(store, store.hash("other"), 5);

  SECTION("it has the same variant, or no field in common with the final response") {
    store.supersede(
        "k", hash, request.facts, 7,
        GENERATE(as<policy::SecondaryKey>{}, policy::SecondaryKey{}, policy::SecondaryKey{accepts("a")}));
    CHECK(put(5, "a", &older) == Store::Put::outdated);
    CHECK(put(5, "", &older) == Store::Put::outdated);
    CHECK_FALSE(store.find("k", hash));
    CHECK(put(5, "a", &elsewhere) == Store::Put::stored);
    CHECK(put(9, "a", &newer) == Store::Put::stored);
  }
  SECTION("it has another variant") {
    store.supersede("k", hash, request.facts, 7, policy::SecondaryKey{accepts("a")});
    CHECK(put(5, "b", &older) == Store::Put::stored);
  }
  SECTION("after many final responses") {
    for (int i = 0; i < 40; ++i) store.outdate(hash, 7, policy::SecondaryKey{accepts(std::to_string(i))});
    CHECK(put(5, "39", &older) == Store::Put::outdated);
  }
  SECTION("the fetch started later") {
    store.outdate(hash, 7, {});
    const Store::Pending later(store, hash, 5);
    CHECK(put(5, "a", &later) == Store::Put::stored);
  }
}

TEST_CASE("the number of variants of a key is limited, and the oldest is removed") {
  Store store(1u << 20, 3);
  const auto hash = store.hash("k");
  for (const char* accept : {"a", "b", "c", "d"}) (void)store.put("k", hash, response(10, accept));
  const auto entry = store.find("k", hash);
  REQUIRE(entry->variants.size() == 3);
  CHECK(*entry->variants.back()->secondary.front().value == "b");
}

TEST_CASE("the charge does not exceed the limit when put returns") {
  Store store(100'000, 4);
  for (int i = 0; i < 1000; ++i) {
    const auto key = "k" + std::to_string(i);
    (void)store.put(key, store.hash(key), response(static_cast<std::size_t>(i % 7) * 900));
    REQUIRE(store.stats().bytes <= 100'000);
  }
  CHECK(store.stats().evictions > 0);
  CHECK(store.stats().entries > 5);
}

TEST_CASE("a response larger than the limit is refused without evicting others") {
  Store store(10'000, 4);
  REQUIRE(store.put("a", store.hash("a"), response(10)) == Store::Put::stored);
  CHECK(store.put("b", store.hash("b"), response(20'000)) == Store::Put::too_large);
  CHECK(store.find("a", store.hash("a")));
}

TEST_CASE("a response in use stays valid when it is evicted, replaced or erased") {
  Store store(5'000, 4);
  (void)store.put("a", store.hash("a"), response(1000));
  const auto pinned = store.find("a", store.hash("a"));
  for (int i = 0; i < 100; ++i) {
    const auto key = "k" + std::to_string(i);
    (void)store.put(key, store.hash(key), response(1000));
  }
  store.erase_older("a", store.hash("a"), 1);
  CHECK(*pinned->variants.front()->body == std::string(1000, 'x'));
}

TEST_CASE("SIEVE keeps entries that were used again") {
  Sieve sieve(3);
  sieve.put("k01");
  sieve.put("k02");
  sieve.put("k03");
  CHECK(sieve.has("k01"));
  sieve.put("k04");
  CHECK(sieve.has("k01"));
  CHECK_FALSE(sieve.has("k02"));
}

TEST_CASE("SIEVE's hand continues where it stopped") {
  Sieve sieve(3);
  for (const char* key : {"k01", "k02", "k03"}) sieve.put(key);
  CHECK(sieve.has("k01"));
  sieve.put("k04");  // the hand passed k01 and evicted k02
  sieve.put("k05");  // it continues with k03, although k01 is older
  CHECK(sieve.store().stats().entries == 3);
  CHECK_FALSE(sieve.has("k03"));
  CHECK(sieve.has("k01"));
}

TEST_CASE("a smaller limit evicts at once") {
  Store store(1u << 20, 4);
  for (int i = 0; i < 100; ++i) {
    const auto key = "k" + std::to_string(i);
    (void)store.put(key, store.hash(key), response(1000));
  }
  store.set_limits(20'000, 4);
  CHECK(store.stats().bytes <= 20'000);
}

TEST_CASE("erase_if erases the matching entries and frees their bytes") {
  Store store(1u << 20, 4);
  for (const char* key : {"/a/1", "/a/2", "/b/1"}) (void)store.put(key, store.hash(key), response(100));
  CHECK(store.erase_if([](const store::Entry& entry) { return entry.key.starts_with("/a/"); }) == 2);
  CHECK(store.stats().entries == 1);
  store.erase_older("/b/1", store.hash("/b/1"), 1);
  CHECK(store.stats().entries == 0);
  CHECK(store.stats().bytes == 0);
}

TEST_CASE("several threads may use the store at the same time") {
  Store store(200'000, 4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&store, t] {
      for (int i = 0; i < 3000; ++i) {
        const auto key = "k" + std::to_string((i * 7 + t) % 300);
        if (const auto entry = store.find(key, store.hash(key))) {
          if (entry->key != key) std::abort();
        } else {
          (void)store.put(key, store.hash(key), response(500 + static_cast<std::size_t>(i % 100)));
        }
        if (i % 50 == 0) store.erase_older(key, store.hash(key), 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(store.stats().bytes <= 200'000);
}

TEST_CASE("a fetch that was under way when a purge came is recognised") {
  using What = policy::Purge::What;
  store::PurgeLog purges;
  const std::vector<std::string> groups{"lists"};
  purges.add({What::path, "/topics/", false}, 10);
  purges.add({What::group, "lists", true}, 20);
  CHECK(purges.is_invalidated(9, "http://h/topics/?a=1", {}));
  CHECK_FALSE(purges.is_invalidated(11, "http://h/topics/", {}));
  CHECK_FALSE(purges.is_invalidated(9, "http://h/other", {}));
  CHECK(purges.is_invalidated(11, "http://h/other", groups));
  CHECK_FALSE(purges.is_invalidated(21, "http://h/other", groups));
  // A fetch older than the oldest purge in the log counts as purged.
  for (policy::Sequence number = 30; number < 2000; ++number) purges.add({What::path, "/x", false}, number);
  CHECK(purges.is_invalidated(15, "http://h/other", {}));
}

TEST_CASE("an older response is not restored after a newer one was stored and removed") {
  store::Store store(1 << 20, 4);
  const auto hash = store.hash("k");
  store.begin_restore();
  SECTION("the newer one was evicted") {
    REQUIRE(store.put("k", hash, response(10, {}, 7)) == store::Store::Put::stored);
    store.erase_older("k", hash, 8);
    CHECK(store.restore("k", hash, response(10, {}, 5)) == store::Store::Put::outdated);
    CHECK(store.restore("k", hash, response(10, {}, 9)) == store::Store::Put::stored);
  }
  SECTION("a response that was not stored superseded it") {
    const policy::RequestFacts request;
    store.supersede("k", hash, request, 7, policy::SecondaryKey{});
    CHECK(store.restore("k", hash, response(10, {}, 5)) == store::Store::Put::outdated);
  }
  SECTION("another key is restored") {
    REQUIRE(store.put("other", store.hash("other"), response(10, {}, 7)) == store::Store::Put::stored);
    CHECK(store.restore("k", hash, response(10, {}, 5)) == store::Store::Put::stored);
  }
  SECTION("changes are not recorded after the restore") {
    store.supersede("k", hash, policy::RequestFacts{}, 7, policy::SecondaryKey{});
    store.end_restore();
    CHECK(store.restore("k", hash, response(10, {}, 5)) == store::Store::Put::stored);
  }
}

TEST_CASE("a response that cannot be stored for want of memory leaves the store as it was") {
  Store store(1u << 20, 4, 1);
  REQUIRE(store.put("old", 1, response(10)) == Store::Put::stored);
  const auto before = store.stats();
  const auto added = response(10);
  bool is_stored = false;
  const auto failures =
      test::fail_each_allocation([&] { is_stored = store.put("new", 2, added) == Store::Put::stored; },
                                 [&] {
                                   CHECK_FALSE(is_stored);
                                   CHECK_FALSE(store.find("new", 2));
                                   CHECK(store.find("old", 1));
                                   CHECK(store.stats().entries == before.entries);
                                   CHECK(store.stats().bytes == before.bytes);
                                   store.each([](const store::Entry& entry) { CHECK(entry.key == "old"); });
                                 });
  CHECK(failures >= 2);  // the entry and its node
  CHECK(is_stored);
  CHECK(store.find("new", 2));
}

TEST_CASE("a key that displaces another one of the same hash reports both as changed") {
  Store store(1u << 20, 4, 1);
  std::vector<std::string> changed;
  store.on_change([&](const std::string& key, std::uint64_t) { changed.push_back(key); });
  REQUIRE(store.put("a", 1, response(10)) == Store::Put::stored);
  REQUIRE(store.put("b", 1, response(10)) == Store::Put::stored);
  CHECK(changed == std::vector<std::string>{"a", "b", "a"});
  CHECK_FALSE(store.find("a", 1));
  CHECK(store.find("b", 1));
  CHECK(store.stats().entries == 1);
}
