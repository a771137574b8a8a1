#include "server/notices.hpp"

#include <spdlog/spdlog.h>

namespace larder::server {

bool Notices::is_first(std::set<std::string, std::less<>>& known, std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (known.size() >= max_notices || known.find(name) != known.end()) return false;
  known.emplace(name);
  return true;
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
