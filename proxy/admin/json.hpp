// JSON objects, built with Boost.JSON. Internal to this module.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace larder::admin {

namespace json = boost::json;

/// The same text, with U+FFFD in place of bytes that are not UTF-8, which Boost.JSON would write as they are.
[[nodiscard]] json::string utf8(std::string_view text);

/// A figure: an integer if it is one, because Boost.JSON writes doubles with an exponent.
[[nodiscard]] json::value figure(double value);

/// A JSON object whose texts are valid UTF-8, whatever they were made from.
class Object {
 public:
  void text(std::string_view name, std::string_view value) { object_[name] = utf8(value); }
  void number(std::string_view name, std::int64_t value) { object_[name] = value; }
  void real(std::string_view name, double value) { object_[name] = figure(value); }
  void boolean(std::string_view name, bool value) { object_[name] = value; }
  void add(std::string_view name, json::value value) { object_[name] = std::move(value); }
  [[nodiscard]] json::object take() { return std::move(object_); }
  /// One line.
  [[nodiscard]] std::string str() const { return json::serialize(object_); }

 private:
  json::object object_;
};

}  // namespace larder::admin
