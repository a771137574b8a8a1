#include "admin/explain.hpp"

#include "admin/json.hpp"
#include "http/gate.hpp"
#include "http/target.hpp"
#include "policy/decide.hpp"
#include "policy/invalidation.hpp"
#include "server/reply.hpp"
#include "settings/scalar.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace larder::admin {

namespace {

using settings::CacheMode;

// The parsed head of the request in question.
struct Asked {
  std::string bytes;
  http::RequestHead head;
  bool any_host = false;
};

bool read(const settings::Settings& settings, const Question& question, Asked& asked, std::string& error) {
  const std::string_view url = question.url;
  std::string_view authority = settings.upstream.authority;
  std::string_view target = url;
  // Only the part before the path: the gate accepts more in a target than RFC 3986 does.
  const auto scheme = url.find("://");
  const auto path_at = std::min(url.find_first_of("/?#", scheme + 3), url.size());
  const auto origin =
      boost::urls::parse_uri(scheme == url.npos ? std::string_view() : url.substr(0, path_at));
  if (origin) {
    authority = origin->encoded_host_and_port();
    target = url.substr(path_at);
  } else if (!url.starts_with('/')) {
    error = fmt::format("'{}' is neither a URL (http://host/path) nor a path (/path)", url);
    return false;
  }
  asked.any_host = !origin;
  asked.bytes = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n\r\n", question.method,
                            target.starts_with('/') ? "" : "/", target, authority);
  const auto result = http::read_request(asked.bytes, settings.gate, asked.head);
  if (result.state == http::GateResult::State::complete) return true;
  error = fmt::format("{} {}: {}", question.method, url,
                      result.refusal ? http::describe(*result.refusal) : "not a valid request");
  return false;
}

std::string seconds(Millis value) {
  if (value >= Millis{1000}) value = std::chrono::floor<std::chrono::seconds>(value);
  return value <= Millis{0} ? "0s" : settings::format_duration(value);
}

std::string lifetime_of(const settings::Route* route) {
  if (route == nullptr || route->cache == CacheMode::off) return "nothing is stored";
  if (route->cache == CacheMode::standard) {
    return "set by the response: CDN-Cache-Control, s-maxage, max-age or Expires, else a tenth of the time "
           "since Last-Modified";
  }
  std::string text = fmt::format("{} after it is received (status 200)", seconds(route->ttl));
  if (route->negative_ttl) text += fmt::format("; {} (404 and 410)", seconds(*route->negative_ttl));
  return text;
}

// The patterns of writes; for one with bound placeholders, what it is for this path.
std::vector<std::string> writes_to(const settings::Route& route, std::string_view path) {
  std::vector<std::string> writes;
  for (const auto& pattern : route.invalidated_by) {
    writes.push_back(pattern.text());
    if (pattern.has_bound_names())
      writes.back() += fmt::format(" (here {})", pattern.bound_text(route.path, path));
  }
  return writes;
}

// The responses that a write to the path invalidates, as paths or patterns.
std::vector<std::string> invalidated_by_write(const settings::Settings& settings, std::string_view path) {
  std::vector<std::string> all{std::string(path)};
  for (const auto& route : settings.routes) {
    if (route.cache == CacheMode::off) continue;
    for (const auto& pattern : route.invalidated_by) {
      if (!pattern.matches(path)) continue;
      auto text = route.path.text();
      for (const auto& name : pattern.bound_names()) {
        const auto placeholder = "{" + name + "}";
        if (const auto at = text.find(placeholder); at != std::string::npos)
          text.replace(at, placeholder.size(), pattern.segment_of(name, path));
      }
      if (route.invalidation == settings::Invalidation::soft) text += " (marked stale)";
      if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(std::move(text));
    }
  }
  return all;
}

std::vector<std::string> also(const settings::Route& route, std::string_view path) {
  std::vector<std::string> said;
  if (!route.refresh_param.empty()) said.push_back(fmt::format("?{}=1 forces a fetch", route.refresh_param));
  if (!route.fields.empty()) {
    said.push_back(fmt::format("projected to {}{}", fmt::join(route.fields, " "),
                               route.items.empty() ? "" : ", in " + route.items));
  }
  if (route.stale_while_revalidate.value_or(Millis{0}) > Millis{0})
    said.push_back(
        fmt::format("served stale for {} while it is refreshed", seconds(*route.stale_while_revalidate)));
  if (route.stale_if_error.value_or(Millis{0}) > Millis{0})
    said.push_back(fmt::format("served stale for {} while the API fails", seconds(*route.stale_if_error)));
  const auto writes = writes_to(route, path);
  const bool soft = route.invalidation == settings::Invalidation::soft;
  if (!writes.empty())
    said.push_back(
        fmt::format("{} by writes to {}", soft ? "marked stale" : "invalidated", fmt::join(writes, ", ")));
  if (route.keeps_warm())
    said.push_back(
        fmt::format("refreshed before it expires if requested within {}", seconds(*route.keep_warm)));
  if (route.warm) said.push_back("fetched at startup");
  if (!route.groups.empty()) said.push_back(fmt::format("cache groups: {}", fmt::join(route.groups, ", ")));
  if (!route.key.headers.empty())
    said.push_back(fmt::format("one variant per value of {}", fmt::join(route.key.headers, ", ")));
  return said;
}

