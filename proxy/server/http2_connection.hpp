// An HTTP/2 connection of a client (RFC 9113): nghttp2 between its bytes and its streams.
//
// A Session that has become HTTP/2 owns one, gives it input, and is told when something has ended. Requests
// are begun after the input that brought them has been read whole, because nghttp2 must not be entered again
// from its callbacks. What the streams send is collected and written together. Belongs to one loop.
#pragma once

#include "net/flood_guard.hpp"
#include "server/client.hpp"
#include "server/http2_stream.hpp"
#include "server/listener.hpp"
#include "server/worker.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace larder::server {

/// For all connections. Throws std::bad_alloc.
[[nodiscard]] const nghttp2_session_callbacks* http2_callbacks();

class Http2Connection {
 public:
  class Owner {
   public:
    /// Takes off the head what the peer may not say; a reason if the request must not be served here.
    [[nodiscard]] virtual std::optional<http::Refusal> judge(http::RequestHead& head) = 0;
    /// A stream, or a wait to write, has ended outside `receive`: the connection may be idle, or over.
    virtual void on_http2_progress() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  /// Sends the server's preface with the next `flush`. Throws std::bad_alloc.
  Http2Connection(Worker& worker, Client& client, const policy::Arrival& arrival, const ListenerRules& rules,
                  Owner& owner);
  /// Nothing of it may be running.
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  /// Reads input, whole, and begins the requests in it. False: the connection is broken or to be ended.
  [[nodiscard]] bool receive(std::string_view bytes);
  /// Writes what there is, as far as the client takes it. Afterwards the connection may be over.
  void flush() noexcept;

  /// No stream is open, and nothing waits to be written.
  [[nodiscard]] bool is_quiet() const noexcept { return streams_.empty() && running_ == 0 && out_.empty(); }
  /// The field section of a request has begun, and is not complete.
  [[nodiscard]] bool reads_head() const noexcept { return heads_under_way_ > 0; }
  /// Nothing more will be sent or received.
  [[nodiscard]] bool is_over() const noexcept;
  /// A coroutine refers to it: it must be abandoned before it is destroyed, and `on_http2_progress` awaited.
  [[nodiscard]] bool is_running() const noexcept { return running_ > 0; }
  [[nodiscard]] std::size_t answered() const noexcept { return answered_; }

  /// No new streams (RFC 9113 6.8): first announced, so that requests on their way are still served.
  void announce_end();
  void refuse_new_streams();
  /// The connection is gone: ends all streams.
  void abandon() noexcept;

  // For streams.
  [[nodiscard]] nghttp2_session* session() noexcept { return session_; }
  [[nodiscard]] Worker& worker() noexcept { return worker_; }
  [[nodiscard]] const ListenerRules& rules() const noexcept { return rules_; }
  [[nodiscard]] const policy::Arrival& arrival() const noexcept { return arrival_; }
  /// Runs a task that refers to the connection, and to the stream if that is not nullptr.
  void run(std::string_view name, Task<void> task, Http2Stream* stream);
  /// The stream's body is being read: lets the client send up to limits.buffer of it, as far as the
  /// connection has room. With the next `flush`.
  void grant_window(Http2Stream& stream) noexcept;

 private:
  friend struct Http2Callbacks;
  static constexpr std::size_t output_bound = 64 * 1024;
  // What a client earns by a request, or by taking a DATA frame, of controls_: WINDOW_UPDATE above all.
  static constexpr double controls_for_a_frame = 3;

  [[nodiscard]] bool write_out();
  [[nodiscard]] Task<void> write_when_possible();
  [[nodiscard]] bool collect();
  void await_replies();
  void begin_ready();
  void begin_request(Http2Stream& stream);
  void refuse(Http2Stream& stream, http::Refusal reason);
  void end_if_done(Http2Stream& stream) noexcept;
  void note_received(const nghttp2_frame& frame);
  /// False: the client has sent too many of these.
  void settings_are_known() noexcept;
  void note_reset() noexcept;
  void note_control() noexcept;
  void terminate(std::uint32_t code) noexcept;

  Worker& worker_;
  Client& client_;
  const policy::Arrival& arrival_;
  const ListenerRules& rules_;
  Owner& owner_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::unique_ptr<Http2Stream>> streams_;
  std::vector<std::int32_t> ready_;    // whose requests are complete up to their bodies
  std::vector<std::int32_t> replied_;  // in this turn
  std::string out_;
  std::size_t out_at_ = 0;  // written of it
  std::size_t running_ = 0;
  std::size_t answered_ = 0;
  std::size_t heads_under_way_ = 0;
  FloodGuard resets_;
  FloodGuard controls_;
  std::size_t window_of_stream_;   // bytes, of one that is not read
  std::size_t grants_left_;        // bytes
  std::size_t expanded_ = 0;       // bytes of the fields of the section under way
  std::size_t continuations_ = 0;  // of the field section under way
  bool is_entered_ = false;        // inside nghttp2
  bool is_waiting_to_write_ = false;
  bool is_broken_ = false;
  bool is_terminated_ = false;
  bool knows_settings_ = false;  // the client
};

}  // namespace larder::server
