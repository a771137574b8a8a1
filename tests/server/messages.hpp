// Requests and responses as bytes.
#pragma once

#include "../catch.hpp"
#include "http/chunked.hpp"
#include "http/gate.hpp"

#include <optional>
#include <string>

namespace larder::test {

inline std::string response(const std::string& body, const std::string& lines = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + lines + "\r\n" + body;
}

inline std::string get(const std::string& target, const std::string& lines = {}) {
  return "GET " + target + " HTTP/1.1\r\nHost: api\r\n" + lines + "\r\n";
}

struct Response {
  int status = 0;
  std::string head;
  std::string body;
};

// The first response in `bytes`, which is removed; nullopt where that is not complete.
inline std::optional<Response> take_response(std::string& bytes, http::Method method = http::Method::get) {
  http::ResponseHead head;
  const auto result = http::read_response(bytes, {}, method, head);
  if (result.state != http::GateResult::State::complete) return std::nullopt;
  Response taken{head.status, bytes.substr(0, result.head_size), {}};
  auto rest = bytes.substr(result.head_size);
  if (head.framing.kind == http::Framing::Kind::length) {
    if (rest.size() < head.framing.length) return std::nullopt;
    taken.body = rest.substr(0, static_cast<std::size_t>(head.framing.length));
    rest.erase(0, taken.body.size());
  } else if (head.framing.kind == http::Framing::Kind::chunked) {
    http::ChunkedReader reader({});
    for (bool done = false; !done;) {
      if (rest.empty()) return std::nullopt;
      const auto step = reader.feed(rest);
      REQUIRE(step.state != http::ChunkedReader::Step::State::refused);
      taken.body += step.data;
      done = step.state == http::ChunkedReader::Step::State::done;
      rest.erase(0, step.consumed);
    }
  }
  bytes = std::move(rest);
  return taken;
}

}  // namespace larder::test
