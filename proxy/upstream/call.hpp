// One request to the API and its answer, on one connection.
//
//   Call call(pool);
//   open -> write (head, then body) -> read_head (interim ones first) -> read_body until `end` -> destroyed
//
// A call whose request was sent whole and whose answer was read whole gives its connection back to the pool
// when it is destroyed; any other closes it. Every wait has its deadline from the upstream's settings; a
// deadline that passes is a Failure. The answer has passed the gate (design, invariant 7): what `head` shows
// and `read_body` yields is well-formed.
#pragma once

#include "http/chunked.hpp"
#include "http/gate.hpp"
#include "upstream/pool.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace larder::upstream {

class Call {
 public:
  Call(Pool& pool, const http::Limits& limits, Priority priority = Priority::foreground)
      : pool_(pool), limits_(limits), claim_{priority}, chunked_(limits) {}
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Gets a connection; `fresh` never a pooled one.
  [[nodiscard]] Task<std::optional<Failure>> open(bool fresh);

  /// Sends bytes: the request's head, then its body in the framing that the head announced.
  [[nodiscard]] Task<std::optional<Failure>> write(std::string_view bytes);
  /// The request has been sent whole: from now on upstream is to answer within its time.
  void request_complete() noexcept;

  /// Reads the next head: an interim one (1xx but 101), after which it is to be called again, or the final
  /// one. Interim ones are bounded in number; a 101 that was not asked for (`may_switch`) is a bad answer
  /// (RFC 9110 7.8).
  [[nodiscard]] Task<std::optional<Failure>> read_head(http::Method method, bool may_switch = false);
  [[nodiscard]] const http::ResponseHead& head() const noexcept { return head_; }
  [[nodiscard]] bool is_interim() const noexcept { return head_.status < 200 && head_.status != 101; }

  struct Piece {
    std::string_view data;  // valid until the next call; empty only together with `end` or `failure`
    bool end = false;
    std::optional<Failure> failure;
  };
  /// The next piece of the body, without its framing.
  [[nodiscard]] Task<Piece> read_body();

  /// True where the connection had been used before and not one byte of an answer has come: an idempotent
  /// request may be tried again.
  [[nodiscard]] bool may_retry() const noexcept { return reused_ && !any_byte_; }

  /// After a 101: the socket, what was already read behind the head, and the end of this call's part.
  [[nodiscard]] std::unique_ptr<Connection> take_connection() noexcept { return std::move(connection_); }
  [[nodiscard]] std::string_view buffered() const noexcept {
    return {buffer_.data() + begin_, end_ - begin_};
  }

  /// What is asked for, as a hash.
  void set_target(std::string_view target) noexcept { target_ = std::hash<std::string_view>{}(target); }
  /// Somebody waits for it now.
  void promote() noexcept { pool_.promote(claim_); }

  /// Ends what another coroutine of this loop is waiting for on this call, and whatever it would wait for
  /// next.
  void cancel() noexcept;

 private:
  [[nodiscard]] Task<std::optional<Failure>> fill_buffer(Millis timeout, FailureKind late,
                                                         FailureKind closed);
  [[nodiscard]] Failure failure(FailureKind late, FailureKind otherwise, const Error& error);
  /// `why` where there is no refusal.
  [[nodiscard]] Failure bad_answer(std::optional<http::Refusal> refusal, const char* why);
  void release() noexcept;

  Pool& pool_;
  http::Limits limits_;
  Admission::Claim claim_;
  std::size_t target_ = 0;
  std::unique_ptr<Connection> connection_;
  Buffer buffer_;
  std::size_t begin_ = 0;  // of the unread bytes in buffer_
  std::size_t end_ = 0;
  std::string head_bytes_;  // what head_ views
  http::ResponseHead head_;
  http::ChunkedReader chunked_;
  std::uint64_t remaining_ = 0;
  int interim_count_ = 0;
  bool reused_ = false;
  bool any_byte_ = false;
  bool answered_ = false;  // a final head has come
  bool at_end_of_file_ = false;
  bool request_complete_ = false;
  bool waits_for_answer_ =
      false;  // a read is waiting, without a deadline while the request is still being sent
  bool answer_complete_ = false;
  bool cancelled_ = false;
};

}  // namespace larder::upstream
