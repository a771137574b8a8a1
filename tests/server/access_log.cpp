#include "server/access_log.hpp"

#include "../catch.hpp"

#include <simdjson.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <unistd.h>

using namespace larder;
using namespace std::chrono_literals;
using settings::Redaction;

namespace {

// 2024-02-29T23:59:59.007Z
const policy::WallTime leap_day{1'709'251'199'007ms};

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "larder-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] std::string operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The log line for that record, with its line end.
std::string line_of(const server::AccessRecord& record, settings::AccessLog format, Redaction rule = {}) {
  const Directory directory;
  const auto path = directory / "log";
  Counters counters;
  {
    settings::Settings rules;
    rules.access_log = format;
    rules.access_log_redact = std::move(rule);
    auto sink = std::make_shared<server::LogSink>();
    REQUIRE(sink->set_file(path) == std::nullopt);
    server::AccessLog log(counters);
    log.configure(rules, std::move(sink));
    log.append(record, leap_day);
    log.flush();
  }
  CHECK(counters.log_lines_dropped.value() == 0);
  return content(path);
}

server::AccessRecord some_record() {
  server::AccessRecord record;
  record.client = "192.0.2.1";
  record.method = "GET";
  record.target = "/a?b=1";
  record.user_agent = "tester/1";
  record.referer = "http://page.test/?q=2";
  record.route = "/**";
  record.request_id = "r1";
  record.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  record.key_hash = 0x1234;
  record.status = 200;
  record.body_bytes = 5;
  record.original_bytes = 50;
  record.upstream_time = 12ms;
  record.outcome.forward = policy::Forward::miss;
  record.outcome.stored = true;
  record.duration = 13ms;
  return record;
}

}  // namespace

