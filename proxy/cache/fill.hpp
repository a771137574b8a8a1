// One upstream fetch, many readers.
//
// Model: a Fill is led by a coroutine of its own, on the loop of whoever began it; readers, on any loop, hold
// a Reader and wait. A fill belongs to no client: a reader that leaves does not stop it, and it ends by
// itself, as every wait inside it has a deadline. Ends: it is Completed (a response that readers may share,
// stored or not), Unshareable (the answer must not be shared: every waiter is released at once to ask for
// itself, and the reader who began the fill takes the answer over), or Failed. Ownership: the fill's
// coroutine owns the Fill through shared_ptr, readers too. What only the beginning reader may take stays on
// its loop. Threading: `settle` and `join` lock the fill's mutex; a Reader is of one loop and is woken there.
#pragma once

#include "net/loop.hpp"
#include "policy/outcome.hpp"
#include "policy/request.hpp"
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

/// A response that this fill's readers share.
struct Completed {
  std::shared_ptr<const store::Response> response;
  bool stored = false;
  /// It may answer requests beside the one that began the fill: fresh, or under a ttl. Otherwise a waiter
  /// asks for itself.
  bool shareable = true;
  policy::Detail detail = policy::Detail::none;
  int upstream_status = 0;  // 304 where upstream renewed what was stored
  /// Field lines for the reader who began the fill, and nobody else.
  std::string for_requesting_client;
  policy::Millis took{0};  // upstream, up to the end of the answer's head
};
/// An answer that is its asker's alone.
struct Unshareable {
  policy::Detail detail = policy::Detail::none;
  int upstream_status = 0;
  policy::Millis took{0};
};
struct Failed {
  upstream::Failure failure;
  policy::Millis took{0};
};
/// A tier had responses for the key, which are in memory now: the waiters look there again.
struct Restored {
  policy::Millis took{0};
};
using Result = std::variant<Completed, Unshareable, Failed, Restored>;

/// What the reader who began an Unshareable fill streams on: the call, its head read, and the body's bytes
/// read so far.
struct Handover {
  std::unique_ptr<upstream::Call> call;
  std::string prefix;     // of the body
  bool complete = false;  // prefix is all of it
};

class Fill;

/// One request's wait for a fill. Lives on its loop; destroying it leaves the fill to itself.
class FillWaiter {
 public:
  FillWaiter(Loop& loop, std::shared_ptr<Fill> fill, bool is_leader);
  ~FillWaiter();
  FillWaiter(FillWaiter&&) noexcept = default;
  FillWaiter& operator=(FillWaiter&&) = delete;
  FillWaiter(const FillWaiter&) = delete;

  [[nodiscard]] bool is_leader() const noexcept { return is_leader_; }
  [[nodiscard]] Fill& fill() noexcept { return *fill_; }

  /// An interim answer's head (RFC 9110 15.2), for the reader who began the fill; or the result.
  using FillEvent = std::variant<std::string, Result>;
  [[nodiscard]] Task<FillEvent> next();

  /// Waits for the end, whatever it is.
  [[nodiscard]] Task<void> settled();

  /// After Unshareable, for the reader who began it.
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

  /// Releases every reader; later calls do nothing.
  void settle(Result result) noexcept;
  [[nodiscard]] bool is_settled();

  /// A fill that runs behind readers yields to those that somebody waits for. `promote` is called on its loop
  /// once somebody waits for this one too; nullptr: from now on never.
  void set_background(Loop& loop, std::function<void()> promote);
  /// For Unshareable, before `settle`; on the fill's loop.
  void offer(Handover handover);
  /// Passes an interim head to the reader who began the fill, if that is still there and keeps up; on its
  /// loop.
  void interim(std::string head);

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
  // Of the fill's loop alone:
  std::shared_ptr<FillWaiter::Slot> first_;
  std::optional<Handover> handover_;
  bool first_left_ = false;
  std::function<void()> promote_;
};

}  // namespace larder::cache
