#include "server/notices.hpp"

#include <spdlog/spdlog.h>

namespace larder::server {

bool Notices::is_first(std::set<std::string, std::less<>>& known, std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (known.size() >= max_notices || known.find(name) != known.end()) return false;
  known.emplace(name);
  return true;
}

bool Notices::is_due(std::optional<Time>& last) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (last && now - *last < std::chrono::minutes{1}) return false;
  last = now;
  return true;
}

void Notices::too_many_connections(std::int64_t bound) {
  if (is_due(last_too_many_))
    spdlog::warn(
        "there are {} client connections, the maximum (limits.connections, or the limit of open files): for "
        "each new "
        "one, the connection that has been idle for the longest is closed; without an idle one, it gets 503",
        bound);
}

void Notices::cannot_accept(std::string_view reason) {
  if (is_due(last_cannot_accept_))
    spdlog::warn(
        "a client's connection cannot be accepted: {}; raise the limit of open files (LimitNOFILE) or "
        "lower limits.connections",
        reason);
}

void Notices::proxy_refused(std::string_view peer, std::string_view why) {
  const auto name = peer.empty() ? std::string_view("unix") : peer;
  if (is_first(proxies_, name)) spdlog::warn("proxy_protocol: a connection of {} was closed: {}", name, why);
}

void Notices::forwarding_replaced(std::string_view peer, std::string_view field) {
  const auto name = peer.empty() ? std::string_view("unix") : peer;
  if (is_first(peers_, name))
    spdlog::warn(
        "trusted_proxies: {} of {} was replaced or removed, as were its other forwarding fields; if {} is a "
        "proxy in "
        "front of larder, add it: trusted_proxies: [{}]",
        field, name, name, name);
}

void Notices::underscore_dropped(std::string_view field) {
  if (is_first(fields_, field))
    spdlog::warn(
        "underscores: the request field {} was dropped, as many APIs cannot tell its name from one with '-'; "
        "if "
        "the API needs it, write underscores: pass",
        field);
}

void Notices::credentials_refused(std::string_view route) {
  if (is_first(routes_, route))
    spdlog::warn(
        "route {}: requests with credentials are not answered from the cache. Where the response depends on "
        "the "
        "credential, write key: {{headers: [authorization]}} (the field that carries it); where all clients "
        "may share "
        "it, despite: [authorization]",
        route);
}

}  // namespace larder::server
