#include "cache/body_budget.hpp"

#include <catch.hpp>
#include <memory>

using namespace larder::cache;

TEST_CASE("shares of the budget for bodies never exceed it, and are given back") {
  BodyBudget budget;
  {
    BodyShare first(budget, 100'000);
    BodyShare second(budget, 100'000);
    CHECK(first.grow_to(60'000));
    CHECK_FALSE(second.grow_to(60'000));
    CHECK(second.grow_to(20'000));
    CHECK(first.grow_to(60'000));  // it has that already
    CHECK(budget.used() <= 100'000);
    CHECK_FALSE(first.grow_to(90'000));
  }
  CHECK(budget.used() == 0);
}
