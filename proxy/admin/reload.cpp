#include "admin/reload.hpp"

#include "server/reply.hpp"

#include <simdjson.h>

namespace larder::admin {

std::string reload_json(const ReloadReport& report) {
  std::string out =
      report.ok ? R"({"reloaded": true, "messages": [)" : R"({"reloaded": false, "messages": [)";
  for (const auto& message : report.messages) {
    out += out.ends_with('[') ? "\"" : ", \"";
    server::append_json(message, out);
    out += '"';
  }
  return out + "]}\n";
}

std::optional<ReloadReport> read_reload_json(const std::string& json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  simdjson::dom::array messages;
  ReloadReport report;
  if (parser.parse(json).get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object["reloaded"].get(report.ok) != simdjson::SUCCESS) return std::nullopt;
  if (object["messages"].get(messages) != simdjson::SUCCESS) return std::nullopt;
  for (const auto message : messages) {
    std::string_view text;
    if (message.get(text) == simdjson::SUCCESS) report.messages.emplace_back(text);
  }
  return report;
}

}  // namespace larder::admin
