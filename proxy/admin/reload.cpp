#include "admin/reload.hpp"

#include "admin/json.hpp"

#include <simdjson.h>

namespace larder::admin {

std::string reload_json(const ReloadReport& report) {
  json::array messages;
  for (const auto& message : report.messages) messages.push_back(utf8(message));
  Object object;
  object.boolean("reloaded", report.ok);
  object.add("messages", std::move(messages));
  return object.str() + "\n";
}

std::optional<ReloadReport> read_reload_json(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  simdjson::dom::array messages;
  ReloadReport report;
  if (parser.parse(text).get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object["reloaded"].get(report.ok) != simdjson::SUCCESS) return std::nullopt;
  if (object["messages"].get(messages) != simdjson::SUCCESS) return std::nullopt;
  for (const auto message : messages) {
    std::string_view line;
    if (message.get(line) == simdjson::SUCCESS) report.messages.emplace_back(line);
  }
  return report;
}

}  // namespace larder::admin
