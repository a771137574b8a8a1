// Cache keys (RFC 9111 2 and 4.1).
//
// The primary key is the target URI, reduced as the route says, and the route's shape. The method is not part
// of it: what is stored answers GET and HEAD. The secondary key holds the request's values of the Vary
// fields; Origin and the route's `key.headers` count as though every answer listed them, so that an API which
// answers CORS only when asked cannot poison an entry.
#pragma once

#include "http/fields.hpp"
#include "http/gate.hpp"
#include "settings/settings.hpp"

#include <boost/container/small_vector.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

/// Replaces `out` by the primary key: `http://host/path?query`, then, where the route projects, a line feed
/// and its shape. The host is in lower case without the default port; `path` is the normalised one. A refresh
/// parameter that is a bool is left out, and so is the route's fields_param.
void write_key(std::string_view authority, std::string_view path, const http::RequestHead& head,
               const settings::Route& route, std::string& out);

/// A query without the route's refresh parameter, as far as that is a bool.
[[nodiscard]] std::string without_refresh(std::string_view query, const settings::Route& route);

struct VaryField {
  http::FieldId id = http::FieldId::unknown;
  std::string name;                  // lower case
  std::optional<std::string> value;  // normalised; nullopt = the request had none
};
/// One field, Origin, is what most have: it lies in place.
using SecondaryKey = boost::container::small_vector<VaryField, 1>;

/// The secondary key of a response to a request; nullopt for `Vary: *`. An answer that is coded counts as
/// varying by Accept-Encoding whatever it says; where larder itself asks for identity (`asks_identity`),
/// Accept-Encoding does not count at all.
[[nodiscard]] std::optional<SecondaryKey> secondary_key(http::Fields request, http::Fields response,
                                                        const settings::Route& route, bool asks_identity);

/// Whether a request has the values of the secondary key (RFC 9111 4.1).
[[nodiscard]] bool matches(const SecondaryKey& key, http::Fields request);

/// The request's lines of that name as one value: joined by commas, white space around commas gone, and in
/// lower case for Accept-Encoding, Accept-Language and Accept-Charset, whose values are case-insensitive.
/// nullopt where there is no such line.
[[nodiscard]] std::optional<std::string> normalised_value(http::Fields request, std::string_view name);

}  // namespace larder::policy
