#include "cache/refresh_time.hpp"

#include <algorithm>
#include <cmath>

namespace larder::cache {

namespace {

constexpr std::size_t min_repeats = 2;              // of a period, before it is used
constexpr std::size_t repeats_part = 3;             // of the marks: among many, a few repetitions are chance
constexpr double min_share = 0.8;                   // of the marks that must repeat
constexpr int jitter_part = 20;                     // of the ttl
constexpr int tolerance_part = 8;                   // of the ttl: tolerance for the time of a poll
constexpr std::uint64_t max_after_one_request = 2;  // refreshes
constexpr int margin_part = 4;  // of the ttl: how long before a poll its refresh is complete

bool has_mark_near(std::span<const MonoTime> asked, MonoTime when, Millis tolerance) {
  const auto at = std::lower_bound(asked.begin(), asked.end(), when - tolerance);
  return at != asked.end() && *at <= when + tolerance;
}

// The first poll at or after `from`, if the marks of the last period repeat.
MonoTime next_poll(std::span<const MonoTime> asked, Millis period, MonoTime from) {
  auto next = MonoTime::max();
  for (auto mark = asked.rbegin(); mark != asked.rend() && *mark > asked.back() - period; ++mark) {
    const auto periods = *mark >= from ? 0 : (from - *mark + period - Millis{1}) / period;
    next = std::min(next, *mark + periods * period);
  }
  return next;
}

Millis jitter_of(const RefreshInput& warmth) {
  const auto most = static_cast<double>((warmth.ttl / jitter_part).count());
  return Millis{std::llround(most * warmth.jitter)};
}

}  // namespace

MonoTime decision_time(const RefreshInput& warmth) {
  return std::max(warmth.requested + warmth.ttl, warmth.fresh_until - warmth.fetch - jitter_of(warmth));
}

std::optional<MonoTime> next_refresh(const RefreshInput& warmth) {
  if (warmth.asked.empty()) return std::nullopt;
  if (warmth.asked.size() == 1 && warmth.refreshes >= max_after_one_request) return std::nullopt;
  auto begin = decision_time(warmth);
  const auto tolerance = warmth.ttl / tolerance_part;
  if (const auto period = period_of(warmth.asked, tolerance)) {
    // A poll that is due just before the expiry may come just after it.
    const auto poll = next_poll(warmth.asked, *period, warmth.fresh_until - tolerance);
    begin = std::max(begin, poll - warmth.ttl / margin_part - warmth.fetch - jitter_of(warmth));
  }
  if (begin > warmth.asked.back() + warmth.keep_warm) return std::nullopt;
  return begin;
}

std::optional<Millis> period_of(std::span<const MonoTime> asked, Millis tolerance) {
  if (asked.size() <= min_repeats) return std::nullopt;
  const auto repeats = std::max(min_repeats, asked.size() / repeats_part);
  for (auto earlier = asked.rbegin() + 1; earlier != asked.rend(); ++earlier) {
    const Millis period = asked.back() - *earlier;
    if (period <= 2 * tolerance) continue;
    std::size_t tried = 0;
    std::size_t repeated = 0;
    for (const auto mark : asked) {
      if (mark - period >= asked.front() - tolerance) {
        ++tried;
        if (has_mark_near(asked, mark - period, tolerance)) ++repeated;
      }
      if (mark + period <= asked.back() + tolerance) {
        ++tried;
        if (has_mark_near(asked, mark + period, tolerance)) ++repeated;
      }
    }
    // Each pair of marks was counted twice.
    if (repeated >= 2 * repeats && static_cast<double>(repeated) >= min_share * static_cast<double>(tried))
      return period;
  }
  return std::nullopt;
}

void FetchTimes::add(Millis time) noexcept {
  times_[count_++ % most] = time;
}

Millis FetchTimes::p95() const {
  auto times = times_;
  const auto count = std::min(count_, most);
  if (count == 0) return Millis{0};
  const auto rank = (count * 95 + 99) / 100 - 1;
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(rank),
                   times.begin() + static_cast<std::ptrdiff_t>(count));
  return times[rank];
}

}  // namespace larder::cache
