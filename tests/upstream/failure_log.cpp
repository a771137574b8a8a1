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

const Failure refused{FailureKind::connect_failed, {}, "Connection refused", "127.0.0.1:8000"};
const Failure late{FailureKind::first_byte_timeout, {}, {}};
const std::string of_refused = "request to /t: cannot connect to upstream 127.0.0.1:8000: Connection refused";
const std::string of_late = "request to /t: no response from the upstream within first_byte_timeout";

}  // namespace

TEST_CASE("the first failure is logged at once, and further ones of its kind once a minute with a count") {
  Heard heard;
  heard.log.note(refused, "/t", at(0s));
  CHECK(heard.take() == Sentences{of_refused});
  for (int i = 1; i <= 5000; ++i) heard.log.note(refused, "/t", at(10ms * i));
  heard.log.look(at(60s - 1ms));
  CHECK(heard.take().empty());
  heard.log.look(at(60s));
  CHECK(heard.take() == Sentences{of_refused + " (5000 times more in the last minute)"});
  heard.log.look(at(61s));
  heard.log.look(at(119s));
  CHECK(heard.take().empty());
}

TEST_CASE("a single further failure is logged in the singular") {
  Heard heard;
  heard.log.note(refused, "/t", at(0s));
  heard.log.note(refused, "/t", at(1s));
  heard.take();
  heard.log.look(at(60s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
}

TEST_CASE("while failures continue there is one line per minute, and every failure is counted") {
  Heard heard;
  for (int second = 0; second < 600; ++second) {
    heard.log.look(at(1s * second));
    heard.log.note(refused, "/t", at(1s * second));
  }
  heard.log.look(at(600s));
  const auto said = heard.take();
  REQUIRE(said.size() == 11);
  int counted = 1;  // the first
  for (std::size_t i = 1; i < said.size(); ++i) counted += std::stoi(said[i].substr(said[i].find('(') + 1));
  CHECK(counted == 600);
}

TEST_CASE("after a minute without failures, the next one is logged at once") {
  Heard heard;
  heard.log.note(refused, "/t", at(0s));
  heard.take();
  SECTION("with a call of look in between") {
    heard.log.look(at(60s));
  }
  SECTION("without a call of look in between") {}
  heard.log.note(refused, "/t", at(61s));
  CHECK(heard.take() == Sentences{of_refused});
}

TEST_CASE("a failure after the end of the minute first logs the count of that minute") {
  Heard heard;
  heard.log.note(refused, "/t", at(0s));
  heard.log.note(refused, "/t", at(1s));
  heard.take();
  heard.log.note(refused, "/t", at(90s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
  heard.log.look(at(150s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
}

TEST_CASE("kinds of failures are logged independently") {
  Heard heard;
  heard.log.note(refused, "/t", at(0s));
  heard.log.note(late, "/t", at(1s));
  heard.log.note(refused, "/t", at(2s));
  heard.log.note(late, "/t", at(3s));
  CHECK(heard.take() == Sentences{of_refused, of_late});
  heard.log.look(at(60s));
  CHECK(heard.take() == Sentences{of_refused + " (1 time more in the last minute)"});
  heard.log.look(at(61s));
  CHECK(heard.take() == Sentences{of_late + " (1 time more in the last minute)"});
}

TEST_CASE("every kind has its own count") {
  Heard heard;
  for (std::size_t kind = 0; kind < upstream::failure_kinds; ++kind)
    heard.log.note({static_cast<FailureKind>(kind), {}, {}}, "/t", at(0s));
  CHECK(heard.take().size() == upstream::failure_kinds);
}

TEST_CASE("without a Write function nothing is logged") {
  upstream::FailureLog log;
  log.note(refused, "/t", at(0s));
  log.note(refused, "/t", at(1s));
  log.look(at(60s));
  log.say("x");
}
