// A fill: one upstream fetch that several requests may wait for.
//
// Model: a fill has a coroutine of its own, on the loop of the request that leads it. Requests on any loop
// wait with a FillWaiter. A fill belongs to no client: a waiter that leaves does not stop it, and it ends by
// itself, because every wait in it has a deadline. Results: Completed (a response that waiters may share,
// stored or not), Unshareable (the response must not be shared: all waiters are released at once and fetch
// for themselves, and the leader takes the response over), Failed, or LookAgain. Ownership: shared by the
// coroutine and the waiters. What only the leader may take stays on its loop. Threading: `settle` and the
// FillWaiter lock the fill's mutex; a FillWaiter belongs to one loop and is woken there.
#pragma once

#include "cache/body_budget.hpp"
#include "net/loop.hpp"
#include "policy/outcome.hpp"
#include "policy/request.hpp"
#include "settings/settings.hpp"
#include "store/head.hpp"
#include "store/response.hpp"
#include "upstream/call.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace larder::cache {

/// A response that the waiters share.
struct Completed {
  std::shared_ptr<const store::Response> response;
  bool stored = false;
  /// It may also answer requests other than the leader: it is fresh, or of a ttl route. Otherwise each waiter
  /// fetches for itself.
  bool shareable = true;
  policy::Detail detail = policy::Detail::none;
  int upstream_status = 0;  // 304 if the API validated the stored response
  /// Field lines for the leader only.
  std::string for_requesting_client;
  policy::Millis took{0};  // from the request to the end of the response's head
};
/// A response for the leader only.
struct Unshareable {
  policy::Detail detail = policy::Detail::none;
  int upstream_status = 0;
  policy::Millis took{0};
};
struct Failed {
  upstream::Failure failure;
  policy::Millis took{0};
};
/// A tier had responses for the key, which are in memory now; or the fetch was given up before this waiter
/// joined. The waiters look into memory again.
struct LookAgain {
  policy::Millis took{0};
};
using Result = std::variant<Completed, Unshareable, Failed, LookAgain>;

/// What the leader of an Unshareable fill takes over: the call, whose head has been read, and the bytes of
/// the body read so far.
struct Handover {
  std::unique_ptr<upstream::Call> call;
  std::string prefix;     // of the body
  bool complete = false;  // `prefix` is the complete body
  BodyShare share = {};   // of `prefix`, until it is sent
};

/// The time after which a fill has certainly settled: upstream.total_timeout, and what is beyond that.
[[nodiscard]] Millis longest_fill(const settings::Upstream& upstream) noexcept;

class Fill;

/// One request's wait for a fill. Belongs to the request's loop. Destroying it does not stop the fill.
class FillWaiter {
 public:
  FillWaiter(Loop& loop, std::shared_ptr<Fill> fill, bool is_leader);
  ~FillWaiter();
  FillWaiter(FillWaiter&&) noexcept = default;
  FillWaiter& operator=(FillWaiter&&) = delete;
  FillWaiter(const FillWaiter&) = delete;

  [[nodiscard]] bool is_leader() const noexcept { return is_leader_; }
  [[nodiscard]] Fill& fill() noexcept { return *fill_; }

  /// A piece of the response that is being fetched, in order; `data` may be empty in the first one.
  struct Piece {
    std::shared_ptr<const upstream::OwnedHead> head;
    std::string data;
  };
  /// For the leader only: the head of an interim response (RFC 9110 15.2), or a Piece. For all: the result.
  /// nullopt after `timeout`, or after `wake`.
  using FillEvent = std::variant<store::MadeHead, Piece, Result>;
  [[nodiscard]] Task<std::optional<FillEvent>> next(Millis timeout);
  void wake();
  /// The size of all pieces so far; the response's body, or the handed-over part of it, begins with them.
  [[nodiscard]] std::size_t taken() const noexcept;

  /// Waits for any result, at most for `timeout`.
  [[nodiscard]] Task<void> settled(Millis timeout);

  /// For the leader, after Unshareable.
  [[nodiscard]] Handover take_handover();

  struct Slot;  // shared with the Fill

 private:
  Loop& loop_;
  std::shared_ptr<Fill> fill_;
  std::shared_ptr<Slot> slot_;
  bool is_leader_;
};

class Fill {
 public:
  explicit Fill(policy::Sequence sequence, std::uint64_t path_hash, std::uint64_t route_hash)
      : sequence_(sequence), path_hash_(path_hash), route_hash_(route_hash) {}

  [[nodiscard]] policy::Sequence sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint64_t path_hash() const noexcept { return path_hash_; }
  [[nodiscard]] std::uint64_t route_hash() const noexcept { return route_hash_; }

  /// Releases all waiters. Later calls have no effect.
  void settle(Result result) noexcept;
  [[nodiscard]] bool is_settled();

  /// Makes it a background fetch, which requests with a waiting client precede. `promote` is called once, on
  /// `loop`, when a request waits for this fill too; nullptr: not any more.
  void set_background(Loop& loop, std::function<void()> promote);
  /// For Unshareable, before `settle`; on the fill's loop.
  void offer(Handover handover);
  /// From now on the leader gets `body` while it grows, until `end_stream`. On the fill's loop, like the
  /// following two.
  void begin_stream(std::shared_ptr<const upstream::OwnedHead> head, const std::string& body) noexcept;
  /// The body has grown.
  void feed() noexcept;
  /// The body will not be accessed any more.
  void end_stream() noexcept;
  [[nodiscard]] bool has_waiters();
  /// Passes the head of an interim response to the leader, unless that has left or reads too slowly. On the
  /// fill's loop.
  void interim(store::MadeHead head);

 private:
  friend class FillWaiter;
  void on_waiter_added(const std::shared_ptr<Fill>& self) noexcept;

  const policy::Sequence sequence_;
  const std::uint64_t path_hash_;
  const std::uint64_t route_hash_;
  std::mutex mutex_;
  std::optional<Result> result_;
  Loop* loop_ = nullptr;  // while it is in the background
  std::vector<std::shared_ptr<FillWaiter::Slot>> slots_;
  // Used on the fill's loop only:
  std::shared_ptr<FillWaiter::Slot> first_;
  std::optional<Handover> handover_;
  bool first_left_ = false;
  std::function<void()> promote_;
};

}  // namespace larder::cache
