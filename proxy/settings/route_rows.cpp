// The rows of a route.
#include "settings/rows.hpp"

#include <algorithm>
#include <set>

namespace larder::settings {

namespace {

constexpr Millis forever = std::chrono::hours{24 * 365};

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return text;
}

Row<Route> text_row(std::string name, std::string Route::*member, std::string type, std::string meaning,
                    std::function<std::string(const std::string&)> check) {
  Row<Route> row{name, std::move(type), "", "", std::move(meaning), {}, false};
  row.set = [=](Report& report, const YAML::Node& node, Route& route) {
    const auto text = scalar(report, node, name);
    if (!text) return;
    const auto error = check(*text);
    if (!error.empty()) return report.error(node, name + ": " + error);
    route.*member = *text;
  };
  return row;
}

// A list in which nothing stands twice.
template <class Add>
Row<Route> list_row(std::string name, std::string type, std::string meaning, Add add) {
  Row<Route> row{name, std::move(type), "", "", std::move(meaning), {}, false};
  row.set = [=](Report& report, const YAML::Node& node, Route& route) {
    const auto list = texts(report, node, name);
    if (!list) return;
    std::set<std::string> seen;
    for (const auto& [text, at] : *list) {
      if (!seen.insert(text).second) {
        report.error(at, name + ": '" + text + "' stands there twice");
        continue;
      }
      const auto error = add(route, text);
      if (!error.empty()) report.error(at, name + ": " + error);
    }
  };
  return row;
}

Row<Route> path_row() {
  Row<Route> row{"path",
                 "path",
                 "/topics/ (exact), /topics/{id} (one segment), /static/** (the rest)",
                 "",
                 "Which requests the route is for. The first route that matches wins.",
                 {},
                 false};
  row.set = [](Report& report, const YAML::Node& node, Route& route) {
    const auto text = scalar(report, node, "path");
    if (!text) return;
    std::string error;
    const auto pattern = http::PathPattern::parse(*text, error);
    if (!pattern) return report.error(node, "path: '" + *text + "': " + error);
    route.path = *pattern;
    route.name = *text;
  };
  return row;
}

Row<Route> key_row() {
  Row<Route> row{"key",
                 "mapping",
                 "{query: all, none or [names], headers: [names]}",
                 "{query: all}",
                 "What of a request makes another entry, beside host and path: its query, or some of its "
                 "parameters, and request fields.",
                 {},
                 false};
  row.set = [](Report& report, const YAML::Node& node, Route& route) {
    if (!node.IsMap()) return report.error(node, "key wants a mapping, such as {query: [limit, status]}");
    for (const auto& member : node) {
      const auto name = member.first.IsScalar() ? member.first.Scalar() : std::string();
      if (name == "query" && member.second.IsScalar() &&
          (member.second.Scalar() == "all" || member.second.Scalar() == "none")) {
        route.key.query = member.second.Scalar() == "all" ? KeyRule::Query::all : KeyRule::Query::none;
      } else if (name == "query") {
        if (!member.second.IsSequence()) {
          report.error(member.second, "key.query is all, none or a list of parameters");
          continue;
        }
        const auto list = texts(report, member.second, "key.query");
        if (!list) continue;
        route.key.query = KeyRule::Query::named;
        for (const auto& [text, at] : *list) route.key.query_names.push_back(text);
      } else if (name == "headers") {
        const auto list = texts(report, member.second, "key.headers");
        if (!list) continue;
        for (const auto& [text, at] : *list) {
          if (is_token(text))
            route.key.headers.push_back(lower(text));
          else
            report.error(at, "key.headers: '" + text + "' is not a field name");
        }
      } else {
        report.error(member.first, "key has query and headers, not '" + name + "'");
      }
    }
  };
  return row;
}

std::string add_despite(Route& route, const std::string& text) {
  auto& despite = route.despite;
  const std::vector<std::pair<std::string_view, bool*>> known = {{"no-store", &despite.no_store},
                                                                 {"no-cache", &despite.no_cache},
                                                                 {"private", &despite.is_private},
                                                                 {"set-cookie", &despite.set_cookie},
                                                                 {"authorization", &despite.authorization}};
  std::vector<std::string_view> names;
  for (const auto& [name, flag] : known) {
    if (text == name) {
      *flag = true;
      return {};
    }
    names.push_back(name);
  }
  const auto meant = nearest(text, names);
  return "'" + text + "' is none of no-store, no-cache, private, set-cookie, authorization" +
         (meant.empty() ? "" : "; did you mean '" + std::string(meant) + "'?");
}

std::string add_field(std::vector<std::string>& list, const std::string& text) {
  if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string::npos ||
      text.find('*') != std::string::npos) {
    return "'" + text + "' is not a field; write a name or names joined by dots, such as slug or domain.slug";
  }
  list.push_back(text);
  return {};
}

Row<Route> planned(Row<Route> row) {
  row.planned = true;
  return row;
}

