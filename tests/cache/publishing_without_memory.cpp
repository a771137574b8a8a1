// The end of a fill when an allocation fails: the waiters are always released.
#include "../failing_allocation.hpp"
#include "support.hpp"

using namespace larder;
using test::fail_each_allocation;
using test::Filling;
using test::make_filling;

namespace {

template <class Run, class Check>
std::size_t fail_each_in_publishing(Run run, Check check) {
  return fail_each_allocation(make_filling, run, [&](Filling& filling, bool failed) {
    filling.end();
    check(filling, failed);
    filling.check_released();
  });
}

}  // namespace

TEST_CASE("a Publisher that cannot be made releases the waiters") {
  const auto failures = fail_each_allocation([] { return std::make_unique<Filling>(); },
                                             [](Filling& filling) { filling.begin(); },
                                             [](Filling& filling, bool /*failed*/) {
                                               filling.end();
                                               filling.check_released();
                                             });
  CHECK(failures >= 1);
}

TEST_CASE("publishing without memory stores and shares the response, or fails the fill") {
  const auto failures = fail_each_in_publishing(
      [](Filling& filling) { (void)filling.publisher->publish(filling.fetched, std::move(filling.result)); },
      [](Filling& filling, bool failed) {
        const bool is_stored = filling.cache.peek(filling.target()).response != nullptr;
        CHECK(is_stored == filling.ended_as<cache::Completed>());
        CHECK((is_stored || filling.ended_as<cache::Failed>()));
        if (!failed) CHECK(is_stored);
      });
  CHECK(failures >= 6);
}

TEST_CASE("a response that is for its requesting client alone is handed over, also without memory") {
  const auto failures = fail_each_in_publishing(
      [](Filling& filling) {
        filling.result.against = policy::Detail::no_store;
        filling.publisher->hand_over(std::move(filling.prefix), true, std::move(filling.result));
      },
      [](Filling& filling, bool /*failed*/) {
        CHECK(filling.ended_as<cache::Unshareable>());
        CHECK(filling.leader->take_handover().prefix.starts_with("the beginning"));
      });
  CHECK(failures >= 1);
}

TEST_CASE("a response that is not stored supersedes the stored one, also without memory") {
  const auto failures = fail_each_allocation(
      [] {
        auto filling = make_filling();
        auto older = filling->response();
        older->sequence = 1;
        REQUIRE(filling->cache.store(filling->target(), older));
        filling->result.against = policy::Detail::status;
        filling->result.upstream_status = 410;
        return filling;
      },
      [](Filling& filling) { filling.publisher->share_error(filling.fetched, std::move(filling.result)); },
      [](Filling& filling, bool /*failed*/) {
        filling.end();
        CHECK_FALSE(filling.cache.peek(filling.target()).response);
        filling.check_released();
      });
  CHECK(failures >= 1);
}

TEST_CASE("an error is shared with all waiters, also without memory") {
  const auto failures = fail_each_in_publishing(
      [](Filling& filling) {
        filling.result.against = policy::Detail::status;
        filling.result.upstream_status = 503;
        filling.publisher->share_error(filling.fetched, std::move(filling.result));
      },
      [](Filling& filling, bool /*failed*/) { CHECK(filling.ended_as<cache::Completed>()); });
  CHECK(failures >= 1);
}

TEST_CASE("a failure reaches all waiters, also without memory") {
  const auto failures = fail_each_in_publishing(
      [](Filling& filling) {
        filling.publisher->fail({upstream::FailureKind::connect_failed, {}, "refused"}, filling.result.when);
      },
      [](Filling& filling, bool /*failed*/) {
        REQUIRE(filling.ended_as<cache::Failed>());
        const auto& failed = std::get<cache::Failed>(*filling.result_of(filling.followed));
        CHECK(failed.failure.kind == upstream::FailureKind::connect_failed);
      });
  CHECK(failures >= 1);
}

TEST_CASE("waiters are told to look into memory, also without memory") {
  (void)fail_each_in_publishing(
      [](Filling& filling) { filling.publisher->look_again(); },
      [](Filling& filling, bool /*failed*/) { CHECK(filling.ended_as<cache::LookAgain>()); });
}
