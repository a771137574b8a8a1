// The rows of the table for routes.
#include "settings/rows.hpp"

namespace larder::settings {

namespace {

using R = Route;
using enum Fingerprint;

Row<R> wants(Needs needs, Row<R> row) {
  row.needs = needs;
  return row;
}

Row<R> in_range(std::string range, Row<R> row) {
  row.form.range = std::move(range);
  return row;
}

// Sets the path pattern and the route's name, which is the pattern's text.
Row<R> path_row() {
  auto row = in_range(
      "/topics/ (exact), /topics/{id} (one segment), /static/** (the rest, but not /static itself)",
      value_row<R>(
          "path", excluded, at(&R::path), path_patterns(),
          "Path pattern of the requests that the route applies to. The first matching route is used."));
  row.set = [set = row.set](Report& report, const YAML::Node& node, R& route) {
    set(report, node, route);
    route.name = route.path.text();
  };
  return row;
}

// Not shown if `cache` is written instead. A lifetime applies to the responses that are fetched from then on;
// whether there is one is shown by `cache`.
Row<R> ttl_row() {
  auto row = value_row<R>(
      "ttl", excluded, at(&R::ttl), durations(1ms, one_year, "stores nothing; write cache: off instead"),
      "Freshness lifetime of a 200 response, whatever lifetime the upstream gives it. Within it, the "
      "upstream is asked only for requests that force it: refresh_param, and no-cache and "
      "similar directives unless client_directives is ignore.");
  row.show = [show = row.show](const R& route) { return route.cache == CacheMode::ttl ? show(route) : ""; };
  return row;
}

Row<R> cache_row() {
  auto row = value_row<R>("cache", included, at(&R::cache),
                          choices<CacheMode>({{"off", CacheMode::off}, {"standard", CacheMode::standard}}),
                          "Alternative to ttl. standard: the response's own fields decide (RFC 9111); off: "
                          "all requests are passed through.");
  row.show = [show = row.show](const R& route) { return route.path.text().empty() ? "" : show(route); };
  return row;
}

Row<R> query_row() {
  const std::string name = "key.query";
  const auto words = choices<KeyRule::Query>({{"all", KeyRule::Query::all}, {"none", KeyRule::Query::none}});
  Row<R> row(name, words.form, excluded,
             "Whether the query is part of the cache key, or which of its parameters are.");
  row.form.name = "all, none or a list of names";
  row.form.or_names = true;
  row.set = [=](Report& report, const YAML::Node& node, R& route) {
    if (node.IsSequence() && node.size() == 0)
      return report.error(node, name + " is an empty list; write none");
    if (node.IsSequence()) {
      route.key.query = KeyRule::Query::named;
      route.key.query_names = read_list(report, node, name, lines("name", "limit"));
      return;
    }
    const auto text = read_scalar(report, node, name);
    if (!text) return;
    std::string ignored;
    if (const auto query = words.read(*text, ignored)) {
      route.key.query = *query;
      return;
    }
    route.key.query = KeyRule::Query::named;
    route.key.query_names = read_name_beside(report, node, name, words.form.words, lines("name", "limit"));
  };
  row.show = [=](const R& route) {
    const auto& key = route.key;
    return key.query == KeyRule::Query::named ? "[" + show_names(key.query_names) + "]"
                                              : words.write(key.query);
  };
  return row;
}

Row<R> despite_row() {
  using Flag = bool Despite::*;
  const auto flags = choices<Flag>({{"no-store", &Despite::no_store},
                                    {"no-cache", &Despite::no_cache},
                                    {"private", &Despite::is_private},
                                    {"set-cookie", &Despite::set_cookie},
                                    {"authorization", &Despite::authorization}});
  Row<R> row("despite", flags.form, included,
             "Cache despite the listed directives and fields. With set-cookie, the response is stored "
             "without the cookie; authorization covers all credentials. All clients then share the response. "
             "With cache: standard, only set-cookie is allowed.");
  row.form.list = true;
  row.set = [=](Report& report, const YAML::Node& node, R& route) {
    for (const auto flag : read_list(report, node, "despite", flags)) route.despite.*flag = true;
  };
  row.show = [=](const R& route) {
    std::string out;
    for (const auto& word : flags.form.words) {
      std::string ignored;
      if (route.despite.*(*flags.read(word, ignored))) out += (out.empty() ? "" : ", ") + word;
    }
    return out.empty() ? out : "[" + out + "]";
  };
  return row;
}

std::vector<Row<R>> lifetime_rows() {
  return {
      path_row(),
      ttl_row(),
      cache_row(),
      wants(Needs::ttl,
            optional_row<R>(
                "negative_ttl", excluded, at(&R::negative_ttl), durations(1ms),
                "Freshness lifetime of 404 and 410 responses, which a ttl route does not store otherwise.")),
      wants(Needs::caching,
            optional_row<R>("stale_while_revalidate", excluded, at(&R::stale_while_revalidate),
                            or_off(durations(0ms)),
                            "How long after its freshness lifetime a response may be served while it is "
                            "refreshed in the background (RFC 5861). If not set, the upstream's "
                            "directive applies, unless the response has must-revalidate; off: never.")),
      wants(Needs::caching,
            optional_row<R>(
                "stale_if_error", excluded, at(&R::stale_if_error), or_off(durations(0ms)),
                "How long after its freshness lifetime a response may be served "
                "while the upstream fails: no response, or 500, 502, 503, 504 (RFC 5861). If not set, "
                "the upstream's directive applies, unless the response has must-revalidate; off: "
                "never.")),
      wants(Needs::ttl,
            optional_row<R>(
                "keep_warm", excluded, at(&R::keep_warm), or_off(durations(1ms)),
                "Refreshes an entry before it expires if it has been requested within this time. The refresh "
                "repeats the request that last fetched the entry, its cookies included. There is at most one "
                "refresh per ttl, and fewer if the entry is requested at longer intervals; an entry that was "
                "requested once is refreshed twice.")),
      wants(Needs::caching,
            value_row<R>("warm", excluded, at(&R::warm), choices<bool>({{"true", true}, {"false", false}}),
                         "Fetches the path at startup, and after a reload that adds it. Requires an exact "
                         "path. See cache.warm_hosts.")),
      wants(Needs::caching,
            value_row<R>(
                "refresh_param", excluded, at(&R::refresh_param), parameter_names(),
                "Query parameter that, if true, forces a fetch that updates the "
                "stored response. True are 1 true t yes y on, false are 0 false f no n off, in any case; "
                "with these values it is not part of the cache key, with others it is.")),
      wants(Needs::caching,
            value_row<R>("refresh_min_interval", excluded, at(&R::refresh_min_interval), durations(0ms),
                         "Minimum time between two fetches that clients force by refresh_param, no-cache, "
                         "Pragma, max-age=0 or min-fresh. Within this time after the last fetch the stored "
                         "response is sent (detail=refresh-too-soon).")),
  };
}

std::vector<Row<R>> content_rows() {
  const auto caching = [](Row<R> row) { return wants(Needs::caching, std::move(row)); };
  return {
      caching(list_row<R>("fields", included, at(&R::fields), member_paths(),
                          "Members kept in each item of a list response (projection); a dotted name selects "
                          "a nested member.")),
      caching(value_row<R>("items", included, at(&R::items), item_places(),
                           "Location of the list, if it is not the top-level value: data, or workstreams.* "
                           "for every member of an object.")),
      caching(value_row<R>("fields_param", included, at(&R::fields_param), parameter_names(),
                           "Query parameter by which a client selects fewer fields, as in ?fields=id,slug. "
                           "It is not sent to the upstream.")),
      caching(list_row<R>("etag_ignore", included, at(&R::etag_ignore), member_paths(),
                          "Members, named from the top level of the response, that do not affect the entity "
                          "tag. The tag is then weak.")),
      caching(query_row()),
      caching(list_row<R>("key.headers", included, at(&R::key, &KeyRule::headers), field_names(),
                          "Request fields whose values are part of the cache key, whether or not a "
                          "response's Vary names them.")),
      caching(list_row<R>("key.cookies", included, at(&R::key, &KeyRule::cookies), cookie_names(),
                          "Cookies whose values are part of the cache key, such as a session cookie. The key "
                          "contains only a keyed hash of the value.")),
      caching(list_row<R>(
          "bypass.cookies", included, at(&R::bypass, &BypassRule::cookies), cookie_names(),
          "A request with one of these cookies bypasses the cache, and its response is not stored.")),
      caching(list_row<R>(
          "bypass.headers", included, at(&R::bypass, &BypassRule::headers), field_names(),
          "A request with one of these fields bypasses the cache, and its response is not stored.")),
      caching(value_row<R>(
          "client_directives", excluded, at(&R::client_directives),
          choices<ClientDirectives>({{"obey", ClientDirectives::obey}, {"ignore", ClientDirectives::ignore}}),
          "ignore: a request's Cache-Control and Pragma have no effect and are not forwarded, except "
          "no-store and only-if-cached. For clients that send no-cache with every poll.")),
      caching(value_row<R>("store_errors", included, at(&R::store_errors),
                           choices<bool>({{"true", true}, {"false", false}}),
                           "Whether 4xx and 5xx responses may be stored: with a ttl, those that negative_ttl "
                           "covers; with cache: standard, those to which the upstream gives a lifetime.")),
      caching(despite_row()),
      caching(list_row<R>("invalidated_by", excluded, at(&R::invalidated_by), path_patterns(true),
                          "Writes (unsafe requests that the API does not reject with 4xx) to these paths "
                          "invalidate the route's stored responses. `{id}` is any segment. `{=id}` is the "
                          "segment that `{id}` of the route's path has: with path: /orders/{id}/summary, "
                          "/orders/{=id}/** invalidates by a write to /orders/7/items the response of "
                          "/orders/7/summary only.")),
      caching(value_row<R>(
          "invalidation", excluded, at(&R::invalidation),
          choices<Invalidation>({{"hard", Invalidation::hard}, {"soft", Invalidation::soft}}),
          "hard: the first request after a write waits for a new response; soft: it gets the stored response "
          "once more while a new one is fetched. A write to the URL itself is always hard.")),
      caching(
          list_row<R>("groups", included, at(&R::groups), lines("name", "dashboard"),
                      "Cache groups of the route's stored responses, in addition to those that the upstream "
                      "names (RFC 9875), for larder purge --group and Cache-Group-Invalidation.")),
      value_row<R>("compress", included, at(&R::compress), choices<bool>({{"auto", true}, {"off", false}}),
                   "Whether the route's responses may be encoded (see compression)."),
      caching(optional_row<R>(
          "client_cache_control", included, at(&R::client_cache_control),
          lines("text", "\"private, max-age=5\""),
          "Value of Cache-Control, in place of the upstream's, in responses that larder stores. Others "
          "keep the upstream's.")),
  };
}

}  // namespace

const std::vector<Row<Route>>& route_rows() {
  static const auto rows = [] {
    auto all = lifetime_rows();
    for (auto& row : content_rows()) all.push_back(std::move(row));
    return all;
  }();
  return rows;
}

}  // namespace larder::settings
