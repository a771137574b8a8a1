// The strict gate: bytes of a message's head in; views of a checked head, or the reason why it is refused,
// out.
//
// Beast's parser reads the grammar. What it lets pass and a proxy must not (design, section 8) is refused
// here: folded lines, bare CR or LF, NUL, framing that two readers could understand in two ways, more than
// one Host. What the gate lets through has one meaning, so whatever larder sends on has that meaning too (RFC
// 9112 sections 3, 5, 6 and 11).
#pragma once

#include "http/fields.hpp"
#include "http/limits.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::http {

/// Why a message is refused. Each names one defect; `describe` has its sentence and `status_of` its answer.
enum class Refusal : std::uint8_t {
  bad_start_line,
  bad_method,
  method_too_long,         // 501
  method_not_implemented,  // 501: CONNECT; larder is no forward proxy
  bad_target,
  target_too_long,  // 414
  bad_version,
  version_not_supported,  // 505: HTTP/2.0, HTTP/0.9, ...; HTTP/1.2 and above 1.1 too
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
  host_mismatch,  // the authority of an absolute-form target is not the Host
  bad_content_length,
  several_content_lengths,  // even when equal: one framing
  length_with_transfer_encoding,
  transfer_encoding_in_http10,
  transfer_coding_not_implemented,  // 501: a coding other than chunked
  bad_transfer_encoding,            // chunked twice, chunked not last, an empty list, a parameter
  bad_chunk,
  chunk_extension_too_long,
  trailer_too_large,  // 431
  framing_in_trailer,
  expectation_failed,  // 417: an Expect other than 100-continue
  body_too_large,      // 413
};

/// A one-line meaning, to be read by whoever sent the message: "two Host fields", "a line is folded", ...
[[nodiscard]] std::string_view describe(Refusal reason) noexcept;
/// The enum's own name, for logs and metrics: "several_hosts".
[[nodiscard]] std::string_view name_of(Refusal reason) noexcept;
/// The status that a refused request is answered with: 400, 413, 414, 417, 431, 501 or 505.
[[nodiscard]] int status_of(Refusal reason) noexcept;

/// How the end of a body is found (RFC 9112 6.3).
struct Framing {
  enum class Kind : std::uint8_t { none, length, chunked, until_close };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // bytes, for Kind::length
};

/// Views into the bytes that were parsed; valid as long as those stay where they are. Reused from request to
/// request, so that `fields` keeps its capacity.
struct RequestHead {
  Method method = Method::unknown;
  std::string_view method_name;
  std::string_view target;  // as sent
  std::string_view path;    // always begins with '/', or is "*" (OPTIONS); without query. Raw, not decoded.
  std::string_view query;   // without '?'
  bool has_query = false;   // `/a?` has an empty query, `/a` has none
  std::string_view authority;  // of the Host field or of an absolute-form target; empty only in HTTP/1.0
  int minor_version = 1;       // HTTP/1.x
  /// Without those that Connection lists (RFC 9110 7.6.1): what they said of this message's framing and
  /// target is in the other members.
  std::vector<Field> fields;
  Framing framing;
  bool keep_alive = true;        // persistence asked for by version and Connection (RFC 9112 9.3)
  bool expect_continue = false;  // RFC 9110 10.1.1; never for HTTP/1.0
  bool upgrade = false;          // Connection lists `upgrade` and there is an Upgrade field
  /// What path and query view where the target came with UTF-8 outside ASCII, which RFC 3986 does not
  /// allow and browsers' address bars and many scripts send: the same, percent-encoded. Else nullptr.
  std::shared_ptr<const std::string> encoded_target;
  /// The first field that was left out as its name has an underscore (Limits::underscores); else empty.
  std::string_view dropped_field;
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;  // the reason phrase, may be empty
  int minor_version = 1;
  std::vector<Field> fields;
  Framing framing;  // for the request it answers
  bool keep_alive = true;
  bool upgrade = false;  // 101 with Connection: upgrade
};

/// What reading a head came to.
struct GateResult {
  enum class State : std::uint8_t { need_more, complete, refused };
  State state = State::need_more;
  std::size_t head_size = 0;       // bytes of the head with its empty line, when complete
  std::optional<Refusal> refusal;  // when refused
};

/// Reads a request's head from the front of `bytes`. An empty line before the request line is skipped (RFC
/// 9112 2.2; one CRLF at the most) and counts in head_size. A head that grows past its limits is refused as
/// soon as that is certain, so a caller never needs a buffer larger than limits.head.
[[nodiscard]] GateResult read_request(std::string_view bytes, const Limits& limits, RequestHead& out);

/// Whether the request that these bytes begin with is a HEAD, as far as its method tells. Of a request that
/// is refused nothing else can be relied on, and the answer to a HEAD has no body (RFC 9110 9.3.2).
[[nodiscard]] bool is_for_head(std::string_view bytes) noexcept;

/// Reads a response's head. `request_method` decides the framing: no body answers HEAD (RFC 9112 6.3).
/// Statuses 1xx, 204 and 304 have none either; 101 likewise (what follows is the new protocol's).
/// Content-Encoding lines that say `identity` alone are left out of the fields.
[[nodiscard]] GateResult read_response(std::string_view bytes, const Limits& limits, Method request_method,
                                       ResponseHead& out);

}  // namespace larder::http
