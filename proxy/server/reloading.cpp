// Server: taking new settings.
#include "server/listening.hpp"
#include "server/server.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <unistd.h>

namespace larder::server {

Server::Prepared::Prepared() = default;
Server::Prepared::Prepared(Prepared&&) noexcept = default;

Server::Prepared::~Prepared() {
  for (const auto& place : added_) {
    for (const auto& one : place.bound) ::close(one.descriptor);
    if (const auto& path = place.bound.front().unix_path; !path.empty()) ::unlink(path.c_str());
  }
}

std::variant<Server::Prepared, std::string> Server::prepare(std::shared_ptr<const cache::Plan> plan) {
  Prepared prepared;
  for (const auto& listener : plan->settings->listen) {
    const auto key = settings::to_string(listener.address);
    const auto same =
        std::find_if(places_.begin(), places_.end(), [&](const auto& one) { return one.key == key; });
    if (same != places_.end()) {
      auto rules = make_rules(listener, tickets_);
      if (auto* error = std::get_if<std::string>(&rules)) return std::move(*error);
      prepared.places_.push_back(*same);
      auto& place = prepared.places_.back();
      place.rules = std::move(std::get<0>(rules));
      for (auto& bound : place.bound) bound.name = name_under(*place.rules, bound.name);
      continue;
    }
    auto bound = bind_place(listener);
    if (auto* error = std::get_if<std::string>(&bound)) return std::move(*error);
    prepared.added_.push_back(std::get<Place>(bound));
    prepared.places_.push_back(std::move(std::get<Place>(bound)));
  }
  const auto& log = *plan->settings;
  const bool logs = log.access_log != settings::AccessLog::off;
  prepared.sink_ = log_sink_ || !logs ? log_sink_ : std::make_shared<LogSink>();
  if (logs) {
    if (auto error = prepared.sink_->set_file(log.access_log_file)) return std::move(*error);
  }
  prepared.plan_ = std::move(plan);
  return prepared;
}

bool Server::commit(Prepared prepared) {
  if (stopping_) return false;
  const auto stays = [&](const std::string& key) {
    return std::any_of(prepared.places_.begin(), prepared.places_.end(),
                       [&](const auto& place) { return place.key == key; });
  };
  close_places([&](const std::string& key) { return !stays(key); });
  for (const auto& place : places_) {
    if (const auto& path = place.bound.front().unix_path; !path.empty() && !stays(place.key))
      ::unlink(path.c_str());
  }
  for (const auto& listening : listening_) {
    const auto place = std::find_if(prepared.places_.begin(), prepared.places_.end(),
                                    [&](const auto& one) { return one.key == listening->key; });
    asio::post(listening->worker.loop.executor(), [listening, rules = place->rules] {
      listening->rules = rules;
      if (!rules->http2) listening->worker.end_http2(rules->listener);
    });
  }
  for (const auto& place : std::exchange(prepared.added_, {})) accept_on(place);
  {
    const std::lock_guard lock(mutex_);
    places_ = std::move(prepared.places_);
  }
  names_.clear();
  for (const auto& place : places_) names_.push_back(place.bound.front().name);
  {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(prepared.plan_);
  }
  log_sink_ = std::move(prepared.sink_);
  on_every_loop([next = plan_, to = log_sink_](Worker& worker) { worker.adopt(next, to); });
  asio::post(first_loop().executor(), [this] {
    if (!stopping_) prefetcher_.begin(authority_of(names_));
  });
  return true;
}

}  // namespace larder::server
