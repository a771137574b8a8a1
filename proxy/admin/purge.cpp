#include "admin/purge.hpp"

#include "admin/json.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <spdlog/spdlog.h>

namespace larder::admin {

namespace {

using policy::Purge;

constexpr std::string_view usage =
    R"(write {"path": "/topics/"}, {"prefix": "/topics/"}, {"group": "name"} or {"all": true}, and "soft": true)";

// Parses the body. Returns an error message; empty on success.
std::string read(const std::string& body, Purge& what) {
  const auto bad = [](const std::string& what_is_wrong) { return what_is_wrong + std::string(usage); };
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get(object) != simdjson::SUCCESS) return bad("the body is not a JSON object; ");
  int named = 0;
  for (const auto& [key, value] : object) {
    std::string_view text;
    bool flag = false;
    const bool is_text = value.get(text) == simdjson::SUCCESS;
    const bool is_flag = value.get(flag) == simdjson::SUCCESS;
    if (key == "soft" && is_flag) {
      what.soft = flag;
    } else if (key == "all" && is_flag && flag) {
      what.what = Purge::What::all;
      ++named;
    } else if (key == "group" && is_text && !text.empty()) {
      what.what = Purge::What::group;
      what.text = text;
      ++named;
    } else if ((key == "path" || key == "prefix") && is_text && text.starts_with('/')) {
      what.what = key == "path" ? Purge::What::path : Purge::What::prefix;
      what.text = policy::purge_text(text);
      ++named;
    } else {
      return bad("unknown or invalid member: " + std::string(key) + "; ");
    }
  }
  if (named != 1) return bad(named == 0 ? "" : "more than one of path, prefix, group and all; ");
  return {};
}

}  // namespace

Answer purge(server::Server& server, const std::string* body) {
  if (body == nullptr) return Answer{413, "the request needs a Content-Length of at most 64 KiB"};
  Purge what;
  if (auto wrong = read(*body, what); !wrong.empty()) return Answer{400, std::move(wrong)};
  const auto count = server.shared().cache.purge(what);
  const std::string_view kind = what.what == Purge::What::all      ? "everything"
                                : what.what == Purge::What::prefix ? "the prefix "
                                : what.what == Purge::What::group  ? "the group "
                                                                   : "";
  spdlog::info("purged {}{}{}: {} entries", kind, what.text, what.soft ? ", softly" : "", count);
  Answer answer;
  Object object;
  object.number("purged", static_cast<std::int64_t>(count));
  object.boolean("soft", what.soft);
  answer.text = object.str() + "\n";
  return answer;
}

std::string purge_json(const Purge& what) {
  Object object;
  switch (what.what) {
    case Purge::What::all:
      object.boolean("all", true);
      break;
    case Purge::What::path:
      object.text("path", what.text);
      break;
    case Purge::What::prefix:
      object.text("prefix", what.text);
      break;
    case Purge::What::group:
      object.text("group", what.text);
      break;
  }
  if (what.soft) object.boolean("soft", true);
  return object.str();
}

bool read_purge_answer(int status, const std::string& body, std::string& said) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get(object) != simdjson::SUCCESS) {
    said = fmt::format("not a larder admin listener (status {}); check the address", status);
    return false;
  }
  std::uint64_t count = 0;
  bool soft = false;
  if (status == 200 && object["purged"].get(count) == simdjson::SUCCESS) {
    if (object["soft"].get(soft) != simdjson::SUCCESS) soft = false;
    said = fmt::format("{} {} {}", count, count == 1 ? "entry" : "entries", soft ? "marked stale" : "purged");
    return true;
  }
  std::string_view detail;
  said = object["detail"].get(detail) == simdjson::SUCCESS ? std::string(detail)
                                                           : fmt::format("status {}", status);
  return false;
}

}  // namespace larder::admin
