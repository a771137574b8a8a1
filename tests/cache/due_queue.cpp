#include "cache/due_queue.hpp"

#include "../catch.hpp"

using namespace larder;
using cache::DueQueue;
using Names = std::vector<std::string>;

namespace {

policy::MonoTime at(int seconds) {
  return policy::MonoTime(std::chrono::seconds(seconds));
}

}  // namespace

TEST_CASE("due names are returned in order of their times, up to the limit") {
  DueQueue queue;
  CHECK_FALSE(queue.next());
  queue.set("c", at(3));
  queue.set("a", at(1));
  queue.set("b", at(2));
  queue.set("d", at(4));
  CHECK(queue.due(at(0), 10).empty());
  CHECK(queue.due(at(3), 10) == Names{"a", "b", "c"});
  CHECK(queue.due(at(3), 2) == Names{"a", "b"});
  CHECK(queue.next() == at(1));
}

TEST_CASE("setting a name again moves it, and erasing removes it") {
  DueQueue queue;
  queue.set("a", at(1));
  queue.set("b", at(2));
  queue.set("a", at(9));
  CHECK(queue.due(at(5), 10) == Names{"b"});
  queue.erase("b");
  queue.erase("unknown");
  CHECK(queue.due(at(5), 10).empty());
  CHECK(queue.next() == at(9));
  CHECK(queue.due(at(9), 10) == Names{"a"});
}
