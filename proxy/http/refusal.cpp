// A table of the refusals: name, status and sentence of each.
#include "http/gate.hpp"

#include <array>

namespace larder::http {

namespace {

struct Row {
  Refusal reason;
  int status;
  std::string_view name;
  std::string_view sentence;
};

constexpr std::array rows{
    Row{Refusal::bad_start_line, 400, "bad_start_line", "the start line is not valid HTTP"},
    Row{Refusal::bad_method, 400, "bad_method", "the method is not a token"},
    Row{Refusal::method_too_long, 501, "method_too_long", "the method's name is longer than limits.method"},
    Row{Refusal::method_not_implemented, 501, "method_not_implemented", "CONNECT is not supported"},
    Row{Refusal::bad_target, 400, "bad_target", "the request target is malformed"},
    Row{Refusal::target_too_long, 414, "target_too_long", "the request target is longer than limits.target"},
    Row{Refusal::bad_version, 400, "bad_version", "the HTTP version is malformed"},
    Row{Refusal::version_not_supported, 505, "version_not_supported",
        "the HTTP version is neither 1.0 nor 1.1"},
    Row{Refusal::bad_status, 400, "bad_status", "the status code is not three digits from 100 to 599"},
    Row{Refusal::head_too_large, 431, "head_too_large", "the head is larger than limits.head"},
    Row{Refusal::field_too_large, 431, "field_too_large", "a field line is longer than limits.field"},
    Row{Refusal::too_many_fields, 431, "too_many_fields", "there are more field lines than limits.fields"},
    Row{Refusal::bad_field_name, 400, "bad_field_name", "a field name is not a token"},
    Row{Refusal::space_before_colon, 400, "space_before_colon",
        "there is white space between a field name and its colon"},
    Row{Refusal::bad_field_value, 400, "bad_field_value", "a field value has a control character"},
    Row{Refusal::folded_line, 400, "folded_line", "a field line is folded"},
    Row{Refusal::bare_cr, 400, "bare_cr", "there is a CR without LF"},
    Row{Refusal::bare_lf, 400, "bare_lf", "there is an LF without CR"},
    Row{Refusal::missing_host, 400, "missing_host", "there is no Host field"},
    Row{Refusal::several_hosts, 400, "several_hosts", "there is more than one Host field"},
    Row{Refusal::bad_host, 400, "bad_host", "the Host field is not a host with an optional port"},
    Row{Refusal::host_mismatch, 400, "host_mismatch", "the target and the Host field name different hosts"},
    Row{Refusal::bad_content_length, 400, "bad_content_length", "Content-Length is not a number"},
    Row{Refusal::several_content_lengths, 400, "several_content_lengths",
        "there is more than one Content-Length"},
    Row{Refusal::length_with_transfer_encoding, 400, "length_with_transfer_encoding",
        "there is both a Content-Length and a Transfer-Encoding"},
    Row{Refusal::transfer_encoding_in_http10, 400, "transfer_encoding_in_http10",
        "Transfer-Encoding is not allowed in HTTP/1.0"},
    Row{Refusal::transfer_coding_not_implemented, 501, "transfer_coding_not_implemented",
        "a transfer coding other than chunked is not supported"},
    Row{Refusal::bad_transfer_encoding, 400, "bad_transfer_encoding",
        "Transfer-Encoding is not exactly chunked"},
    Row{Refusal::bad_chunk, 400, "bad_chunk", "a chunk of the body is malformed"},
    Row{Refusal::chunk_extension_too_long, 400, "chunk_extension_too_long",
        "a chunk's extensions are longer than limits.chunk_extension"},
    Row{Refusal::trailer_too_large, 431, "trailer_too_large", "the trailers are larger than limits.trailers"},
    Row{Refusal::framing_in_trailer, 400, "framing_in_trailer",
        "a trailer field is allowed only in the head"},
    Row{Refusal::expectation_failed, 417, "expectation_failed",
        "an Expect other than 100-continue is not supported"},
    Row{Refusal::body_too_large, 413, "body_too_large", "the body is larger than limits.body"},
    Row{Refusal::scheme_mismatch, 400, "scheme_mismatch",
        "the scheme of the request target is not that of the connection"},
    Row{Refusal::misdirected, 421, "misdirected",
        "the TLS connection was made for another host; use a connection of its own for this one"},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (static_cast<std::size_t>(rows[i].reason) != i) return false;
  }
  return rows.size() == static_cast<std::size_t>(Refusal::misdirected) + 1;
}
static_assert(is_in_order(), "one row for each reason, in the order of the enum");

const Row& row_of(Refusal reason) noexcept {
  return rows[static_cast<std::size_t>(reason)];
}

}  // namespace

std::string_view describe(Refusal reason) noexcept {
  return row_of(reason).sentence;
}
std::string_view name_of(Refusal reason) noexcept {
  return row_of(reason).name;
}
int status_of(Refusal reason) noexcept {
  return row_of(reason).status;
}

}  // namespace larder::http
