#include "settings/table.hpp"

namespace larder::settings {

namespace {

std::string code(const std::string& text) {
  return text.empty() ? std::string() : "`" + text + "`";
}

template <class Target>
void write_rows(const std::vector<Row<Target>>& rows, std::string& out) {
  out += "| key | value | range | default | meaning |\n|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    out += "| `" + row.name + "` | " + (row.form.list ? "list of: " : "") + row.form.name + " | " +
           row.form.range + " | " + code(row.default_value()) + " | " + row.meaning;
    if (row.needs == Needs::ttl) out += " *With `ttl` only.*";
    out += " |\n";
  }
}

constexpr std::string_view introduction = R"(# Configuration reference

One YAML file, by default `/etc/larder/larder.yaml`. `larder check -c FILE` says what is wrong with it, line by
line. A key that is left out has its default.

Files in `conf.d` beside it, `conf.d/*.yaml` in the order of their names, add to it: a key that a later one says counts
in place of the earlier one's, and the routes of all come first, in the files' order, before the main file's own.

- A name with a dot is a member of a mapping: `cache.memory` is written `cache: {memory: 64MiB}`, or on two lines.
- A duration is a whole number and one of `ms s m h`, a size one of `B KiB MiB GiB`: `30s`, `16MiB`. A bare number
  is refused.
- A list of one may stand without brackets. In brackets, a path with braces stands in quotes: `["/topics/{id}"]`.
- `${NAME}` in a value is that variable of the environment, `${NAME:-text}` the text where it is not set; `$${` stands
  for `${` itself. In `[ ]` and `{ }` a value with braces stands in quotes.
- A key that is not on this page is an error, as is one that stands there twice.

## Top level

)";

constexpr std::string_view about_routes = R"(
## Routes

`routes` is a list of at most 1000. The first route whose path matches a request is its route; one that an earlier
one leaves nothing for is an error. A request that no route matches is passed through uncached. Each route says how
it caches, by `ttl` or by `cache`; with `cache: off` it has no other keys than `path` and `compress`.

)";

constexpr std::string_view about_keys = R"(
## What tells requests apart

Two requests share a stored response only if their keys are equal. Always in the key: scheme, host, path, query without
the refresh parameter, the request's values of the fields that the response's Vary names, Origin where the request has
one, and what a trusted proxy says of the original request (`X-Forwarded-Host`, `-Proto`, `-Prefix`, `Forwarded`, ...;
client addresses excepted). A response that sets a cookie, is `private`, or answers a credential is not shared unless
the route says so.

An API that answers by anything else without naming it in Vary must be described:

| the API answers by | write | then |
|---|---|---|
| a bearer token per user | `key: {headers: [authorization]}` | each token has entries of its own |
| an API key that all clients of one team share | `key: {headers: [x-api-key]}` | each key has entries of its own |
| a token that only admits clients, all of which get the same | `despite: [authorization]` | all clients share; larder answers without asking the API whether the token is still valid |
| the cookie of a session | `key: {cookies: [session]}` | each session has entries of its own |
| a cookie for few clients, such as a preview | `bypass: {cookies: [preview]}` | those pass by the cache |
| a field of its own, such as a tenant | `key: {headers: [x-tenant]}` | each value has entries of its own |

**A Cookie on a request does not keep a response from being shared** (RFC 9111 has it so): an API with cookie sessions that
does not answer `Cache-Control: private` needs `key: {cookies: [...]}`, or `cache: off`.

Values of credentials and cookies stand in keys as keyed hashes alone, in memory and in files.

What bypasses the cache whatever the route says: requests with a body, with If-Match or If-Unmodified-Since, with an Upgrade
that `upgrade` allows, a GET that names another method (`X-HTTP-Method-Override` and its like, which also counts as a write),
and paths that servers may read in another way: with dot segments, `\`, `;`, an encoded `/` or `\`, or an escape of an escape.

A fetch for the cache sends host, path and query as they stand in the key. A target in UTF-8, which RFC 3986 does not
allow, is percent-encoded first; `path` in a route may be written either way.
)";

// ---- the manual page

// What roff would take for markup stands for itself.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out.append("\\&").append(1, c);
    else
      out += c;
  }
  return out;
}

template <class Target>
void write_manual_rows(const std::vector<Row<Target>>& rows, std::string& out) {
  for (const auto& row : rows) {
    out += ".TP\n.BR " + roff(row.name) + " \" (" + (row.form.list ? "list of: " : "") + roff(row.form.name) +
           ")\"\n";
    out += roff(row.meaning);
    if (!row.form.range.empty()) out += "\n" + roff(row.form.range) + ".";
    if (const auto value = row.default_value(); !value.empty()) out += "\nDefault: " + roff(value) + ".";
    if (row.needs == Needs::ttl) out += "\nWith ttl only.";
    out += "\n";
  }
}

}  // namespace

std::string manual_page() {
  std::string out = R"(.TH LARDER.YAML 5 "" "larder" "File Formats"
.SH NAME
larder.yaml \- the configuration of larder
.SH DESCRIPTION
One YAML file. A name with a dot is a member of a mapping: cache.memory is written cache: {memory: 64MiB}, or on two lines.
A duration is a whole number and one of ms s m h, a size one of B KiB MiB GiB; a bare number is refused.
${NAME} in a value is that variable of the environment, ${NAME:\-text} the text where it is not set.
Files in conf.d beside it, conf.d/*.yaml in the order of their names, add to it: a key that a later one says counts in place of
the earlier one's, and the routes of all come first, in the files' order, before the main file's own.
A key that is not on this page is an error.
.BR "larder check"
says what is wrong with a file, line by line.
.SH TOP LEVEL
)";
  write_manual_rows(top_rows(), out);
  out += R"(.SH ROUTES
.B routes
is a list. The first route whose path matches a request is its route; a request that no route matches is passed through uncached.
)";
  write_manual_rows(route_rows(), out);
  out += R"(.SH EXAMPLE
.nf
listen: 127.0.0.1:8080
upstream: http://127.0.0.1:8000
admin: 127.0.0.1:9901
routes:
  \- path: /topics/
    ttl: 30s
    keep_warm: 10m
    fields: [id, slug, title]
    invalidated_by: [/topics/**]
  \- path: /**
    cache: standard
.fi
.SH SEE ALSO
.BR larder (1)
)";
  return out;
}

std::string reference_markdown() {
  std::string out(introduction);
  write_rows(top_rows(), out);
  out += about_routes;
  write_rows(route_rows(), out);
  out += about_keys;
  return out;
}

}  // namespace larder::settings
