#include "admin/probe.hpp"

#include "admin/ask.hpp"
#include "http/gate.hpp"
#include "net/loop.hpp"
#include "policy/request.hpp"
#include "policy/storability.hpp"
#include "projection/projector.hpp"

#include <fmt/format.h>

#include <charconv>

namespace larder::admin {

namespace {

constexpr Millis timeout_for_all{30'000};
constexpr Millis timeout_for_one{10'000};

struct Line {
  std::string file;
  int line = 0;
  int column = 0;
};

// Parses `FILE:LINE:COL`.
Line line_of(const std::string& place) {
  Line out{place};
  const auto number = [&](int& value) {
    const auto colon = out.file.rfind(':');
    if (colon == std::string::npos) return;
    (void)std::from_chars(out.file.data() + colon + 1, out.file.data() + out.file.size(), value);
    out.file.resize(colon);
  };
  number(out.column);
  number(out.line);
  return out;
}

std::string remedy(policy::Detail why, int status) {
  using policy::Detail;
  switch (why) {
    case Detail::status:
      if (status == 401 || status == 403)
        return fmt::format(
            "has status {} without credentials; if each client has its own credential, write key: {{headers: "
            "[authorization]}} (or its session cookie: key: {{cookies: [session]}}); if all clients may "
            "share the response, write despite: [authorization]",
            status);
      return fmt::format("has status {}; a ttl route stores 200, and with negative_ttl 404 and 410", status);
    case Detail::set_cookie:
      return "sets a cookie and is not stored; if the cookie does not identify a client, despite: "
             "[set-cookie] stores the response without it";
    case Detail::no_store:
      return "has Cache-Control: no-store and is not stored; despite: [no-store] stores it anyway";
    case Detail::no_cache:
      return "has Cache-Control: no-cache and is not stored; despite: [no-cache] stores it anyway";
    case Detail::is_private:
      return "has Cache-Control: private and is not stored; if all clients get the same response, despite: "
             "[private] stores it anyway";
    case Detail::vary_any:
      return "has Vary: * and is never stored; write cache: off";
    default:
      return fmt::format("is not stored: {}", policy::name_of(why));
  }
}

bool is_json(const http::ResponseHead& head) {
  for (const auto& line : head.fields) {
    if (http::has_name(line, "Content-Type")) return projection::is_json_type(line.value);
  }
  return false;
}

// Why the response would not be stored, as the end of a sentence; empty if it would.
std::string against(const settings::Route& route, const settings::Settings& settings, const Reply& reply) {
  const auto bytes =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", route.name, settings.upstream.authority);
  http::RequestHead request;
  http::ResponseHead head;
  (void)http::read_request(bytes, settings.gate, request);
  (void)http::read_response(reply.body, settings.gate, http::Method::get, head);
  const auto now = system_now();
  const policy::KeyedHash hash({});
  const auto facts = policy::facts_of(request, {settings, hash});
  const auto judged = policy::judge(facts, route, head.status, head.fields, {}, {now, now});
  if (const auto* why = std::get_if<policy::Detail>(&judged)) return remedy(*why, head.status);
  if (route.projects() && !is_json(head))
    return "is not JSON by its Content-Type and is not projected; remove fields, or correct the Content-Type";
  return {};
}

}  // namespace

Probe probe_upstream(const settings::Settings& settings) {
  Probe out;
  const auto begun = system_now().mono;
  bool answers = false;
  std::size_t left = 0;
  for (const auto& route : settings.routes) {
    if (route.cache != settings::CacheMode::ttl || !route.path.is_exact()) continue;
    if (system_now().mono - begun > timeout_for_all) {
      ++left;
      continue;
    }
    const auto reply =
        ask_for_head(settings.upstream.address, settings.upstream.authority, route.name, timeout_for_one);
    const auto [file, line, column] = line_of(route.place);
    const auto warn = [&](const std::string& what) {
      out.warnings.push_back({settings::Problem::Severity::warning, file, line, column,
                              route.name + ": the API's response " + what});
    };
    if (reply.status == 0 && !answers) {
      out.not_asked =
          fmt::format("{}: {}; the API's responses were not checked", settings.upstream.url, reply.body);
      return out;
    }
    answers = true;
    if (reply.status == 0)
      warn("could not be fetched: " + reply.body);
    else if (const auto why = against(route, settings, reply); !why.empty())
      warn(why);
  }
  if (left > 0)
    out.not_asked =
        fmt::format("{}: the API is slow; {} routes were not checked", settings.upstream.url, left);
  return out;
}

}  // namespace larder::admin
