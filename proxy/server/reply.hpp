// Heads and small responses that larder writes to clients.
#pragma once

#include "http/gate.hpp"
#include "http/range.hpp"
#include "policy/outcome.hpp"
#include "server/stream.hpp"
#include "store/head.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace larder::server {

/// How the client's connection goes on after the response.
struct Persistence {
  bool keep_alive = true;
  int minor_version = 1;       // the client's
  std::string_view hsts = {};  // as in ListenerRules
};

/// The lines that belong to the connection: `Connection: close` or, for HTTP/1.0, `Connection: keep-alive`,
/// where it has to be said, and Strict-Transport-Security.
void append_connection(const Persistence& persistence, std::string& out);

/// Age, with its line end.
void append_age_line(Millis age, std::string& out);
/// Cache-Status for that outcome, with its line end. `key` is empty where it is not to be shown.
void append_cache_status_line(const policy::Outcome& outcome, std::string_view key, std::string& out);

/// Replaces `out` by the head of a forwarded final response: the API's fields as they came, less hop-by-hop
/// ones and its framing; Via and Cache-Status added; `framing` is larder's own towards this client. A
/// non-empty `entity_tag` takes the place of the API's; a non-empty `request_id` is X-Request-ID where the
/// API sends none.
void write_forwarded_head(const http::ResponseHead& head, std::string_view entity_tag,
                          const http::Framing& framing, bool answers_head, const policy::Outcome& outcome,
                          std::string_view key, std::string_view request_id, const Persistence& persistence,
                          std::string& out);

/// The value of Content-Range (RFC 9110 14.4). `complete` is the size of the whole, where it is known.
[[nodiscard]] std::string content_range(const http::ByteRange& range, std::optional<std::uint64_t> complete);
/// The head of a 206 with `size` bytes, from the head of the stored response: all of its fields but for the
/// length and the digests of its content (RFC 9110 15.3.7).
[[nodiscard]] store::MadeHead make_part_head(const store::HeadView& stored, std::string_view content_range,
                                             std::uint64_t size);
/// The head of a 304 in place of the stored response, with another entity tag.
[[nodiscard]] store::MadeHead make_tagged_head_304(const store::HeadView& stored,
                                                   std::string_view entity_tag);
/// The head of a 416 (RFC 9110 15.5.17). `complete` is the size of the whole, where it is known.
[[nodiscard]] store::MadeHead make_unsatisfiable_head(std::optional<std::uint64_t> complete);

/// Replaces `out` by the 101 that begins a tunnel.
void write_upgrade_head(const http::ResponseHead& head, std::string& out);

/// A response of larder's own (RFC 9457).
struct Problem {
  int status = 500;
  std::string detail;
  std::optional<int> retry_after;  // seconds
};

/// A response of larder's own as a whole.
struct OwnReply {
  int status = 200;
  store::MadeHead head;
  std::string body;

  /// A view, which the OwnReply must outlive. `outcome` may be nullptr.
  [[nodiscard]] Reply reply(const policy::Outcome* outcome, bool answers_head) const noexcept;
};
/// `application/problem+json`.
[[nodiscard]] OwnReply make_problem(const Problem& problem);
/// Replaces `out` by a 308 to that URL, after which the connection is closed.
void write_redirect(std::string_view location, const policy::Outcome& outcome, std::string& out);
/// The 200 to an OPTIONS or TRACE whose final recipient larder is (RFC 9110 9.3.7, 9.3.8).
[[nodiscard]] OwnReply make_final_answer(std::string_view content_type, std::string body);

/// What Cache-Status says of a request that larder refuses.
[[nodiscard]] policy::Outcome refused() noexcept;

/// Replaces `out` by a whole HTTP/1 response; the body is left out where it `answers_head`. Without `outcome`
/// it has no Cache-Status.
void write_problem(const Problem& problem, bool answers_head, const Persistence& persistence,
                   const policy::Outcome* outcome, std::string& out);

/// The reason phrase of RFC 9110 15 for the statuses that larder itself answers with.
[[nodiscard]] std::string_view reason_of(int status) noexcept;

/// Appends `text` as the inside of a JSON string; bytes that are no UTF-8 become U+FFFD.
void append_json(std::string_view text, std::string& out);

}  // namespace larder::server
