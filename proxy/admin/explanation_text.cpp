// Explanations as text, for the terminal.
#include "admin/explain.hpp"
#include "policy/outcome.hpp"

#include <fmt/format.h>
#include <simdjson.h>

namespace larder::admin {

namespace {

template <class T>
T member(simdjson::dom::element object, const char* name) {
  T value{};
  return object[name].get(value) == simdjson::SUCCESS ? value : T{};
}
std::string text(simdjson::dom::element object, const char* name) {
  return std::string(member<std::string_view>(object, name));
}
std::int64_t number(simdjson::dom::element object, const char* name) {
  return member<std::int64_t>(object, name);
}
bool boolean(simdjson::dom::element object, const char* name) {
  return member<bool>(object, name);
}

}  // namespace

bool print_explanation(const std::string& json, std::ostream& out) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(json).get(root) != simdjson::SUCCESS || !root.is_object()) return false;
  const auto line = [&out](std::string_view name, const std::string& value) {
    out << fmt::format("{:<9} {}\n", name, value);
  };

  line("request", text(root, "method") + " " + text(root, "path"));
  if (text(root, "route").empty())
    line("route",
         fmt::format("none of {} routes matches: passed through, not cached", number(root, "routes")));
  else
    line("route", fmt::format("{} (number {} of {}), cache: {}", text(root, "route"), number(root, "index"),
                              number(root, "routes"), text(root, "cache")));
  // A reason in one word, what it means, and what to do about it.
  const auto reason = [&](std::string_view name, const std::string& intro, const std::string& word) {
    const auto detail = policy::detail_called(word);
    line(name, intro + word + (detail ? fmt::format(" ({})", policy::meaning_of(*detail)) : ""));
    if (detail) line("", fmt::format("remedy: {}", policy::remedy_of(*detail)));
  };
  if (!text(root, "passes").empty()) reason("passes", "always forwarded to the API: ", text(root, "passes"));
  simdjson::dom::array writes;
  if (root["invalidates"].get(writes) == simdjson::SUCCESS) {
    std::string_view name = "writes";
    for (const auto one : writes) {
      line(name, fmt::format("{} {}", name.empty() ? "and" : "invalidates", one.get_string().value()));
      name = "";
    }
  }
  if (!text(root, "key").empty())
    line("key", text(root, "key") + (boolean(root, "any_host") ? "  (any Host)" : ""));
  line("lifetime", text(root, "lifetime"));
  simdjson::dom::array sentences;
  if (root["also"].get(sentences) == simdjson::SUCCESS) {
    for (const auto sentence : sentences) line("", std::string(sentence.get_string().value()));
  }
  if (!boolean(root, "running")) return true;

  simdjson::dom::array entries;
  bool any = false;
  if (root["stored"].get(entries) == simdjson::SUCCESS) {
    for (const auto entry : entries) {
      any = true;
      line("stored", text(entry, "key"));
      simdjson::dom::array variants;
      if (entry["variants"].get(variants) != simdjson::SUCCESS) continue;
      for (const auto variant : variants) {
        const auto ttl = number(variant, "ttl");
        auto state = boolean(variant, "void") ? std::string("invalidated by a later write")
                     : text(variant, "void_by_write") == "soft"
                         ? std::string("marked stale by a later write; served once while it is refreshed")
                     : boolean(variant, "must_validate") ? std::string("revalidated at each use (no-cache)")
                     : ttl >= 0                          ? fmt::format("fresh for another {} s", ttl)
                                                         : fmt::format("stale for {} s", -ttl);
        const auto part = text(variant, "part");
        line("", fmt::format("{}{}, {} bytes, age {}, lifetime {} ({}), {}", number(variant, "status"),
                             part.empty() ? "" : ", " + part, number(variant, "bytes"), text(variant, "age"),
                             text(variant, "lifetime"), text(variant, "source"), state));
        simdjson::dom::array varies;
        if (variant["varies"].get(varies) != simdjson::SUCCESS) continue;
        for (const auto field : varies) {
          std::string_view value;
          const bool has = field["value"].get(value) == simdjson::SUCCESS;
          line("", fmt::format("  for {}", has ? text(field, "field") + ": " + std::string(value)
                                               : "no " + text(field, "field")));
        }
      }
    }
  }
  if (!any && text(root, "passes").empty() && text(root, "cache") != "off") line("stored", "nothing");
  simdjson::dom::element not_stored;
  if (root["not_stored"].get(not_stored) == simdjson::SUCCESS) {
    reason("not kept",
           fmt::format("the last response that could not be shared, {} ago: ", text(not_stored, "ago")),
           text(not_stored, "reason"));
  }
  return true;
}

}  // namespace larder::admin
