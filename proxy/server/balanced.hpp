// Connections through a balancer: the header of the PROXY protocol, before anything else.
#pragma once

#include "server/session.hpp"

namespace larder::server {

/// Begins a session, after the header if the listener demands one. The connection has been counted in
/// Shared::connections.
void begin_connection(Worker& worker, Socket socket, Peer peer, std::shared_ptr<const ListenerRules> rules);

}  // namespace larder::server
