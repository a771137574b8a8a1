// Replaces the settings of a running larder, all of them or none.
//
// On the control thread the file is read, names are resolved and listeners are bound; then the first loop
// applies the result. One reload runs at a time; further ones wait. Must be used on the first loop.
#pragma once

#include "admin/admin.hpp"
#include "admin/reload.hpp"
#include "server/notify.hpp"
#include "server/server.hpp"
#include "settings/load.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace larder::admin {

class Reloader {
 public:
  /// `load` reads the settings on the control thread. `file` is their name in messages. The references must
  /// outlive this object.
  Reloader(server::Server& server, Admin& admin, server::Notify& notify, std::string file,
           std::function<settings::Loaded()> load);

  [[nodiscard]] Task<ReloadReport> reload();

 private:
  struct Attempt;
  [[nodiscard]] Task<ReloadReport> try_once();
  [[nodiscard]] Attempt attempt();
  class Turn;

  server::Server& server_;
  Admin& admin_;
  server::Notify& notify_;
  std::string file_;
  std::function<settings::Loaded()> load_;
  bool running_ = false;
  std::deque<std::shared_ptr<Event>> waiting_;
  // Settings that only a restart can change.
  unsigned loops_;
  std::optional<std::string> persist_;
};

}  // namespace larder::admin
