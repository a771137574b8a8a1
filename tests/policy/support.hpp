// Helpers for tables of messages: field lines from text, and times relative to a fixed start.
#pragma once

#include "http/fields.hpp"
#include "http/gate.hpp"
#include "policy/freshness.hpp"
#include "policy/request.hpp"
#include "settings/settings.hpp"

#include <string>
#include <vector>

namespace larder::test {

/// Parses field lines, such as "A: 1\nB: 2". The views point into this object.
class Lines {
 public:
  Lines(std::string text) : text_(std::move(text)) {
    std::string_view rest = text_;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      const auto colon = line.find(':');
      const auto name = line.substr(0, colon);
      auto value = line.substr(colon + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      fields_.push_back({boost::beast::http::string_to_field(name), name, value});
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
  }
  Lines(const char* text) : Lines(std::string(text)) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  operator http::Fields() const { return fields_; }

 private:
  std::string text_;
  std::vector<http::Field> fields_;
};

/// The start: Sun, 06 Nov 1994 08:49:37 GMT on the wall clock, one hour on the monotonic clock.
inline policy::Now at(policy::Millis after = {}) {
  using namespace std::chrono;
  return {policy::WallTime{seconds{784111777}} + after, policy::MonoTime{hours{1}} + after};
}

/// Times of an exchange that took `delay` and was received at `at()`.
inline policy::ExchangeTimes received(policy::Millis delay = {}) {
  return {at(-delay), at()};
}

inline const policy::KeyedHash hash({1, 2, 3});
inline const settings::Settings default_settings;

/// A parsed request. The head's views point into this object.
struct Request {
  explicit Request(const std::string& start, const std::string& lines = {},
                   const settings::Settings& settings = default_settings,
                   const policy::Arrival& arrival = {"127.0.0.1", true, http::Scheme::http, 8080}) {
    text = start + " HTTP/1.1\r\nHost: api\r\n";
    std::string_view rest = lines;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      text.append(line).append("\r\n");
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    text += "\r\n";
    result = http::read_request(text, settings.gate, head);
    if (!arrival.trusted) (void)policy::remove_forwarded(head, settings.request_fields);
    facts = policy::facts_of(head, {settings, hash, arrival});
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  std::string text;
  http::RequestHead head;
  http::GateResult result;
  policy::RequestFacts facts;
};

inline settings::Route standard_route() {
  settings::Route route;
  route.name = "/**";
  std::string error;
  route.path = *http::PathPattern::parse("/**", error);
  route.cache = settings::CacheMode::standard;
  return route;
}

inline settings::Route ttl_route(settings::Millis ttl = std::chrono::seconds{30}) {
  auto route = standard_route();
  route.cache = settings::CacheMode::ttl;
  route.ttl = ttl;
  return route;
}

}  // namespace larder::test
