// One request and its response, whatever the version of HTTP.
//
// An Exchange reads the request's body from its Stream and writes the response to it. Framing, the connection
// and what becomes of it afterwards are the Stream's. A response that is at hand as a whole is a Reply: the
// exchange returns it, and the owner of both sends it, so that a hit makes no virtual call. A Stream belongs
// to one request, on one loop. Functions that send return false once the client cannot be reached.
#pragma once

#include "http/gate.hpp"
#include "net/transport.hpp"
#include "policy/outcome.hpp"
#include "store/head.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::server {

/// A complete response. Views: what they refer to must live until it has been sent.
struct Reply {
  int status = 200;
  /// HTTP/1 text without the empty line. Age, Cache-Status and Connection are added.
  std::string_view head;
  /// The same as fields. For a 304 in place of a stored response it is the stored head: only its lines that
  /// are `in_304` count.
  store::HeadView fields;
  std::string_view private_lines;  // further field lines, each with CRLF
  std::optional<Millis> age;
  const policy::Outcome* outcome = nullptr;  // nullptr: no Cache-Status
  std::string_view key;                      // shown in Cache-Status unless empty
  std::string_view body;                     // empty in a response to HEAD
};

/// The head of a response that is forwarded while it arrives.
struct Forwarded {
  const http::ResponseHead& head;
  std::string_view entity_tag;  // in place of the API's, unless empty
  bool answers_head = false;
  const policy::Outcome& outcome;
  std::string_view key;         // as in Reply
  std::string_view request_id;  // X-Request-ID, if the API sends none; empty = none
};

class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// The head of the request, of which there were views, is not needed any more.
  virtual void release_head() noexcept = 0;

  // ---- The request's body

  struct Piece {
    enum class State : std::uint8_t {
      some,     // `data`
      end,      // the body is complete
      refused,  // `refusal` says what is wrong with it
      gone,     // the client has gone, or `cancel_read` was called
      late,     // nothing came for the timeout
    };
    State state = State::some;
    std::string_view data;  // without framing; valid until the next call
    http::Refusal refusal{};
  };
  /// Waits at most `timeout` for the next piece.
  [[nodiscard]] virtual Task<Piece> read_body(Millis timeout) = 0;
  /// Ends waits for input.
  virtual void cancel_read() noexcept = 0;

  enum class Departure : std::uint8_t {
    broken,  // the connection is broken, or was reset by the client
    ended,   // also: the client has closed its sending side, and may or may not read
  };
  /// While no body is read: waits until the client has gone (true), or `cancel_read` is called or, in the
  /// case of `ended`, the client sends something further (false).
  [[nodiscard]] virtual Task<bool> await_departure(Departure departure) = 0;

  // ---- The response

  /// An interim response (RFC 9110 15.2), unless the client's version has none.
  [[nodiscard]] virtual Task<bool> send_interim(const store::MadeHead& head) = 0;
  [[nodiscard]] virtual Task<bool> send(const Reply& reply) = 0;

  /// Begins a forwarded response. The head is sent with the first piece of the body, or by `flush` or
  /// `finish`. False where the response has no body: then only `finish` may follow.
  [[nodiscard]] virtual bool begin(const Forwarded& response) = 0;
  /// Whether something of the response has been sent.
  [[nodiscard]] virtual bool has_sent() const noexcept = 0;
  [[nodiscard]] virtual Task<bool> flush() = 0;
  [[nodiscard]] virtual Task<bool> write(std::string_view data) = 0;
  [[nodiscard]] virtual Task<bool> finish() = 0;
  /// The response that was begun cannot be completed: the client must not take a part for the whole.
  virtual void reset() noexcept = 0;

  /// Sends a 101 and returns the connection, which now carries another protocol; nullptr: the client cannot
  /// be reached. `early` takes what the client has sent after its request.
  [[nodiscard]] virtual Task<Transport*> switch_protocols(const http::ResponseHead& head,
                                                          std::string& early) = 0;
};

}  // namespace larder::server
