// A blocking HTTP client for single requests, used by the commands for the admin listener and for the API.
#pragma once

#include "http/gate.hpp"
#include "net/tls_context.hpp"
#include "settings/settings.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>

namespace larder::admin {

struct AdminResponse {
  int status = 0;  // 0: no response was received, and `body` has the reason
  std::string body;
};

/// The admin listener of a running larder.
struct Listener {
  settings::ListenAddress address;
  std::string token;                                   // empty = none
  std::shared_ptr<const tls::ClientContext> tls = {};  // nullptr = without TLS
};

/// Sends a request and waits a few seconds at most for the response. `json` is the request's body; empty if
/// none.
[[nodiscard]] AdminResponse ask(const Listener& listener, const std::string& method,
                                const std::string& target, const std::string& json = {});

/// A response of the API.
struct ApiReply {
  int status = 0;                        // 0: no response was received, and `head` has the reason
  std::string head;                      // its bytes
  std::optional<std::string> body = {};  // without chunked framing; nullopt: not read, or not to its end
};

/// A GET for the API. `timeout` applies to connecting and to each read, and to the body as a whole.
struct ApiRequest {
  const std::variant<settings::TcpAddress, settings::UnixAddress>& address;
  std::shared_ptr<const tls::ClientContext> tls;  // nullptr = without TLS
  std::string authority;
  std::string target;
  std::chrono::milliseconds timeout;
  std::function<bool(const http::ResponseHead&)> wants_body;
  std::size_t max_body = 0;  // bytes; a larger body is not read to its end
};
[[nodiscard]] ApiReply ask_api(const ApiRequest& request);
/// Connects to the API with TLS, and ends. What goes wrong; empty = nothing. Of the request, the address,
/// `tls` and `timeout` count.
[[nodiscard]] std::string tls_failure(const ApiRequest& request);

}  // namespace larder::admin
