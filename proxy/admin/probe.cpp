#include "admin/probe.hpp"

#include "admin/ask.hpp"
#include "admin/projection_advice.hpp"
#include "coding/codec.hpp"
#include "http/coding.hpp"
#include "http/gate.hpp"
#include "http/target.hpp"
#include "net/loop.hpp"
#include "policy/request.hpp"
#include "policy/storability.hpp"
#include "projection/projector.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace larder::admin {

namespace {

constexpr Millis timeout_for_all{30'000};
constexpr Millis timeout_for_one{10'000};
constexpr std::size_t max_named = 10;  // routes in a message

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

// What to change about the route or the API, as ends of sentences; empty if nothing.
std::vector<std::string> against(const settings::Route& route, const settings::Settings& settings,
                                 const std::string& target, const ApiReply& reply) {
  const auto bytes = fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", target, settings.upstream.authority);
  http::RequestHead request;
  http::ResponseHead head;
  (void)http::read_request(bytes, settings.gate, request);
  (void)http::read_response(reply.head, settings.gate, http::Method::get, head);
  const auto now = system_now();
  const policy::KeyedHash hash({});
  const auto facts = policy::facts_of(request, {settings, hash});
  const auto judged = policy::judge(facts, route, head.status, head.fields, {}, {now, now});
  if (const auto* why = std::get_if<policy::Detail>(&judged)) return {remedy(*why, head.status)};
  if (route.projects() && !is_json(head))
    return {
        "is not JSON by its Content-Type and is not projected; remove fields, or correct the Content-Type"};
  if (!reply.body || head.status != 200) return {};
  if (!http::is_coded(head.fields)) return advise_projection(route, *reply.body);
  const auto coding = http::only_coding(head.fields);
  if (!coding)
    return {
        "is in a content coding that larder does not know, although none was requested, and is not "
        "projected"};
  const auto decoded = coding::decode(*coding, *reply.body, settings.cache.max_body);
  return decoded.error ? std::vector<std::string>() : advise_projection(route, decoded.bytes);
}

// A route that is asked, and the path and query that it is asked for.
struct ProbedTarget {
  const settings::Route* route;
  std::string target;
};

std::vector<ProbedTarget> questions_of(const settings::Settings& settings,
                                       const std::vector<std::string>& samples,
                                       std::vector<std::string>& not_asked) {
  std::vector<ProbedTarget> all;
  std::vector<std::string> patterns;
  std::string scratch;
  for (const auto& sample : samples) {
    const auto path = http::normalise_path(std::string_view(sample).substr(0, sample.find('?')), scratch);
    const auto* route = settings.route_for(path);
    if (route != nullptr && route->cache != settings::CacheMode::off)
      all.push_back({route, sample});
    else
      not_asked.push_back(sample + ": no route caches it; it was not requested");
  }
  const auto is_asked = [&](const settings::Route& route) {
    return std::any_of(all.begin(), all.end(), [&](const ProbedTarget& one) { return one.route == &route; });
  };
  for (const auto& route : settings.routes) {
    if (route.cache != settings::CacheMode::ttl || is_asked(route)) continue;
    if (route.path.is_exact())
      all.push_back({&route, route.name});
    else
      patterns.push_back(route.name);
  }
  if (patterns.empty()) return all;
  const auto more = patterns.size() > max_named ? patterns.size() - max_named : 0;
  patterns.resize(patterns.size() - more);
  not_asked.push_back(
      fmt::format("not checked, as their paths are patterns: {}{}; name a path of each with --sample",
                  fmt::join(patterns, ", "), more > 0 ? fmt::format(" and {} more", more) : ""));
  return all;
}

}  // namespace

Probe probe_upstream(const cache::Plan& plan, const std::vector<std::string>& samples) {
  const auto& settings = *plan.settings;
  Probe out;
  const auto begun = system_now().mono;
  if (plan.api_tls) {
    const auto why = tls_failure({settings.upstream.address, plan.api_tls, {}, {}, timeout_for_one, {}});
    if (!why.empty()) {
      out.not_asked = {
          fmt::format("{}: {}; the API's responses were not checked", settings.upstream.url, why)};
      return out;
    }
  }
  bool answers = false;
  std::vector<std::string> left;
  for (const auto& [route, target] : questions_of(settings, samples, out.not_asked)) {
    if (system_now().mono - begun > timeout_for_all) {
      left.push_back(target);
      continue;
    }
    const bool projects = !route->fields.empty();
    const auto reply = ask_api(
        {settings.upstream.address, plan.api_tls, settings.upstream.authority, target, timeout_for_one,
         [projects](const auto& head) { return projects && is_json(head); }, settings.cache.max_body});
    const auto at = line_of(route->place);
    const auto warn = [&, &place = target](const std::string& what) {
      out.warnings.push_back({settings::Problem::Severity::warning, at.file, at.line, at.column,
                              fmt::format("{}: the API's response {}", place, what)});
    };
    if (reply.status == 0 && !answers) {
      out.not_asked = {
          fmt::format("{}: {}; the API's responses were not checked", settings.upstream.url, reply.head)};
      return out;
    }
    answers = true;
    if (reply.status == 0) {
      warn("could not be fetched: " + reply.head);
      continue;
    }
    for (const auto& why : against(*route, settings, target, reply)) warn(why);
  }
  if (!left.empty())
    out.not_asked.push_back(
        fmt::format("{}: the API is slow; not checked: {}", settings.upstream.url, fmt::join(left, ", ")));
  return out;
}

}  // namespace larder::admin
