// The rows of a route.
#include "settings/rows.hpp"

namespace larder::settings {

namespace {

using R = Route;

Row<R> wants(Needs needs, Row<R> row) {
  row.needs = needs;
  return row;
}

Row<R> in_range(std::string range, Row<R> row) {
  row.form.range = std::move(range);
  return row;
}

// The pattern's text is the route's name.
Row<R> path_row() {
  auto row = in_range("/topics/ (exact), /topics/{id} (one segment), /static/** (the rest)",
                      value_row<R>("path", at(&R::path), path_patterns(),
                                   "Which requests the route is for. The first route that matches wins."));
  row.set = [set = row.set](Report& report, const YAML::Node& node, R& route) {
    set(report, node, route);
    route.name = route.path.text();
  };
  return row;
}

// Absent where `cache` is written in its place.
Row<R> ttl_row() {
  auto row = value_row<R>("ttl", at(&R::ttl),
                          durations(1ms, one_year, "keeps nothing; write cache: off in its place"),
                          "How long a 200 is fresh, whatever lifetime upstream gives it; at most one request "
                          "upstream in that time.");
  row.show = [show = row.show](const R& route) { return route.cache == CacheMode::ttl ? show(route) : ""; };
  return row;
}

Row<R> cache_row() {
  auto row = value_row<R>("cache", at(&R::cache),
                          choices<CacheMode>({{"off", CacheMode::off}, {"standard", CacheMode::standard}}),
                          "In place of ttl. standard: upstream's own fields decide (RFC 9111); off: "
                          "everything is passed through.");
  row.show = [show = row.show](const R& route) { return route.path.text().empty() ? "" : show(route); };
  return row;
}

Row<R> query_row() {
  const std::string name = "key.query";
  const auto words = choices<KeyRule::Query>({{"all", KeyRule::Query::all}, {"none", KeyRule::Query::none}});
  Row<R> row{name,
             words.form,
             "Whether a request's query makes another entry, or which of its parameters do.",
             {},
             {}};
  row.form.name = "all, none or a list of names";
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
    const auto query = words.read(*text, ignored);
    if (!query)
      return report.error(
          node, name + ": " + in_quotes(*text) + " is neither all, none nor a list; write [" + *text + "]");
    route.key.query = *query;
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
  Row<R> row{
      "despite",
      flags.form,
      "Cache despite the listed directives and fields (with set-cookie the response is stored without the "
      "cookie; "
      "authorization covers all credentials). Every client then shares the response. With cache: standard, "
      "set-cookie alone.",
      {},
      {}};
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
            optional_row<R>("negative_ttl", at(&R::negative_ttl), durations(1ms),
                            "The same for 404 and 410, which are not stored under a ttl otherwise.")),
      wants(Needs::caching,
            optional_row<R>(
                "stale_while_revalidate", at(&R::stale_while_revalidate), durations(0ms),
                "For how long after its lifetime a response is still served while it is fetched anew "
                "behind it (RFC 5861).")),
      wants(Needs::caching,
            optional_row<R>(
                "stale_if_error", at(&R::stale_if_error), durations(0ms),
                "For how long after its lifetime a response is served while upstream fails (RFC 5861).")),
      wants(Needs::ttl,
            optional_row<R>("keep_warm", at(&R::keep_warm), durations(1ms),
                            "Refreshes an entry before it expires while it has been asked for within this "
                            "time, with the request (its cookies included) that last fetched it; never more "
                            "than once a ttl, and less often where its readers' rhythm allows.")),
      wants(Needs::caching,
            value_row<R>("warm", at(&R::warm), choices<bool>({{"true", true}, {"false", false}}),
                         "Fetches it at start, and after a reload that added it; for exact paths only. See "
                         "cache.warm_hosts.")),
      wants(Needs::caching,
            value_row<R>(
                "refresh_param", at(&R::refresh_param), parameter_names(),
                "A query parameter that, when true, fetches anew and refills the same entry; it is no part "
                "of the key.")),
      wants(Needs::caching,
            value_row<R>(
                "refresh_min_interval", at(&R::refresh_min_interval), durations(0ms),
                "Bounds every way in which a client may force a fetch: refresh_param, no-cache, Pragma, "
                "max-age=0 and min-fresh. Within this time after the last fetch the stored response is "
                "sent (detail=refresh-too-soon).")),
  };
}

