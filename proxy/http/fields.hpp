// Field lines as they stand in a message.
//
// A Field is a pair of views into bytes that somebody else owns: the connection's read buffer while a request
// is being answered, or the OwnedHead that a fetched response keeps. Nothing here copies.
#pragma once

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>

#include <cstdint>
#include <optional>
#include <ostream>  // Beast's header below wants it whole
#include <span>
#include <string_view>

namespace larder::http {

using FieldId = boost::beast::http::field;  // `unknown` for a name outside Beast's table
using Method = boost::beast::http::verb;    // `unknown` for an extension method

struct Field {
  FieldId id = FieldId::unknown;
  std::string_view name;   // as sent
  std::string_view value;  // without the white space around it
};

using Fields = std::span<const Field>;

/// ASCII letters alone are folded: field names, tokens and schemes are never anything else.
[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
[[nodiscard]] bool iequals(std::string_view a, std::string_view b) noexcept;

/// The first field line of that name, or nullptr.
[[nodiscard]] const Field* find(Fields fields, FieldId id) noexcept;
[[nodiscard]] const Field* find(Fields fields, std::string_view name) noexcept;
[[nodiscard]] std::size_t count(Fields fields, FieldId id) noexcept;

/// True where `line` is a field of that name, whether or not Beast has a number for it.
[[nodiscard]] bool has_name(const Field& line, std::string_view name) noexcept;

/// Fields that belong to one connection and are neither stored nor forwarded (RFC 9110 7.6.1), apart from
/// those that a Connection field lists besides: Connection, Proxy-Connection, Keep-Alive, TE, Trailer,
/// Transfer-Encoding, Upgrade and, as they speak to this hop alone, Proxy-Authenticate, Proxy-Authorization
/// and Proxy-Authentication-Info.
[[nodiscard]] bool is_hop_by_hop(const Field& line) noexcept;

/// Safe methods (RFC 9110 9.2.1; QUERY: RFC 10008; PROPFIND, REPORT and SEARCH: WebDAV) and idempotent ones
/// (9.2.2). `name` is the method's own, which tells those apart that Beast has no number for. Any other
/// method is neither.
[[nodiscard]] bool is_safe(Method method, std::string_view name) noexcept;
[[nodiscard]] bool is_idempotent(Method method, std::string_view name) noexcept;

}  // namespace larder::http
