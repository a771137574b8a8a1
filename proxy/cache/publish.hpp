// The end of a fill: what its fetch brought is stored where it may be, and the waiters get it.
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
  /// `order` and `facts` outlive it.
  Publisher(Resources deps, Permit permit, const Order& order, const policy::RequestFacts& facts);

  [[nodiscard]] Fill& fill() noexcept { return permit_.fill(); }

  /// A response that has come whole. `identity`: the API was asked for no coding. `against` is why it must
  /// not be stored, as judged; `upstream_status` is 304 where it validated what is stored.
  struct Result {
    std::unique_ptr<upstream::Call> call;  // its head read
    policy::ExchangeTimes when;
    bool identity = false;
    policy::Detail against = policy::Detail::none;
    int upstream_status = 0;
    std::string for_requesting_client;
  };
  /// True where the refresh scheduler has taken the response over, and with it the refresh lease of its
  /// readers.
  bool publish(std::shared_ptr<store::Response> response, Result result);
  /// A 5xx that is not stored: all waiters get it, as they would get a failure.
  void share_error(std::shared_ptr<store::Response> response, Result result) noexcept;
  /// A response for its requesting client alone: the waiters are released, and it is handed over with what
  /// has been read of its body.
  void hand_over(std::string prefix, bool complete, Result result) noexcept;
  /// A tier had the key: the waiters look into memory again.
  void restored() noexcept;
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
