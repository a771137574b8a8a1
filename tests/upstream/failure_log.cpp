#include "upstream/failure_log.hpp"

#include "../catch.hpp"

#include <string>
#include <vector>

using namespace larder;
using namespace std::chrono_literals;
using upstream::Failure;
using upstream::FailureKind;

namespace {

policy::MonoTime at(policy::Millis after) {
  return policy::MonoTime{1h} + after;
}

struct Heard {
  Heard() {
    log.set([this](const std::string& sentence) { said.push_back(sentence); });
  }
  std::vector<std::string> take() { return std::exchange(said, {}); }

  upstream::FailureLog log;
  std::vector<std::string> said;
};

using Sentences = std::vector<std::string>;

const Failure refused{FailureKind::connect_failed, {}, "Connection refused"};
const Failure late{FailureKind::first_byte_timeout, {}, {}};
const std::string of_refused = "could not connect to the upstream: Connection refused";
const std::string of_late = "the upstream did not answer within first_byte_timeout";

}  // namespace

TEST_CASE("the first failure is said at once, and what follows of its kind once a minute, counted") {
  Heard heard;
  heard.log.note(refused, at(0s));
  CHECK(heard.take() == Sentences{of_refused});
  for (int i = 1; i <= 5000; ++i) heard.log.note(refused, at(10ms * i));
  heard.log.look(at(60s - 1ms));
  CHECK(heard.take().empty());
  heard.log.look(at(60s));
  CHECK(heard.take() == Sentences{of_refused + " (5000 times more in the last minute)"});
  heard.log.look(at(61s));
  heard.log.look(at(119s));
  CHECK(heard.take().empty());
}

TEST_CASE("one more is said in the singular") {
  Heard heard;
  heard.log.note(refused, at(0s));
  heard.log.note(refused, at(1s));
  heard.take();
  heard.log.look(at(60s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
}

TEST_CASE("while it goes on there is a line a minute and no failure is left out") {
  Heard heard;
  for (int second = 0; second < 600; ++second) {
    heard.log.look(at(1s * second));
    heard.log.note(refused, at(1s * second));
  }
  heard.log.look(at(600s));
  const auto said = heard.take();
  REQUIRE(said.size() == 11);
  int counted = 1;  // the first
  for (std::size_t i = 1; i < said.size(); ++i) counted += std::stoi(said[i].substr(said[i].find('(') + 1));
  CHECK(counted == 600);
}

TEST_CASE("after a quiet minute the next failure is said at once again") {
  Heard heard;
  heard.log.note(refused, at(0s));
  heard.take();
  SECTION("with a look in between") {
    heard.log.look(at(60s));
  }
  SECTION("without one") {}
  heard.log.note(refused, at(61s));
  CHECK(heard.take() == Sentences{of_refused});
}

TEST_CASE("a failure that comes when the minute is over says first what there was in it") {
  Heard heard;
  heard.log.note(refused, at(0s));
  heard.log.note(refused, at(1s));
  heard.take();
  heard.log.note(refused, at(90s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
  heard.log.look(at(150s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
}

TEST_CASE("one kind does not hide another") {
  Heard heard;
  heard.log.note(refused, at(0s));
  heard.log.note(late, at(1s));
  heard.log.note(refused, at(2s));
  heard.log.note(late, at(3s));
  CHECK(heard.take() == Sentences{of_refused, of_late});
  heard.log.look(at(60s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
  heard.log.look(at(61s));
  CHECK(heard.take() == Sentences{of_late + " (1 time more in the last minute)"});
}

TEST_CASE("every kind has a place of its own") {
  Heard heard;
  for (std::size_t kind = 0; kind < upstream::failure_kinds; ++kind)
    heard.log.note({static_cast<FailureKind>(kind), {}, {}}, at(0s));
  CHECK(heard.take().size() == upstream::failure_kinds);
}

TEST_CASE("where nobody writes nothing goes wrong") {
  upstream::FailureLog log;
  log.note(refused, at(0s));
  log.note(refused, at(1s));
  log.look(at(60s));
  log.say("x");
}
