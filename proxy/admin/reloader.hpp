// Replaces the settings of a running larder: all of them, or none.
//
// The file is read, names are looked up and listeners are bound on the control thread; the first loop takes
// the result over. One reload at a time; others wait for its end. Of the first loop.
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
  /// `load` reads the settings anew, on the control thread. `file` names them in messages. The others outlive
  /// it.
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
  // In force since the start, until the next one.
  unsigned loops_;
  std::optional<std::string> persist_;
};

}  // namespace larder::admin
