// The store when an allocation fails: what must not be served any more is erased all the same.
#include "../catch.hpp"
#include "../failing_allocation.hpp"
#include "../policy/support.hpp"
#include "store/store.hpp"

using namespace larder;
using store::Response;
using store::Store;
using test::fail_each_allocation;

namespace {

std::shared_ptr<const Response> response(policy::Sequence sequence, const std::string& accept = {}) {
  auto made = std::make_shared<Response>();
  made->sequence = sequence;
  made->body = std::make_shared<const std::string>("body");
  if (!accept.empty()) {
    made->secondary.push_back(policy::VaryField::named("accept", {}));
    made->secondary.back().value = accept;
  }
  return made;
}

policy::SecondaryKey key_for(const std::string& accept) {
  return response(0, accept)->secondary;
}

const std::string key = "http://api/a/path/that/is/longer/than/a/short/string";

// A store with two responses of one key.
struct Tested {
  Store store{1u << 20, 4, 1};
  test::Request json{"GET /k", "Accept: json"};

  Tested() {
    REQUIRE(store.put(key, 1, response(1, "json")) == Store::Put::stored);
    REQUIRE(store.put(key, 1, response(5, "text")) == Store::Put::stored);
  }
  // The sequence numbers of what is stored.
  [[nodiscard]] std::vector<policy::Sequence> stored() const {
    std::vector<policy::Sequence> sequences;
    const auto entry = store.peek(key, 1);
    if (!entry) return sequences;
    CHECK_FALSE(entry->variants.empty());
    CHECK(entry->key == key);
    for (const auto& variant : entry->variants) sequences.push_back(variant->sequence);
    return sequences;
  }
  void check_sums() const {
    const auto entry = store.peek(key, 1);
    CHECK(store.stats().entries == (entry ? 1 : 0));
    CHECK(store.stats().bytes == (entry ? entry->charge() : 0));
  }
};

std::unique_ptr<Tested> make() {
  return std::make_unique<Tested>();
}

}  // namespace

TEST_CASE("supersede and erase_older throw nothing, and leave no response that they concern") {
  const auto superseding = key_for("json");
  const auto check = [](Tested& tested, bool failed) {
    tested.check_sums();
    CHECK(tested.stored() == (failed ? std::vector<policy::Sequence>{} : std::vector<policy::Sequence>{5}));
  };
  CHECK(fail_each_allocation(
            make, [&](Tested& tested) { tested.store.supersede(key, 1, tested.json.facts, 3, superseding); },
            check) >= 2);
  CHECK(fail_each_allocation(
            make, [&](Tested& tested) { tested.store.erase_older(key, 1, 3); }, check) >= 2);
}

TEST_CASE("a fetch under way is outdated by a newer response, also without memory to record its key") {
  struct Fetching : Tested {
    Store::Pending fetch{store, 1, 10};
  };
  for (const auto* accept : {"json", "text"}) {
    const auto newer = key_for("json");
    const auto added = response(10, accept);
    const auto failures = fail_each_allocation(
        [] { return std::make_unique<Fetching>(); },
        [&](Fetching& tested) { tested.store.outdate(1, 11, newer); },
        [&](Fetching& tested, bool failed) {
          const bool is_outdated =
              tested.store.put(key, 1, added, nullptr, &tested.fetch) == Store::Put::outdated;
          // Without memory, the fetch is outdated whatever its secondary key is.
          CHECK(is_outdated == (failed || added->secondary.front().value == "json"));
        });
    CHECK(failures >= 1);
  }
}

TEST_CASE("what changes while responses are restored stays changed, also without memory to record it") {
  const auto older = response(2, "json");
  const auto failures = fail_each_allocation(
      [] {
        auto tested = std::make_unique<Tested>();
        tested->store.begin_restore();
        return tested;
      },
      [](Tested& tested) { tested.store.supersede(key, 1, tested.json.facts, 3, std::nullopt); },
      [&](Tested& tested, bool /*failed*/) {
        CHECK(tested.store.restore(key, 1, older) == Store::Put::outdated);
        tested.check_sums();
      });
  CHECK(failures >= 2);
}

TEST_CASE("a response that cannot be restored leaves the store as it was") {
  const auto added = response(7, "xml");
  const auto failures = fail_each_allocation(
      make, [&](Tested& tested) { (void)tested.store.restore(key, 1, added); },
      [](Tested& tested, bool failed) {
        tested.check_sums();
        CHECK(tested.stored() ==
              (failed ? std::vector<policy::Sequence>{5, 1} : std::vector<policy::Sequence>{7, 5, 1}));
      });
  CHECK(failures >= 2);
}
