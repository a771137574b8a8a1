// Ends a fill: stores the fetched response if that is allowed, and passes it to the waiters.
//
// A Publisher has the permit of one fill, on the loop that fetches. Each of its functions ends the fill; only
// the first call counts. The upstream connection goes back to its pool before the waiters are woken. If
// memory runs out before a response is stored, `publish` throws std::bad_alloc, and the destructor fails the
// fill. What is merely remembered for later requests is left out then, and the fill ends as it should.
#pragma once

#include "cache/cache.hpp"
#include "cache/fetch.hpp"
#include "cache/fetched.hpp"

#include <memory>
#include <string>

namespace larder::cache {

class Publisher {
 public:
  /// `order` and `facts` must outlive this object.
  Publisher(Resources deps, Permit permit, const Order& order, const policy::RequestFacts& facts);

  [[nodiscard]] Fill& fill() noexcept { return permit_.fill(); }

  /// A fetched response. `identity`: no content coding was requested. `against`: why it must not be stored.
  /// `upstream_status` is 304 if it validated the stored response.
  struct Result {
    std::unique_ptr<upstream::Call> call;  // its head has been read
    policy::ExchangeTimes when;
    bool identity = false;
    policy::Detail against = policy::Detail::none;
    policy::Detail note = policy::Detail::none;  // what else is to be said of a response that is stored
    int upstream_status = 0;
    std::string for_requesting_client;
  };
  /// True if the refresh scheduler has taken over the response and its refresh lease.
  bool publish(const std::shared_ptr<store::Response>& response, Result result);
  /// Shares a 5xx that is not stored with all waiters.
  void share_error(std::shared_ptr<store::Response> response, Result result) noexcept;
  /// For a response to its requesting client only: releases the waiters, and hands the response over with the
  /// part of the body read so far.
  void hand_over(std::string prefix, bool complete, Result result, BodyShare share = {}) noexcept;
  /// A tier had responses for the key, or the fetch is given up: the waiters look into memory again.
  void look_again() noexcept;
  void fail(upstream::Failure failure, const policy::ExchangeTimes& when) noexcept;

 private:
  [[nodiscard]] Target target() const noexcept;
  [[nodiscard]] bool whole_is_stored(const store::Response& part, policy::Now now) const;
  void supersede(policy::Detail why, int status, const Result& result) noexcept;
  [[nodiscard]] bool schedule(const store::Response& response, const policy::ExchangeTimes& when) noexcept;
  void remember(policy::Detail why, bool for_the_next, policy::MonoTime when) noexcept;
  void forget_unshared() noexcept;
  void note_not_stored(policy::Detail why) noexcept;
  void note_status(int status) noexcept;

  Resources deps_;
  Cache& cache_;
  Permit permit_;
  const Order& order_;
  const policy::RequestFacts& facts_;
  const store::Store::Pending pending_;
};

}  // namespace larder::cache
