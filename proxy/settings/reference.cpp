#include "settings/table.hpp"

namespace larder::settings {

namespace {

template <class Target>
void write_rows(const std::vector<Row<Target>>& rows, std::string& out) {
  out += "| key | value | range | default | meaning |\n|---|---|---|---|---|\n";
  for (const auto& row : rows) {
    const auto code = [](const std::string& text) { return text.empty() ? std::string() : "`" + text + "`"; };
    out += "| `" + row.name + "` | " + row.type + " | " + row.range + " | " + code(row.default_value) +
           " | " + row.meaning;
    if (row.planned) out += " *No effect yet in this version.*";
    out += " |\n";
  }
}

}  // namespace

std::string reference_markdown() {
  std::string out =
      "# Configuration reference\n\n"
      "One YAML file, by default `/etc/larder/larder.yaml`; `larder check -c FILE` validates it. Durations "
      "are a whole number and one of "
      "`ms s m h`, sizes one of `B KiB MiB GiB`; a bare number is refused. Unknown keys are errors.\n\n"
      "A name with a dot is a member of a mapping: `cache.memory` is `cache: {memory: ...}`.\n\n"
      "## Top level\n\n";
  write_rows(top_rows(), out);
  out +=
      "\n## Routes\n\n"
      "`routes` is a list. The first route whose path matches a request is its route; a request that none "
      "matches is passed through uncached.\n\n";
  write_rows(route_rows(), out);
  out +=
      "\nAlways in the key: host, path, query without a refresh parameter, the fields that an answer's Vary "
      "names, and Origin where the "
      "request has one. A Cookie on a request does not keep an answer from being shared (RFC 9111 has it "
      "so); `key: {headers: [cookie]}` does.\n";
  return out;
}

}  // namespace larder::settings
