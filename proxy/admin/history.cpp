#include "admin/history.hpp"

#include "admin/json.hpp"

#include <algorithm>
#include <cmath>

namespace larder::admin {

namespace {

Step grown(const RouteTotals& now, const RouteTotals& before) {
  return {now.requests() - before.requests(),
          std::max(now.spared() - before.spared(), 0.0),
          now.upstream.count() - before.upstream.count(),
          now.upstream.sum - before.upstream.sum,
          now.waits.sum - before.waits.sum,
          now.upstream_errors - before.upstream_errors};
}

Step sum(const Step& a, const Step& b) {
  return {a.requests + b.requests,
          a.spared + b.spared,
          a.upstream_answers + b.upstream_answers,
          a.upstream_seconds + b.upstream_seconds,
          a.waited_seconds + b.waited_seconds,
          a.failures + b.failures};
}

bool is_nothing(const Step& step) noexcept {
  return step.requests == 0 && step.upstream_answers == 0 && step.failures == 0;
}

// In seconds, to the microsecond; null without a measurement.
json::value mean(double sum, double count) {
  if (count <= 0) return nullptr;
  return std::round(std::max(sum, 0.0) / count * 1e6) / 1e6;
}

template <class Show>
json::array list(const std::deque<Step>& steps, const Step& under_way, Show show) {
  json::array values;
  values.reserve(steps.size() + 1);
  for (const auto& step : steps) values.push_back(show(step));
  values.push_back(show(under_way));
  return values;
}

}  // namespace

void History::note(const std::map<std::string, RouteTotals>& totals, policy::MonoTime now) {
  if (noted_ && now - *noted_ < step_) return;
  if (noted_) {
    length_ = std::min(length_ + 1, steps);
    for (const auto& [name, total] : totals) {
      const auto before = last_.find(name);
      const auto growth = grown(total, before == last_.end() ? RouteTotals{} : before->second);
      auto at = kept_.find(name);
      if (at == kept_.end()) {
        if (is_nothing(growth) || kept_.size() >= routes) continue;
        at = kept_.emplace(name, std::deque<Step>(length_ - 1)).first;
      }
      at->second.push_back(growth);
    }
    for (auto& [name, steps_of] : kept_) {
      if (totals.count(name) == 0) steps_of.emplace_back();
      while (steps_of.size() > length_) steps_of.pop_front();
    }
    std::erase_if(
        kept_, [](const auto& one) { return std::all_of(one.second.begin(), one.second.end(), is_nothing); });
  }
  last_ = totals;
  noted_ = now;
  if (length_ == steps && step_ < longest) merge();
}

void History::merge() {
  for (auto& [name, steps_of] : kept_) {
    std::deque<Step> merged;
    for (std::size_t i = 0; i + 1 < steps_of.size(); i += 2)
      merged.push_back(sum(steps_of[i], steps_of[i + 1]));
    steps_of = std::move(merged);
  }
  length_ /= 2;
  step_ *= 2;
}

std::string History::json(const std::map<std::string, RouteTotals>& totals) const {
  json::array members;
  auto room = routes - kept_.size();  // for routes that have no history yet
  for (const auto& [name, total] : totals) {
    const auto kept = kept_.find(name);
    if (kept == kept_.end() && room == 0) continue;
    if (kept == kept_.end()) --room;
    const auto steps_of = kept != kept_.end() ? kept->second : std::deque<Step>(length_);
    const auto before = last_.find(name);
    const auto under_way = grown(total, before == last_.end() ? RouteTotals{} : before->second);
    const auto add = [&](auto show) { return list(steps_of, under_way, show); };
    Object one;
    one.text("route", name);
    one.add("requests", add([](const Step& at) { return figure(at.requests); }));
    one.add("spared", add([](const Step& at) { return figure(at.spared); }));
    one.add("api", add([](const Step& at) { return mean(at.upstream_seconds, at.upstream_answers); }));
    one.add("wait", add([](const Step& at) { return mean(at.waited_seconds, at.requests); }));
    one.add("failed", add([](const Step& at) { return figure(at.failures); }));
    members.push_back(one.take());
  }
  Object object;
  object.real("step_seconds", std::chrono::duration<double>(step_).count());
  object.add("routes", std::move(members));
  return object.str();
}

}  // namespace larder::admin
