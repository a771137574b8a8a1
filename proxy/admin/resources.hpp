// The resources of the admin listener: one row each, with access rules and handler.
//
// Handlers are coroutines of the first loop; long operations run on the server's control thread.
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

/// State that handlers use; outlives them.
struct Context {
  server::Server& server;
  History& history;
  std::function<Task<ReloadReport>()> reload;  // empty: reloading is not possible
};

/// A request that has passed the access checks of its resource; outlives the handler. `body` is nullptr if it
/// was too large or had no Content-Length.
struct Request {
  const http::RequestHead& head;
  const std::string* body = nullptr;
};

/// A response. With `type`, `text` is the body; without, a sentence for problem+json.
struct Reply {
  int status = 200;
  std::string_view type = {};
  std::string text = {};
  std::string fields = {};  // further field lines, each terminated by CRLF
};

using Handler = Task<Reply> (*)(const Context& context, const Request& request);

struct Resource {
  std::string_view path;
  Handler handler = nullptr;
  bool changes = false;     // accepts only POST with JSON, and refuses cross-site requests
  bool for_anyone = false;  // does not require the token
  bool any_host = false;    // accepts any Host, as programs use names of their own
};

[[nodiscard]] std::span<const Resource> resources() noexcept;
/// nullptr if there is no such resource.
[[nodiscard]] const Resource* find_resource(std::string_view path) noexcept;

}  // namespace larder::admin
