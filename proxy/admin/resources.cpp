#include "admin/resources.hpp"

#include "admin/explain.hpp"
#include "admin/metrics.hpp"
#include "admin/page.hpp"
#include "admin/purge.hpp"
#include "admin/status.hpp"
#include "http/target.hpp"

#include <algorithm>

namespace larder::admin {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view text_type = "text/plain";

using Make = std::function<Reply()>;

// Runs `make` on the control thread. `make` must be a variable of the caller: GCC 12 destroys a temporary
// twice if a closure is converted to it in a co_await expression.
Task<Reply> on_control(const Context& context, const Make& make) {
  auto& server = context.server;
  co_return co_await server.control().run<Reply>(server.first_loop(), make);
}

Task<Reply> page(const Context&, const Request&) {
  const auto shown = status_page();
  co_return Reply{200, "text/html; charset=utf-8", std::string(shown.html), shown.fields};
}

Task<Reply> health(const Context&, const Request&) {
  co_return Reply{200, text_type, "alive\n"};
}

Task<Reply> readiness(const Context& context, const Request&) {
  auto& server = context.server;
  if (server.is_draining()) co_return Reply{503, text_type, "draining\n"};
  const auto warming = server.warming();
  if (warming > 0 && server.settings().cache.warm_before_ready)
    co_return Reply{503, text_type, "warming: " + std::to_string(warming) + " left\n"};
  co_return Reply{200, text_type, "serving\n"};
}

Task<Reply> metrics(const Context& context, const Request&) {
  const Make make = [&server = context.server] {
    return Reply{200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(server)};
  };
  co_return co_await on_control(context, make);
}

Task<Reply> status(const Context& context, const Request&) {
  const Make make = [&server = context.server] { return Reply{200, json_type, status_json(server)}; };
  co_return co_await on_control(context, make);
}

Task<Reply> history(const Context& context, const Request&) {
  // The history is copied because the first loop continues to write to it.
  const Make make = [&server = context.server, history = context.history] {
    return Reply{200, json_type, history.json(totals_of(server))};
  };
  co_return co_await on_control(context, make);
}

Task<Reply> entries(const Context& context, const Request& request) {
  std::string prefix;
  std::size_t limit = 1000;
  http::QueryPiece piece;
  for (auto rest = request.head.query; http::next_query_piece(rest, piece);) {
    const auto value = http::decode_query(piece.value);
    if (piece.name == "prefix") prefix = value;
    if (piece.name == "limit" && !value.empty() && value.size() < 6 &&
        value.find_first_not_of("0123456789") == std::string::npos)
      limit = std::stoul(value);
  }
  const Make make = [&server = context.server, prefix, limit] {
    return Reply{200, json_type, entries_json(server, prefix, limit)};
  };
  co_return co_await on_control(context, make);
}

Task<Reply> explanation(const Context& context, const Request& request) {
  Question question;
  http::QueryPiece piece;
  for (auto rest = request.head.query; http::next_query_piece(rest, piece);) {
    if (piece.name == "url") question.url = http::decode_query(piece.value);
    if (piece.name == "method") question.method = http::decode_query(piece.value);
  }
  const Make make = [&server = context.server, question]() -> Reply {
    const auto plan = server.plan();
    const Live live{server.shared().cache, system_now()};
    std::string error = "url is missing; write /api/explain?url=URL with a URL or a path";
    std::optional<std::string> json;
    if (!question.url.empty()) json = explain(*plan->settings, question, &live, error);
    if (json) return {200, json_type, std::move(*json)};
    return {400, {}, error};
  };
  co_return co_await on_control(context, make);
}

Task<Reply> purging(const Context& context, const Request& request) {
  const Make make = [&server = context.server, body = request.body]() -> Reply {
    auto answer = purge(server, body);
    return {answer.status, answer.status == 200 ? json_type : std::string_view(), std::move(answer.text)};
  };
  co_return co_await on_control(context, make);
}

Task<Reply> reloading(const Context& context, const Request&) {
  if (!context.reload) co_return Reply{501, {}, "reload is not available"};
  const auto report = co_await context.reload();
  co_return Reply{report.ok ? 200 : 422, json_type, reload_json(report)};
}

constexpr Resource table[] = {
    // path, handler, changes, for_anyone, any_host
    {"/", page, false, true},
    {"/healthz", health, false, true, true},
    {"/readyz", readiness, false, true, true},
    {"/metrics", metrics, false, false, true},
    {"/api/status", status},
    {"/api/history", history},
    {"/api/entries", entries},
    {"/api/explain", explanation},
    {"/api/purge", purging, true},
    {"/api/reload", reloading, true},
};

}  // namespace

std::span<const Resource> resources() noexcept {
  return table;
}

const Resource* find_resource(std::string_view path) noexcept {
  const auto* const found =
      std::find_if(std::begin(table), std::end(table), [&](const auto& one) { return one.path == path; });
  return found == std::end(table) ? nullptr : found;
}

}  // namespace larder::admin