std::vector<Row<Route>> make_route_rows() {
  const auto cache = choice_row<Route, CacheMode& (*)(Route&), CacheMode>(
      "cache", [](Route& r) -> CacheMode& { return r.cache; },
      {{"off", CacheMode::off}, {"standard", CacheMode::standard}}, "",
      "Without ttl: standard follows upstream's own fields (RFC 9111), off passes everything through.");
  const auto invalidation = choice_row<Route, Invalidation& (*)(Route&), Invalidation>(
      "invalidation", [](Route& r) -> Invalidation& { return r.invalidation; },
      {{"hard", Invalidation::hard}, {"soft", Invalidation::soft}}, "hard",
      "hard: the next reader after a write waits for the new state; soft: it gets the old one once more, "
      "while that is fetched.");
  const auto compress = choice_row<Route, bool& (*)(Route&), bool>(
      "compress", [](Route& r) -> bool& { return r.compress; }, {{"auto", true}, {"off", false}}, "auto",
      "Whether the route's answers may be coded for clients that ask.");
  const auto warm = choice_row<Route, bool& (*)(Route&), bool>(
      "warm", [](Route& r) -> bool& { return r.warm; }, {{"true", true}, {"false", false}}, "false",
      "Fetch it at start (exact paths only).");
  const auto token = [](std::string_view what) {
    return [what](const std::string& text) {
      return is_token(text) ? std::string() : "'" + text + "' is not the name of " + std::string(what);
    };
  };
  auto ttl = duration_row<Route>(
      "ttl", [](Route& r) -> Millis& { return r.ttl; }, 1ms, forever,
      "How long a 200 is fresh, whatever lifetime upstream gives it; at most one request upstream in that "
      "time.");
  ttl.default_value.clear();
  return {
      path_row(),
      ttl,
      cache,
      optional_duration_row<Route>("negative_ttl", &Route::negative_ttl, 1ms, forever,
                                   "The same for 404 and 410, which are not stored under a ttl otherwise."),
      optional_duration_row<Route>("stale_while_revalidate", &Route::stale_while_revalidate, 0ms, forever,
                                   "For how long after its lifetime a response is still served while it is "
                                   "fetched anew behind it (RFC 5861)."),
      optional_duration_row<Route>(
          "stale_if_error", &Route::stale_if_error, 0ms, forever,
          "For how long after its lifetime a response is served while upstream fails (RFC 5861)."),
      planned(optional_duration_row<Route>(
          "keep_warm", &Route::keep_warm, 1ms, forever,
          "Refresh an entry before it expires while it has been asked for within this time.")),
      planned(warm),
      text_row("refresh_param", &Route::refresh_param, "name",
               "A query parameter that, when true, fetches anew and refills the same entry; it is no part of "
               "the key.",
               token("a query parameter")),
      duration_row<Route>(
          "refresh_min_interval", [](Route& r) -> Millis& { return r.refresh_min_interval; }, 0ms, forever,
          "A forced refresh sooner than this after the last fetch is answered from the store."),
      list_row("fields", "list of names",
               "The members that an item of a list keeps; names joined by dots reach inside.",
               [](Route& route, const std::string& text) { return add_field(route.fields, text); }),
      text_row(
          "items", &Route::items, "member",
          "Where the list is, if not at the top level: data, or workstreams.* for every member of an object.",
          [](const std::string& text) {
            std::vector<std::string> ignored;
            return add_field(ignored, text.ends_with(".*") ? text.substr(0, text.size() - 2) : text).empty()
                       ? std::string()
                       : "'" + text + "' is not a place; write a member such as data, or workstreams.*";
          }),
      planned(text_row("fields_param", &Route::fields_param, "name",
                       "A query parameter by which a client asks for fewer fields.",
                       token("a query parameter"))),
      planned(
          list_row("etag_ignore", "list of names", "Members whose change does not make another entity tag.",
                   [](Route& route, const std::string& text) { return add_field(route.etag_ignore, text); })),
      key_row(),
      list_row("despite", "list",
               "Store under the ttl despite no-store, no-cache, private, set-cookie (the cookie itself is "
               "not stored) or authorization. Every client then shares the answer.",
               add_despite),
      list_row("invalidated_by", "list of paths",
               "Writes (successful unsafe requests) to these paths make the route's entries void.",
               [](Route& route, const std::string& text) {
                 std::string error;
                 auto pattern = http::PathPattern::parse(text, error);
                 if (!pattern) return "'" + text + "': " + error;
                 route.invalidated_by.push_back(std::move(*pattern));
                 return std::string();
               }),
      planned(invalidation),
      planned(list_row("groups", "list of names", "Cache groups that the route's entries belong to.",
                       [](Route& route, const std::string& text) {
                         route.groups.push_back(text);
                         return std::string();
                       })),
      planned(compress),
      Row<Route>{"client_cache_control", "text", "", "",
                 "The Cache-Control that clients see, in place of upstream's.",
                 [](Report& report, const YAML::Node& node, Route& route) {
                   const auto text = scalar(report, node, "client_cache_control");
                   if (!text) return;
                   const bool clean =
                       std::all_of(text->begin(), text->end(), [](char c) { return c >= 0x20 && c < 0x7F; });
                   if (!clean || text->empty())
                     return report.error(
                         node,
                         "client_cache_control is one line of directives, such as \"private, max-age=5\"");
                   route.client_cache_control = *text;
                 },
                 false},
  };
}

}  // namespace

const std::vector<Row<Route>>& route_rows() {
  static const auto rows = make_route_rows();
  return rows;
}

}  // namespace larder::settings
