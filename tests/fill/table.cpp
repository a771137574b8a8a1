#include "fill/table.hpp"

#include "../catch.hpp"

using namespace larder;
using namespace std::chrono_literals;
using fill::Role;

namespace {

policy::MonoTime at(std::chrono::milliseconds after) {
  return policy::MonoTime{1h} + after;
}

struct Table {
  store::WriteLog writes;
  fill::FillTable fills{writes};

  fill::Joined join(const char* name, bool anew = false, std::chrono::milliseconds when = 0ms) {
    return fills.join("key", name, 1, 100, anew, at(when));
  }
};

}  // namespace

TEST_CASE("the first to ask leads a fill, and the others follow it until it is over") {
  Table table;
  const auto first = table.join("a");
  CHECK(first.role == Role::lead);
  const auto second = table.join("a");
  CHECK(second.role == Role::follow);
  CHECK(second.fill == first.fill);
  CHECK(table.join("b").role == Role::lead);
  CHECK(table.fills.running() == 2);
  table.fills.leave("a", first.fill);
  CHECK(table.join("a").role == Role::lead);
}

TEST_CASE("nobody follows a fill that began before a write") {
  Table table;
  const auto old = table.join("a");
  table.writes.written(1);
  const auto fresh = table.join("a");
  CHECK(fresh.role == Role::lead);
  CHECK(fresh.fill != old.fill);
  CHECK(table.join("a").fill == fresh.fill);
  // The end of the older one takes nothing from the newer.
  table.fills.leave("a", old.fill);
  CHECK(table.join("a").fill == fresh.fill);
}

TEST_CASE("a fetch that is to begin now takes the place of the one under way") {
  Table table;
  const auto old = table.join("a");
  const auto forced = table.join("a", true);
  CHECK(forced.role == Role::lead);
  CHECK(table.join("a").fill == forced.fill);
  CHECK(forced.fill->began() > old.fill->began());
}

TEST_CASE("where answers are not shared nobody waits for anybody, for a while") {
  Table table;
  table.fills.remember_unshared("key", {policy::Detail::no_store, at(0s), at(2s)});
  const auto one = table.join("a", false, 1s);
  const auto two = table.join("a", false, 1s);
  CHECK(one.role == Role::alone);
  CHECK(two.role == Role::alone);
  CHECK(one.fill != two.fill);
  CHECK(table.fills.running() == 0);
  CHECK(table.join("a", false, 2s).role == Role::lead);
}

TEST_CASE("a shared answer ends that at once") {
  Table table;
  table.fills.remember_unshared("key", {policy::Detail::no_store, at(0s), at(1h)});
  table.fills.forget_unshared("key");
  CHECK(table.join("a").role == Role::lead);
}

TEST_CASE("what is remembered is bounded") {
  Table table;
  for (int i = 0; i < 100'000; ++i)
    table.fills.remember_unshared("key" + std::to_string(i), {policy::Detail::no_store, at(0s), at(1h)});
  int alone = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto key = "key" + std::to_string(i);
    if (table.fills.join(key, key, 1, 100, false, at(0s)).role == Role::alone) ++alone;
  }
  CHECK(alone <= 16 * 1024);
}
