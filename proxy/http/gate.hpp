// The gate: a strict parser of message heads. Takes bytes; returns views of a validated head, or the reason
// for refusing it.
//
// Beast's parser checks the grammar. The gate also refuses what Beast accepts but two programs could parse
// differently (design, section 8): folded lines, bare CR or LF, NUL, ambiguous framing, more than one Host. A
// head that passes has one meaning only, so the message that larder forwards has that meaning as well (RFC
// 9112 3, 5, 6, 11).
#pragma once

#include "http/fields.hpp"
#include "http/host.hpp"
#include "http/limits.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::http {

/// Why a message is refused, one value for each defect. `describe` gives a sentence for it, `status_of` the
/// status of the response.
enum class Refusal : std::uint8_t {
  bad_start_line,
  bad_method,
  method_too_long,         // 501
  method_not_implemented,  // 501: CONNECT; larder is not a forward proxy
  bad_target,
  target_too_long,  // 414
  bad_version,
  version_not_supported,  // 505: HTTP/2.0, HTTP/0.9, HTTP/1.2, ...
  bad_status,             // a response's status code is not three digits from 100 to 599
  head_too_large,         // 431
  field_too_large,        // 431
  too_many_fields,        // 431
  bad_field_name,
  space_before_colon,  // RFC 9112 5.1
  bad_field_value,     // NUL or another control character
  folded_line,         // obs-fold, RFC 9112 5.2
  bare_cr,
  bare_lf,
  missing_host,  // HTTP/1.1 without Host, RFC 9112 3.2
  several_hosts,
  bad_host,
  host_mismatch,  // the authority of an absolute-form target differs from Host
  bad_content_length,
  several_content_lengths,  // also if they are equal
  length_with_transfer_encoding,
  transfer_encoding_in_http10,
  transfer_coding_not_implemented,  // 501: a coding other than chunked
  bad_transfer_encoding,            // chunked twice, chunked not last, an empty list, or a parameter
  bad_chunk,
  chunk_extension_too_long,
  trailer_too_large,  // 431
  framing_in_trailer,
  expectation_failed,  // 417: an Expect other than 100-continue
  body_too_large,      // 413
  scheme_mismatch,     // an absolute-form target's scheme is not that of the connection
  misdirected,         // 421: the connection's TLS certificate is not that of the host (RFC 9110 15.5.20)
};

/// A sentence that describes the defect to the sender: "there is more than one Host field".
[[nodiscard]] std::string_view describe(Refusal reason) noexcept;
/// The enumerator's name, for logs and metrics: "several_hosts".
[[nodiscard]] std::string_view name_of(Refusal reason) noexcept;
/// The status of the response to a refused request: 400, 413, 414, 417, 421, 431, 501 or 505.
[[nodiscard]] int status_of(Refusal reason) noexcept;

/// How the end of a body is determined (RFC 9112 6.3).
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // bytes, for Kind::length
};

/// A parsed request head. Its views point into the parsed bytes, which must neither move nor change. Meant to
/// be reused for several requests, so that `fields` keeps its capacity.
struct RequestHead {
  Method method = Method::unknown;
  std::string_view method_name;
  std::string_view target;       // as sent
  std::string_view path;         // begins with '/', or is "*" (OPTIONS); without query, not decoded
  std::string_view query;        // without '?'
  bool has_query = false;        // `/a?` has an empty query, `/a` has none
  std::optional<Scheme> scheme;  // of an absolute-form target
  std::string_view authority;    // from Host or an absolute-form target; empty only in HTTP/1.0
  int minor_version = 1;         // HTTP/1.x
  /// Without the fields that Connection lists (RFC 9110 7.6.1); what they say about framing and target is in
  /// the other members.
  std::vector<Field> fields;
  Framing framing;
  bool keep_alive = true;        // persistence requested by version and Connection (RFC 9112 9.3)
  bool expect_continue = false;  // RFC 9110 10.1.1; never for HTTP/1.0
  bool upgrade = false;          // Connection lists `upgrade` and there is an Upgrade field
  /// If the target was sent with non-ASCII UTF-8 (not allowed by RFC 3986, but sent by browsers and scripts),
  /// the percent-encoded target that `path` and `query` point into. Else nullptr.
  std::shared_ptr<const std::string> encoded_target;
  /// The name of the first field that was removed because of an underscore (Limits::underscores); else empty.
  std::string_view dropped_field;
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;  // the reason phrase, may be empty
  int minor_version = 1;
  std::vector<Field> fields;
  Framing framing;  // depends on the method of the request
  bool keep_alive = true;
  bool upgrade = false;  // 101 with Connection: upgrade
};

/// The result of parsing a head.
struct GateResult {
  enum class State : std::uint8_t { need_more, complete, refused };
  State state = State::need_more;
  std::size_t head_size = 0;       // bytes of the head with its empty line, when complete
  std::optional<Refusal> refusal;  // when refused
};

/// Parses a request's head at the front of `bytes`. One empty line before the request line is skipped (RFC
/// 9112 2.2) and counted in head_size. A head that exceeds its limits is refused as soon as that is certain,
/// so a caller never needs a buffer larger than limits.head.
[[nodiscard]] GateResult read_request(std::string_view bytes, const Limits& limits, RequestHead& out);

/// Whether the request at the front of `bytes` is a HEAD, judging by its method only. For use with a refused
/// request: nothing else of it is reliable, and the response to a HEAD must not have a body (RFC 9110 9.3.2).
[[nodiscard]] bool is_for_head(std::string_view bytes) noexcept;

/// Parses a response's head. `request_method` determines the framing: responses to HEAD have no body, nor do
/// 1xx, 204 and 304 (RFC 9112 6.3); after a 101 the new protocol follows. Content-Encoding lines that list
/// only `identity` are removed from the fields.
[[nodiscard]] GateResult read_response(std::string_view bytes, const Limits& limits, Method request_method,
                                       ResponseHead& out);

}  // namespace larder::http
