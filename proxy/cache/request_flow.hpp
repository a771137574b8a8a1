// How a request is answered with the cache, without I/O: a state machine that its owner drives.
//
//   begin   looks the request up; most requests are answered with what it finds
//   start   for a request that has to wait: the first Action
//   resume  the next one, when what the last Action asked for has happened
//
// The owner carries the actions out: it starts fetches, waits for fills, and sends. The flow decides what a
// fill's end means for this request: a response, another attempt, the stale response, or an error. Belongs to
// one request, on its loop.
#pragma once

#include "cache/cache.hpp"
#include "policy/decide.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace larder::cache {

class RequestFlow {
 public:
  /// Send this response.
  struct Serve {
    std::shared_ptr<const store::Response> response;
    policy::Outcome outcome;
    bool with_age = true;
    /// Field lines for this client alone, each with CRLF.
    std::string for_requesting_client;
    bool refresh = false;  // start a background fetch as well (`join_refresh`)
  };
  /// Begin a fetch with the permit in `joined`, then wait for its fill and `resume`.
  struct Fetch {
    Joined joined;
    bool consult_tier = false;
  };
  /// Wait for this fill, which another request's fetch leads, then `resume`.
  struct Follow {
    std::shared_ptr<Fill> fill;
  };
  /// Wait for the end of this fill, whatever it is, then `resume_after_current`.
  struct AwaitCurrent {
    std::shared_ptr<Fill> fill;
  };
  /// Forward the request by itself.
  struct PassThrough {
    policy::Outcome outcome;
  };
  /// Stream the response of the fetch that this request leads to its client alone.
  struct TakeOver {
    policy::Outcome outcome;
  };
  /// Answer with the failure's status.
  struct Fail {
    upstream::Failure failure;
    policy::Outcome outcome;
  };
  using Action = std::variant<Serve, Fetch, Follow, AwaitCurrent, PassThrough, TakeOver, Fail>;

  /// What `begin` found. `outcome` nullptr: nothing that may be sent at once. `refresh`: also start a
  /// background fetch, before the response is sent.
  struct Immediate {
    const policy::Outcome* outcome = nullptr;  // of `found().response`
    bool refresh = false;
  };
  /// Looks the request up; the arguments outlive the flow. Afterwards `decision` says what
  /// is to be done if there is no immediate answer.
  [[nodiscard]] Immediate begin(Cache& cache, const settings::Route& route, std::uint64_t route_hash,
                                const policy::KeyView& key, const policy::RequestFacts& facts,
                                policy::Now now);

  /// Without a look-up: nothing is stored for the request.
  void set_decision(const policy::Decision& decision) { decision_ = decision; }
  [[nodiscard]] const policy::Decision& decision() const noexcept { return decision_; }

  /// For a request whose decision is Wait or Validate.
  [[nodiscard]] Action start(policy::Now now);
  [[nodiscard]] Action resume(Result result, policy::Now now);
  [[nodiscard]] Action resume_after_current(policy::Now now);

  /// Joins or leads a background fetch; nullopt where none is needed.
  [[nodiscard]] std::optional<Joined> join_refresh(policy::Now now);

  /// The outcome of a response that is sent while the fetch that this request leads goes on.
  [[nodiscard]] policy::Outcome streamed() const noexcept;

  /// Whether a fetch that is begun now is of the range that the request names, instead of the whole.
  [[nodiscard]] bool asks_for_part() const noexcept;
  /// The request led the fill that `resume` was last called for.
  [[nodiscard]] bool is_leader() const noexcept { return is_leader_; }

  /// Its `route` is nullptr where there was no look-up.
  [[nodiscard]] const Target& target() const noexcept { return target_; }
  [[nodiscard]] const Found& found() const noexcept { return found_; }
  [[nodiscard]] const store::Response* held() const noexcept {
    return found_.response != nullptr ? found_.response->get() : nullptr;
  }

 private:
  [[nodiscard]] policy::Held held_for(policy::Now now) const noexcept;
  [[nodiscard]] Immediate stale_while_failing(policy::Now now);
  [[nodiscard]] policy::Outcome stale_on_error(policy::Now now) const;
  [[nodiscard]] bool may_be_served_on_error(policy::Trouble trouble, policy::Now now);
  [[nodiscard]] Action serve_on_error(policy::Now now) const;
  [[nodiscard]] std::optional<policy::Outcome> look_again(policy::Now now);
  [[nodiscard]] Action join(policy::Now now);
  [[nodiscard]] Action join_again(policy::Now now);
  [[nodiscard]] std::optional<Action> completed(Completed& completed, policy::Outcome& outcome,
                                                policy::Now now);

  Cache* cache_ = nullptr;
  Target target_;
  Found found_;
  policy::Decision decision_;
  policy::Sequence came_ = 0;                       // when it began to wait
  policy::Forward why_{};                           // of the fill that it waits for
  policy::Detail left_out_ = policy::Detail::none;  // as Found's, when it began
  int attempt_ = 0;
  bool forced_ = false;  // it forces a fetch: nothing that was fetched before it came may answer it
  bool is_leader_ = false;
};

}  // namespace larder::cache