TEST_CASE("a line in JSON format") {
  CHECK(line_of(some_record(), settings::AccessLog::json) ==
        R"({"time":"2024-02-29T23:59:59.007Z","client":"192.0.2.1","method":"GET","target":"/a?b=1",)"
        R"("route":"/**","key":"0000000000001234","status":200,"bytes":5,"original_bytes":50,)"
        R"("outcome":"miss","cache_status":"larder; fwd=miss; stored","ms":13,"upstream_ms":12,)"
        R"("request_id":"r1","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",)"
        R"("user_agent":"tester/1"})"
        "\n");
}

TEST_CASE("a line omits what the request does not have") {
  server::AccessRecord record;
  record.method = "-";
  record.target = "-";
  record.status = 400;
  CHECK(line_of(record, settings::AccessLog::json) ==
        R"({"time":"2024-02-29T23:59:59.007Z","client":"","method":"-","target":"-","route":"","status":400,)"
        R"("bytes":0,"outcome":"refused","cache_status":"larder","ms":0,"user_agent":""})"
        "\n");
  CHECK(line_of(record, settings::AccessLog::combined) ==
        "- - - [29/Feb/2024:23:59:59 +0000] \"- - HTTP/1.1\" 400 0 \"-\" \"-\" refused\n");
}

TEST_CASE("a line in combined format") {
  CHECK(line_of(some_record(), settings::AccessLog::combined) ==
        "192.0.2.1 - - [29/Feb/2024:23:59:59 +0000] \"GET /a?b=1 HTTP/1.1\" 200 5 "
        "\"http://page.test/?q=2\" \"tester/1\" miss\n");
}

TEST_CASE("whatever bytes a request has, it gives one line of valid JSON") {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_int_distribution<std::size_t> length(0, 40);
  simdjson::dom::parser parser;
  for (int turn = 0; turn < 200; ++turn) {
    std::vector<std::string> texts(6);
    for (auto& text : texts) {
      for (auto left = length(random); left > 0; --left) text += static_cast<char>(byte(random));
    }
    auto record = some_record();
    record.method = texts[0];
    record.target = texts[1];
    record.user_agent = texts[2];
    record.referer = texts[3];
    record.request_id = texts[4];
    record.route = texts[5];
    const auto json = line_of(record, settings::AccessLog::json, {Redaction::Of::all, {}});
    CHECK(json.find('\n') == json.size() - 1);
    simdjson::dom::element root;
    CHECK(parser.parse(json).get(root) == simdjson::SUCCESS);
  }
}

TEST_CASE("a request cannot end a quoted part or a line of combined format") {
  auto record = some_record();
  record.user_agent = "a\" 200 \\\" \n\r\x01 \x7f";
  record.referer = record.user_agent;
  record.target = "/\"\n";
  CHECK(line_of(record, settings::AccessLog::combined) ==
        "192.0.2.1 - - [29/Feb/2024:23:59:59 +0000] \"GET /\\\"\\u000a HTTP/1.1\" 200 5 "
        "\"a\\\" 200 \\\\\\\" \\u000a\\u000d\\u0001 \\u007f\" \"a\\\" 200 \\\\\\\" \\u000a\\u000d\\u0001 "
        "\\u007f\" "
        "miss\n");
}

TEST_CASE("redacted values of the query") {
  struct Row {
    const char* target;
    const char* with_all;
    const char* with_names;  // redacting token and "api key"
  };
  const auto row = GENERATE(values<Row>({
      {"/a", "/a", "/a"},
      {"", "", ""},
      {"?", "?", "?"},
      {"/a?", "/a?", "/a?"},
      {"/a?b", "/a?***", "/a?b"},
      {"/a?b=", "/a?b=***", "/a?b="},
      {"/a?=b", "/a?=***", "/a?=b"},
      {"/a?b=1&&c=2&", "/a?b=***&&c=***&", "/a?b=1&&c=2&"},
      {"/a?token=1", "/a?token=***", "/a?token=***"},
      {"/a?token", "/a?***", "/a?token"},
      {"/a?token=1=2?3", "/a?token=***", "/a?token=***"},
      {"/a?b=token&token=b", "/a?b=***&token=***", "/a?b=token&token=***"},
      {"/a?token=1&b=2&token=3", "/a?token=***&b=***&token=***", "/a?token=***&b=2&token=***"},
      {"/a?%74oken=1", "/a?%74oken=***", "/a?%74oken=***"},
      {"/a?%zztoken=1", "/a?%zztoken=***", "/a?%zztoken=1"},
      {"/a?api+key=1&api%20key=2&apikey=3", "/a?api+key=***&api%20key=***&apikey=***",
       "/a?api+key=***&api%20key=***&apikey=3"},
      {"/token=1?b=2", "/token=1?b=***", "/token=1?b=2"},
      {"http://a/b?token=1#token=1", "http://a/b?token=***", "http://a/b?token=***"},
      {"http://a/b#token=1", "http://a/b", "http://a/b"},
      {"http://a/b#c?token=1", "http://a/b", "http://a/b"},
  }));
  CAPTURE(row.target);
  CHECK(server::redacted(row.target, {}) == row.target);
  CHECK(server::redacted(row.target, {Redaction::Of::all, {}}) == row.with_all);
  CHECK(server::redacted(row.target, {Redaction::Of::named, {"token", "api key"}}) == row.with_names);
}

TEST_CASE("a sink switches files, and keeps the current one if that fails") {
  const Directory directory;
  const auto first = directory / "first";
  const auto second = directory / "second";
  {
    server::LogSink sink;
    REQUIRE(sink.set_file(first) == std::nullopt);
    CHECK(sink.write("1\n"));
    CHECK(sink.set_file(first) == std::nullopt);
    const auto error = sink.set_file(directory / "none/log");
    REQUIRE(error);
    CHECK(error->find("none/log cannot be opened: No such file or directory") != std::string::npos);
    CHECK(sink.write("2\n"));
  }
  CHECK(content(first) == "1\n2\n");
  {
    server::LogSink sink;
    REQUIRE(sink.set_file(first) == std::nullopt);
    REQUIRE(sink.set_file(second) == std::nullopt);
    CHECK(sink.write("3\n"));
  }
  CHECK(content(first) == "1\n2\n");
  CHECK(content(second) == "3\n");
}

TEST_CASE("a sink that reopens its file writes to the file of that name") {
  const Directory directory;
  const auto path = directory / "log";
  {
    server::LogSink sink;
    CHECK(sink.reopen() == std::nullopt);  // standard output is not reopened
    REQUIRE(sink.set_file(path) == std::nullopt);
    std::filesystem::rename(path, directory / "old");
    REQUIRE(sink.reopen() == std::nullopt);
    CHECK(sink.write("1\n"));
  }
  CHECK(content(directory / "old").empty());
  CHECK(content(path) == "1\n");
}

TEST_CASE("lines that could not be written are counted") {
  Counters counters;
  settings::Settings rules;
  rules.access_log = settings::AccessLog::combined;
  auto sink = std::make_shared<server::LogSink>();
  REQUIRE(sink->set_file("/dev/full") == std::nullopt);
  server::AccessLog log(counters);
  log.configure(rules, sink);
  for (int i = 0; i < 10; ++i) log.append(some_record(), leap_day);
  log.flush();
  while (counters.log_lines_dropped.value() < 10) log.flush();
  CHECK(counters.log_lines_dropped.value() == 10);
  CHECK(sink->take_lost() == 0);
}