std::string_view name_of(store::Validity state) {
  switch (state) {
    case store::Validity::valid:
      return "no";
    case store::Validity::stale_once:
      return "soft";
    case store::Validity::only_on_error:
      return "hard";
    case store::Validity::invalid:
      break;
  }
  return "strict";
}

json::object variant_json(const store::Response& variant, store::Validity state, policy::Now now) {
  Object object;
  object.number("status", variant.status);
  object.number("bytes", static_cast<std::int64_t>(variant.body->size()));
  if (variant.part)
    object.text("part",
                server::content_range({variant.part->first, variant.part->last}, variant.part->complete));
  object.text("age", seconds(variant.age(now.mono)));
  object.number("ttl", policy::ttl_seconds(variant, now.mono));
  object.text("lifetime", seconds(variant.lifetime.value));
  object.text("source", name_of(variant.lifetime.source));
  object.boolean("void", state >= store::Validity::only_on_error);
  if (state != store::Validity::valid) object.text("void_by_write", name_of(state));
  object.boolean("must_validate", variant.must_validate);
  if (!variant.entity_tag.empty()) object.text("etag", variant.entity_tag);
  json::array varies;
  for (const auto& field : variant.secondary) {
    Object one;
    using Kind = policy::VaryField::Kind;
    const bool is_hashed = field.kind == Kind::secret || field.kind == Kind::cookie;
    one.text("field", field.name);
    if (field.value) one.text("value", is_hashed ? std::string("(hashed)") : *field.value);
    varies.push_back(one.take());
  }
  object.add("varies", std::move(varies));
  return object.take();
}

void add_stored(const Live& live, const settings::Route& route, const policy::RequestFacts& facts,
                const policy::KeyView& key, bool any_host, Object& out) {
  const auto& cache = live.cache;
  json::array stored;
  const auto add = [&](const store::Entry& entry) {
    const policy::KeyView name(entry.key);
    const auto target = cache.target(route, cache.hash(route.name), name, facts);
    json::array variants;
    for (const auto& variant : entry.variants)
      variants.push_back(variant_json(*variant, cache.validity_of(*variant, target), live.now));
    Object object;
    object.text("key", name.url());
    object.add("variants", std::move(variants));
    stored.push_back(object.take());
  };
  if (any_host) {
    cache.each([&](const store::Entry& entry) {
      if (policy::KeyView(entry.key).target() == key.target()) add(entry);
      return true;
    });
  } else if (const auto entry = cache.peek(key)) {
    add(*entry);
  }
  out.add("stored", std::move(stored));
  if (const auto why = cache.why_not_stored(key, any_host)) {
    Object object;
    object.text("reason", name_of(why->detail));
    object.text("ago", seconds(live.now.mono - why->when));
    out.add("not_stored", object.take());
  }
}

}  // namespace

Question question_of(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2) return {arguments[0], arguments[1]};
  Question question;
  question.url = arguments.front();
  const auto space = question.url.find(' ');
  // Otherwise the space is in the URL, which is an error with a message of its own.
  const std::string_view first(question.url.data(), std::min(space, question.url.size()));
  if (space == std::string::npos || first.find_first_of("/:?") != std::string_view::npos) return question;
  question.method = first;
  question.url.erase(0, question.url.find_first_not_of(' ', space));
  return question;
}

std::optional<std::string> explain(const settings::Settings& settings, const Question& question,
                                   const Live* live, std::string& error) {
  Asked asked;
  if (!read(settings, question, asked, error)) return std::nullopt;
  std::string scratch;
  const auto path = http::normalise_path(asked.head.path, scratch);
  const auto* route = settings.route_for(path);
  // The request has no cookies or credentials, so the hash is never used.
  const policy::KeyedHash no_hash({});
  const auto facts = policy::facts_of(asked.head, {settings, no_hash});

  Object out;
  out.text("method", asked.head.method_name);
  out.text("path", path);
  out.boolean("any_host", asked.any_host);
  if (route != nullptr) {
    out.text("route", route->name);
    out.number("index", static_cast<std::int64_t>(route->index) + 1);
  }
  out.number("routes", static_cast<std::int64_t>(settings.routes.size()));
  out.text("cache", route == nullptr                      ? "off"
                    : route->cache == CacheMode::ttl      ? "ttl"
                    : route->cache == CacheMode::standard ? "standard"
                                                          : "off");
  out.text("lifetime", lifetime_of(route));
  const auto for_cache = policy::is_for_cache(facts, route);
  if (const auto* pass = std::get_if<policy::Pass>(&for_cache)) {
    out.text("passes", pass->detail == policy::Detail::none ? name_of(pass->why) : name_of(pass->detail));
  }
  if (!http::is_safe(asked.head.method, asked.head.method_name)) {
    json::array writes;
    for (const auto& one : invalidated_by_write(settings, path)) writes.push_back(utf8(one));
    out.add("invalidates", std::move(writes));
  }
  if (route != nullptr && route->cache != CacheMode::off) {
    json::array said;
    for (const auto& sentence : also(*route, path)) said.push_back(utf8(sentence));
    out.add("also", std::move(said));
    policy::CacheKey key;
    key.assign(policy::authority_of(asked.head, settings), path, asked.head, *route,
               asked.head.scheme.value_or(http::Scheme::http));
    out.text("key", key.view().url());
    if (live != nullptr) add_stored(*live, *route, facts, key.view(), asked.any_host, out);
  }
  out.boolean("running", live != nullptr);
  return out.str();
}

}  // namespace larder::admin
