// What the admin listener serves: one row per resource, with who may ask for it and its handler.
//
// A handler is a coroutine of the first loop; what takes long runs on the server's control thread.
#pragma once

#include "admin/access.hpp"
#include "admin/history.hpp"
#include "admin/reload.hpp"
#include "http/gate.hpp"
#include "server/server.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace larder::admin {

/// What handlers work with; outlives them.
struct Context {
  server::Server& server;
  History& history;
  std::function<Task<ReloadReport>()> reload;  // empty: reloading is not possible
};

/// A request that has passed the checks of its resource; outlives the handler. `body`: nullptr where it was
/// too large or had no Content-Length.
struct Request {
  const http::RequestHead& head;
  const std::string* body = nullptr;
};

/// A response. With a type, `text` is its body; without one, a sentence for problem+json.
struct Reply {
  int status = 200;
  std::string_view type = {};
  std::string text = {};
  std::string fields = {};  // more field lines, each with its end
};

using Handler = Task<Reply> (*)(const Context& context, const Request& request);

struct Resource {
  std::string_view path;
  Handler handler = nullptr;
  bool changes = false;     // takes POST with JSON, and no request that another site's page makes
  bool for_anyone = false;  // without the token
  bool any_host = false;    // under any Host: programs ask for it under names of their own
};

[[nodiscard]] std::span<const Resource> resources() noexcept;
/// nullptr where there is none.
[[nodiscard]] const Resource* find_resource(std::string_view path) noexcept;

}  // namespace larder::admin
