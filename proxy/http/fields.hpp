// Field lines of a message.
//
// A Field is a pair of views into bytes that it does not own: the connection's read buffer while a request is
// handled, or the OwnedHead of a fetched response. Nothing here copies.
#pragma once

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>

#include <cstdint>
#include <optional>
#include <ostream>  // Beast's header below needs the complete type
#include <span>
#include <string_view>

namespace larder::http {

using FieldId = boost::beast::http::field;  // `unknown` for a name that Beast does not know
using Method = boost::beast::http::verb;    // `unknown` for an extension method

struct Field {
  FieldId id = FieldId::unknown;
  std::string_view name;   // as sent
  std::string_view value;  // without the white space around it
};

using Fields = std::span<const Field>;

/// ASCII only: field names, tokens and schemes have no other letters.
[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;

/// The first field line of that name; nullptr if there is none.
[[nodiscard]] const Field* find(Fields fields, FieldId id) noexcept;
[[nodiscard]] const Field* find(Fields fields, std::string_view name) noexcept;
[[nodiscard]] std::size_t count(Fields fields, FieldId id) noexcept;

/// Whether `line` has that name. Also works for names that have no FieldId.
[[nodiscard]] bool has_name(const Field& line, std::string_view name) noexcept;

/// Whether the field applies to one connection only and must be neither stored nor forwarded (RFC 9110
/// 7.6.1): Connection, Proxy-Connection, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade,
/// Proxy-Authenticate, Proxy-Authorization and Proxy-Authentication-Info. Further fields may be listed in
/// Connection; those are not tested here.
[[nodiscard]] bool is_hop_by_hop(const Field& line) noexcept;

/// Whether a method is safe (RFC 9110 9.2.1; QUERY: RFC 10008; PROPFIND, REPORT and SEARCH: WebDAV) or
/// idempotent (9.2.2). `name` is the method as sent, which identifies methods that Beast does not know. Any
/// other unknown method is neither.
[[nodiscard]] bool is_safe(Method method, std::string_view name) noexcept;
[[nodiscard]] bool is_idempotent(Method method, std::string_view name) noexcept;

}  // namespace larder::http
