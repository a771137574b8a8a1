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
Always in the key of a stored response: host, path, query without a refresh parameter, the fields that the answer's
Vary names, and Origin where the request has one. A Cookie on a request does not keep an answer from being shared
(RFC 9111 has it so); `key: {headers: [cookie]}` does.
)";

}  // namespace

std::string reference_markdown() {
  std::string out(introduction);
  write_rows(top_rows(), out);
  out += about_routes;
  write_rows(route_rows(), out);
  out += about_keys;
  return out;
}

}  // namespace larder::settings
