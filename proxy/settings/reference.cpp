#include "http/fields.hpp"
#include "settings/table.hpp"

#include <algorithm>

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
    if (row.needs == Needs::ttl) out += " *Requires `ttl`.*";
    out += " |\n";
  }
}

constexpr std::string_view introduction = R"(# Configuration reference

The configuration is one YAML file, by default `/etc/larder/larder.yaml`. `larder check -c FILE` reports every problem with
its line and column. A key that is absent has its default value.

Files named `conf.d/*.yaml` beside it are read after it, in alphabetical order. A key in a later file replaces the same key of
an earlier one. The routes of all files are combined: those from `conf.d` come first, in file order, then those of the main file.

- A name with a dot is a member of a mapping: `cache.memory` is written `cache: {memory: 64MiB}`, or on two lines.
- A duration is a whole number and one of `ms s m h`, a size is a whole number and one of `B KiB MiB GiB`: `30s`, `16MiB`. A
  number without a unit is an error.
- A list with one element may be written without brackets. Inside brackets, quote a path that has braces:
  `["/topics/{id}"]`.
- `${NAME}` in a value is replaced by that environment variable, `${NAME:-text}` by `text` if the variable is not set or
  empty; `$${` is a literal `${`. Inside `[ ]` and `{ }`, quote a value that has braces.
- An unknown key is an error, and so is a duplicate key.

## Top level

)";

constexpr std::string_view about_listeners = R"(
## Listeners

An element of `listen` is an address, or a mapping with these keys. TLS is described in the guide (config/guide/tls.md).

)";

constexpr std::string_view about_certificates = R"(
An element of `tls.certificates` is a mapping with these keys.

)";

constexpr std::string_view about_routes = R"(
## Routes

`routes` is a list of at most 1000 routes. The first route whose path matches a request applies. A route that can never match,
because an earlier one covers it, is an error. A request that matches no route is passed through and not cached. Each route sets
its caching mode with either `ttl` or `cache`; with `cache: off` the only other keys are `path` and `compress`.

)";

constexpr std::string_view about_keys = R"(
## Cache keys

Two requests share a stored response only if their cache keys are equal. The key always contains the scheme, host, path, query
without the refresh parameter, the request's values of the fields that the response's Vary names, Origin if the request has
it, and what a trusted proxy says of the original request (`X-Forwarded-Host`, `-Proto`, `-Prefix`, `Forwarded`, ..., but not
client addresses). A response that sets a cookie, is `private`, or was requested with a credential is not shared unless the
route allows it.

If the API's response depends on anything else that its Vary does not name, the route must say so:

| the response depends on | write | effect |
|---|---|---|
| a bearer token per user | `key: {headers: [authorization]}` | each token has its own stored responses |
| an API key shared by the clients of one team | `key: {headers: [x-api-key]}` | each key has its own stored responses |
| nothing: a token admits clients, and all get the same response | `despite: [authorization]` | all clients share stored responses; larder serves them without asking the API whether the token is still valid |
| a session cookie | `key: {cookies: [session]}` | each session has its own stored responses |
| a cookie that few clients have, such as a preview | `bypass: {cookies: [preview]}` | requests with the cookie bypass the cache |
| a field of its own, such as a tenant | `key: {headers: [x-tenant]}` | each value has its own stored responses |

**A Cookie in the request does not by itself prevent a response from being shared** (as in RFC 9111). An API with cookie sessions
that does not send `Cache-Control: private` needs `key: {cookies: [...]}` or `cache: off`.

Cache keys contain credentials and cookie values only as keyed hashes, in memory and on disk.

The query is part of the key as it is written: `?a&b` and `?b&a` have entries of their own. An upgrade, a reload and a restart are described in the guide
(config/guide/operations.md).

Regardless of the route, these requests bypass the cache: requests with a body, with If-Match or If-Unmodified-Since, or with an
Upgrade that `upgrade` allows; a GET that names another method (`X-HTTP-Method-Override` and similar fields; it also counts as
a write); and requests for a path that servers may interpret differently: one with dot segments, `\`, `;`, an encoded `/` or
`\`, or a doubly encoded character.

A fetch for the cache sends the host, path and query that are in the key. A target in UTF-8, which RFC 3986 does not allow, is
percent-encoded first; `path` in a route may be written either way.
)";

// ---- fixed bounds

constexpr std::string_view about_bounds = R"(
## Fixed bounds

No setting changes these.

| what | bound | when it is reached |
|---|---|---|
)";

void write_bounds(std::string& out) {
  for (const auto& bound : fixed_bounds())
    out += "| " + bound.what + " | " + bound.value + " | " + bound.effect + " |\n";
}

// ---- the manual page

// Escapes roff markup.
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

// A line of Markdown: `code` and **strong** are bold, a link is its text.
std::string roff_line(std::string_view line) {
  std::string plain;
  bool bold = false;
  const auto toggle = [&] { plain += (bold = !bold) ? '\x01' : '\x02'; };
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '`') {
      toggle();
    } else if (line.substr(i).starts_with("**") && (i == 0 || line[i - 1] != '/')) {
      toggle();
      ++i;
    } else if (line.substr(i).starts_with("](")) {
      i = line.find(')', i);
    } else if (line[i] != '[' || line.find("](", i) == std::string_view::npos) {
      plain += line[i];
    }
  }
  std::string out;
  for (const char c : roff(plain)) {
    if (c == '\x01')
      out += "\\fB";
    else if (c == '\x02')
      out += "\\fR";
    else
      out += c;
  }
  return out;
}

