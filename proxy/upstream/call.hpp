// One request to the API and its response, on one connection.
//
//   Call call(pool);
//   open -> write (head, then body) -> read_head (interim responses first) -> read_body until `end`
//
// If the request was sent completely and the response read completely, the destructor returns the connection
// to the pool; otherwise it closes it. Every wait has a deadline from the settings; if it passes, the result
// is a Failure. Responses have passed the gate (design, section 4): `head` and the data of `read_body` are
// well-formed. Belongs to one loop.
#pragma once

#include "http/chunked.hpp"
#include "http/gate.hpp"
#include "upstream/pool.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace larder::upstream {

/// A copy of a response's head.
struct OwnedHead {
  std::string bytes;
  http::ResponseHead head;  // views into `bytes`
};

class Call {
 public:
  Call(Pool& pool, const http::Limits& limits, Priority priority = Priority::foreground)
      : pool_(pool), limits_(limits), claim_{priority, 0, {}}, chunked_(limits) {}
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Gets a connection; with `fresh` never a pooled one.
  [[nodiscard]] Task<std::optional<Failure>> open(bool fresh);

  /// Sends bytes: first the request's head, then its body, in the framing that the head announces.
  [[nodiscard]] Task<std::optional<Failure>> write(std::string_view bytes);
  /// The request has been sent completely: from now on the timeout for the response's first byte applies.
  void request_complete() noexcept;

  /// Reads the next head: that of an interim response (1xx except 101), after which this must be called
  /// again, or the final one. The number of interim responses is limited. A 101 is refused unless
  /// `may_switch` (RFC 9110 7.8).
  [[nodiscard]] Task<std::optional<Failure>> read_head(http::Method method, bool may_switch = false);
  [[nodiscard]] const http::ResponseHead& head() const noexcept { return head_; }
  [[nodiscard]] bool is_interim() const noexcept { return head_.status < 200 && head_.status != 101; }

  struct Piece {
    std::string_view data;  // valid until the next call; empty only with `end` or `failure`
    bool end = false;
    bool silent = false;  // nothing arrived within `silence`; the call goes on
    std::optional<Failure> failure;
  };
  /// Reads the next piece of the body, without its framing. `silence`, if shorter than idle_timeout, ends the
  /// wait for it without ending the call.
  [[nodiscard]] Task<Piece> read_body(std::optional<Millis> silence = std::nullopt);
  [[nodiscard]] std::shared_ptr<const OwnedHead> copy_head() const;

  /// Whether a connection that had been used before was closed before a byte of a response arrived: an
  /// idempotent request may then be retried. Not after a timeout: the API may be working on the request.
  [[nodiscard]] bool may_retry() const noexcept { return reused_ && !any_byte_ && !timed_out_; }

  /// After a 101: the connection; no other call may follow. See also `buffered`.
  [[nodiscard]] std::unique_ptr<Connection> take_connection() noexcept { return std::move(connection_); }
  [[nodiscard]] std::string_view buffered() const noexcept {
    return {buffer_.data() + begin_, end_ - begin_};
  }

  /// Sets the request's path, for the circuit breaker and the log.
  void set_path(std::string_view path) {
    claim_.target = std::hash<std::string_view>{}(path);
    path_ = path;
  }
  /// A client now waits for this call.
  void promote() noexcept { pool_.promote(claim_); }

  [[nodiscard]] Loop& loop() noexcept { return pool_.loop(); }
  /// Cancels what another coroutine of this loop is waiting for on this call, and further waits.
  void cancel() noexcept;

 private:
  [[nodiscard]] Task<std::optional<Failure>> fill_buffer(Millis timeout, FailureKind late, FailureKind closed,
                                                         std::optional<Millis> silence = std::nullopt);
  [[nodiscard]] Failure failure(FailureKind late, FailureKind otherwise, const Error& error);
  /// `why` is used if there is no refusal.
  [[nodiscard]] Failure bad_answer(std::optional<http::Refusal> refusal, const char* why);
  void release() noexcept;

  Pool& pool_;
  http::Limits limits_;
  Admission::Claim claim_;
  std::string path_;  // of the request
  std::unique_ptr<Connection> connection_;
  Buffer buffer_;
  std::size_t begin_ = 0;  // start of the unread bytes in buffer_
  std::size_t end_ = 0;
  std::string head_bytes_;  // the bytes that head_ points into
  http::ResponseHead head_;
  http::Method method_ = http::Method::get;  // of the request
  http::ChunkedReader chunked_;
  std::uint64_t remaining_ = 0;
  int interim_count_ = 0;
  bool reused_ = false;
  bool any_byte_ = false;
  bool timed_out_ = false;
  bool is_silent_ = false;  // the last wait ended by `silence`
  bool answered_ = false;   // a final head has been received
  bool at_end_of_file_ = false;
  bool request_complete_ = false;
  bool waits_for_answer_ =
      false;  // a read is waiting; it has no deadline while the request is still being sent
  bool answer_complete_ = false;
  bool cancelled_ = false;
};

}  // namespace larder::upstream
