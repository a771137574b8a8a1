// Writes JSON objects member by member. Internal to this module.
#pragma once

#include "server/reply.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace larder::admin {

class Object {
 public:
  void text(std::string_view name, std::string_view value) {
    begin(name);
    out_ += '"';
    server::append_json(value, out_);
    out_ += '"';
  }
  void number(std::string_view name, std::int64_t value) { raw(name, std::to_string(value)); }
  void real(std::string_view name, double value) { raw(name, fmt::format("{:.15g}", value)); }
  void boolean(std::string_view name, bool value) { raw(name, value ? "true" : "false"); }
  void raw(std::string_view name, std::string_view json) {
    begin(name);
    out_ += json;
  }
  [[nodiscard]] std::string take() { return std::move(out_) + "}"; }

 private:
  void begin(std::string_view name) {
    out_ += out_.size() == 1 ? "\"" : ",\"";
    out_ += name;
    out_ += "\":";
  }
  std::string out_ = "{";
};

[[nodiscard]] inline std::string json_text(std::string_view text) {
  std::string out = "\"";
  server::append_json(text, out);
  return out += '"';
}

[[nodiscard]] inline std::string array(const std::vector<std::string>& members) {
  return fmt::format("[{}]", fmt::join(members, ","));
}

}  // namespace larder::admin
