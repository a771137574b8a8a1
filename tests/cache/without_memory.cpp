// Collapsed forwarding and invalidation when an allocation fails: no fill is left without a leader, and what
// was invalidated is never served.
#include "../failing_allocation.hpp"
#include "support.hpp"

using namespace larder;
using cache::FillWaiter;
using cache::Role;
using policy::Purge;
using test::fail_each_allocation;
using test::Filling;
using test::make_filling;
using test::Tested;

namespace {

std::unique_ptr<Tested> make_stored() {
  auto tested = std::make_unique<Tested>();
  tested->store();
  return tested;
}

}  // namespace

TEST_CASE("a join that fails leaves no fill without a leader") {
  const auto failures = fail_each_allocation([] { return std::make_unique<Tested>(); },
                                             [](Tested& tested) { (void)tested.join(); },
                                             [](Tested& tested, bool /*failed*/) {
                                               const auto again = tested.join();
                                               CHECK(again.role == Role::lead);
                                               CHECK(tested.join().role == Role::follow);
                                             });
  CHECK(failures >= 3);
}

TEST_CASE("a join that fails leaves the fill under way as it is") {
  struct Led : Tested {
    cache::Joined first = join();
  };
  const auto failures = fail_each_allocation([] { return std::make_unique<Led>(); },
                                             [](Led& tested) {
                                               // One that has to begin later takes the place of the first.
                                               (void)tested.cache.join(tested.target(), nullptr, system_now(),
                                                                       {tested.cache.next_sequence()});
                                             },
                                             [](Led& tested, bool failed) {
                                               if (failed) CHECK(tested.join().fill == tested.first.fill);
                                               tested.first.permit.settle(cache::Failed{});
                                               CHECK(tested.first.fill->is_settled());
                                               CHECK(tested.join().role == Role::lead);
                                             });
  CHECK(failures >= 2);
}

TEST_CASE("an uncollapsed join that fails leaves nothing behind") {
  const auto failures = fail_each_allocation(
      [] {
        auto filling = make_filling();
        filling->publisher->hand_over({}, true, std::move(filling->result));
        filling->end();
        return filling;
      },
      [](Filling& filling) { (void)filling.join(); },
      [](Filling& filling, bool /*failed*/) {
        const auto next = filling.join();
        CHECK(next.role == Role::uncollapsed);
        CHECK_FALSE(next.fill->is_settled());
      });
  CHECK(failures >= 1);
}

TEST_CASE("a waiter that cannot wait leaves the fill to the others") {
  struct Waiting : Tested {
    cache::Joined lead = join();
    cache::Joined follow = join();
  };
  for (const bool is_leader : {false, true}) {
    const auto failures = fail_each_allocation(
        [] { return std::make_unique<Waiting>(); },
        [&](Waiting& tested) { const FillWaiter waiter(tested.loop, tested.follow.fill, is_leader); },
        [](Waiting& tested, bool /*failed*/) {
          CHECK(tested.loop.counters().fill_waiters.value() == 0);
          std::optional<FillWaiter> other(std::in_place, tested.loop, tested.follow.fill, false);
          tested.lead.permit.settle(cache::Failed{});
          CHECK(tested.lead.fill->is_settled());
          CHECK(tested.join().role == Role::lead);
          tested.turn();
        });
    CHECK(failures >= 2);
  }
}

TEST_CASE("a write invalidates what it concerns, and without memory everything") {
  const auto check = [](Tested& tested, bool /*failed*/) {
    CHECK_FALSE(tested.cache.peek(tested.target()).response);
    CHECK(tested.join().role == Role::lead);
  };
  const test::Lines none("");
  const test::Lines names_it("Location: /a/path/that/is/longer/than/a/short/string");
  for (const auto* path : {"/a/path/that/is/longer/than/a/short/string", "/written", "/elsewhere"}) {
    const auto failures = fail_each_allocation(
        make_stored,
        [&](Tested& tested) {
          const bool elsewhere = std::string_view(path) == "/elsewhere";
          (void)tested.cache.invalidate(
              {"api.example", path, 204, elsewhere ? names_it : none, *tested.settings});
        },
        check);
    CHECK(failures >= 2);
  }
}

TEST_CASE("a purge that returned has erased what it concerns; one that failed can be repeated") {
  for (const auto what : {Purge::What::prefix, Purge::What::group, Purge::What::all}) {
    for (const bool soft : {false, true}) {
      const Purge purge{
          what, what == Purge::What::group ? "a group whose name is longer than a short string" : "/a/path",
          soft};
      const auto is_purged = [](Tested& tested) {
        const auto found = tested.cache.peek(tested.target());
        return found.response == nullptr || found.stale_once;
      };
      const auto failures = fail_each_allocation(
          make_stored, [&](Tested& tested) { (void)tested.cache.purge(purge); },
          [&](Tested& tested, bool failed) {
            if (!failed) CHECK(is_purged(tested));
            (void)tested.cache.purge(purge);
            CHECK(is_purged(tested));
            CHECK(tested.cache.stats().entries == (soft ? 1 : 0));
            if (!soft) CHECK(tested.cache.stats().bytes == 0);
          });
      CHECK(failures >= 2);
    }
  }
}