std::vector<Row<R>> content_rows() {
  const auto caching = [](Row<R> row) { return wants(Needs::caching, std::move(row)); };
  return {
      caching(list_row<R>("fields", at(&R::fields), member_paths(),
                          "The members that an item of a list keeps; names joined by dots reach inside.")),
      caching(
          value_row<R>("items", at(&R::items), item_places(),
                       "Where the list is, if not at the top level: data, or workstreams.* for every member "
                       "of an object.")),
      caching(
          value_row<R>("fields_param", at(&R::fields_param), parameter_names(),
                       "A query parameter by which a client asks for fewer fields, ?fields=id,slug; upstream "
                       "does not see it.")),
      caching(
          list_row<R>("etag_ignore", at(&R::etag_ignore), member_paths(),
                      "Members, from the top of the answer, whose change makes no other entity tag; the tag "
                      "is weak then.")),
      caching(query_row()),
      caching(
          list_row<R>("key.headers", at(&R::key, &KeyRule::headers), field_names(),
                      "Request fields that make another entry, whether an answer's Vary names them or not.")),
      caching(list_row<R>("key.cookies", at(&R::key, &KeyRule::cookies), cookie_names(),
                          "Cookies whose values make another entry, such as a session's. In keys a value is "
                          "kept as a keyed hash "
                          "alone.")),
      caching(list_row<R>(
          "bypass.cookies", at(&R::bypass, &BypassRule::cookies), cookie_names(),
          "A request with one of these cookies bypasses the cache, and its response is not stored.")),
      caching(list_row<R>("bypass.headers", at(&R::bypass, &BypassRule::headers), field_names(),
                          "A request with one of these fields bypasses the cache, likewise.")),
      caching(value_row<R>(
          "client_directives", at(&R::client_directives),
          choices<ClientDirectives>({{"obey", ClientDirectives::obey}, {"ignore", ClientDirectives::ignore}}),
          "ignore: a request's Cache-Control and Pragma count for nothing and are not sent on, except "
          "no-store and "
          "only-if-cached; for clients that send no-cache with every poll.")),
      caching(value_row<R>(
          "store_errors", at(&R::store_errors), choices<bool>({{"true", true}, {"false", false}}),
          "Whether 4xx and 5xx may be stored: under a ttl by negative_ttl, with cache: standard "
          "where upstream gives them a lifetime.")),
      caching(despite_row()),
      caching(
          list_row<R>("invalidated_by", at(&R::invalidated_by), path_patterns(),
                      "Writes (successful unsafe requests) to these paths make the route's entries void.")),
      caching(value_row<R>(
          "invalidation", at(&R::invalidation),
          choices<Invalidation>({{"hard", Invalidation::hard}, {"soft", Invalidation::soft}}),
          "hard: the next reader after a write waits for the new state; soft: it gets the old one once more, "
          "while that is fetched. A write to the URL itself is always hard.")),
      caching(list_row<R>("groups", at(&R::groups), lines("name", "dashboard"),
                          "Cache groups that the route's entries belong to, beside those that upstream names "
                          "(RFC 9875): for larder purge --group, and for Cache-Group-Invalidation.")),
      value_row<R>("compress", at(&R::compress), choices<bool>({{"auto", true}, {"off", false}}),
                   "Whether the route's answers may be coded for clients that ask."),
      caching(optional_row<R>("client_cache_control", at(&R::client_cache_control),
                              lines("text", "\"private, max-age=5\""),
                              "The Cache-Control that clients see, in place of upstream's.")),
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