// The cells of a row of a table.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  line.remove_prefix(1);
  while (line.find('|') != std::string_view::npos) {
    auto cell = line.substr(0, line.find('|'));
    line.remove_prefix(cell.size() + 1);
    while (cell.starts_with(' ')) cell.remove_prefix(1);
    while (cell.ends_with(' ')) cell.remove_suffix(1);
    cells.emplace_back(roff_line(cell));
  }
  return cells;
}

// Markdown of the reference as roff: titles, paragraphs, lists and tables.
void write_roff(std::string_view markdown, std::string& out) {
  std::vector<std::string> titles;  // of the table's columns
  while (!markdown.empty()) {
    auto line = markdown.substr(0, markdown.find('\n'));
    markdown.remove_prefix(std::min(line.size() + 1, markdown.size()));
    if (!line.starts_with('|')) titles.clear();
    if (line.starts_with("## ")) {
      std::string title(line.substr(3));
      std::transform(title.begin(), title.end(), title.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
      out += ".SH " + title + "\n";
    } else if (line.starts_with("# ") || line.starts_with("|---")) {
      continue;
    } else if (line.starts_with("- ")) {
      out += ".IP \\(bu 2\n" + roff_line(line.substr(2)) + "\n";
    } else if (line.starts_with('|') && titles.empty()) {
      titles = cells_of(line);
    } else if (line.starts_with('|')) {
      const auto cells = cells_of(line);
      out += ".TP\n" + cells.front() + "\n";
      for (std::size_t i = 1; i < cells.size(); ++i)
        out += titles[i] + ": " + cells[i] + (i + 1 < cells.size() ? ";\n" : ".\n");
    } else if (line.empty()) {
      if (!markdown.starts_with("##") && !markdown.empty() && !out.ends_with(".PP\n")) out += ".PP\n";
    } else {
      while (line.starts_with(' ')) line.remove_prefix(1);
      out += roff_line(line) + "\n";
    }
  }
  while (out.ends_with(".PP\n")) out.resize(out.size() - 4);
}

template <class Target>
void write_manual_rows(const std::vector<Row<Target>>& rows, std::string& out) {
  for (const auto& row : rows) {
    out += ".TP\n.BR " + roff(row.name) + " \" (" + (row.form.list ? "list of: " : "") + roff(row.form.name) +
           ")\"\n";
    out += roff(row.meaning);
    if (!row.form.range.empty()) out += "\n" + roff(row.form.range) + ".";
    if (const auto value = row.default_value(); !value.empty()) out += "\nDefault: " + roff(value) + ".";
    if (row.needs == Needs::ttl) out += "\nRequires ttl.";
    out += "\n";
  }
}

}  // namespace

std::string manual_page() {
  std::string out = R"(.TH LARDER.YAML 5 "" "larder" "File Formats"
.SH NAME
larder.yaml \- the configuration of larder
.SH DESCRIPTION
)";
  write_roff(introduction.substr(introduction.find("\n\n") + 2), out);
  write_manual_rows(top_rows(), out);
  write_roff(about_listeners.substr(1), out);
  write_manual_rows(listener_rows(), out);
  write_roff(about_certificates.substr(1), out);
  write_manual_rows(certificate_rows(), out);
  write_roff(about_routes.substr(1), out);
  write_manual_rows(route_rows(), out);
  write_roff(about_keys.substr(1), out);
  std::string bounds(about_bounds.substr(1));
  write_bounds(bounds);
  write_roff(bounds, out);
  out += R"(.SH EXAMPLE
.nf
listen: 127.0.0.1:8080
upstream: http://127.0.0.1:8000
admin: 127.0.0.1:9901
defaults: {keep_warm: 10m, stale_if_error: 1h}
routes:
  \- path: /topics/
    ttl: 30s
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
  out += about_listeners;
  write_rows(listener_rows(), out);
  out += about_certificates;
  write_rows(certificate_rows(), out);
  out += about_routes;
  write_rows(route_rows(), out);
  out += about_keys;
  out += about_bounds;
  write_bounds(out);
  return out;
}

}  // namespace larder::settings
