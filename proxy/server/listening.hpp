// A listening socket of one loop.
#pragma once

#include "server/listener.hpp"
#include "server/server.hpp"

#include <string>
#include <unistd.h>
#include <utility>

namespace larder::server {

/// Made on the first loop; opened and closed on its own, because a loop's reactor must not be accessed from
/// another thread.
struct Server::Listening {
  Listening(Worker& its_worker, const Bound& bound, std::string its_key,
            std::shared_ptr<const ListenerRules> its_rules)
      : worker(its_worker),
        acceptor(its_worker.loop.executor()),
        key(std::move(its_key)),
        rules(std::move(its_rules)),
        family(bound.family),
        descriptor(bound.descriptor) {}
  ~Listening() {
    if (descriptor >= 0) (void)::close(descriptor);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  void open() { acceptor.assign(StreamProtocol(family, 0), std::exchange(descriptor, -1)); }

  Worker& worker;
  Acceptor acceptor;
  std::string key;                             // the address as configured
  std::shared_ptr<const ListenerRules> rules;  // of connections from now on; belongs to the loop

 private:
  int family;
  int descriptor;  // until it is the acceptor's
};

}  // namespace larder::server
