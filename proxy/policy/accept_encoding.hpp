// Normalises Accept-Encoding for cache keys: requests that accept the same codings get the same text (RFC
// 9110 12.5.3).
#pragma once

#include "http/fields.hpp"

#include <string>

namespace larder::policy {

/// Writes to `out` the codings that a request accepts: lower case, sorted, without duplicates or weights,
/// separated by commas. If `*` is accepted, the list has `*` and the codings that are refused (`gzip;q=0`).
/// `identity` is left out, unless it is refused (`identity;q=0`); `x-gzip` is written as `gzip`. Returns
/// false if the request has no Accept-Encoding, which is not the same as an empty one.
bool write_accepted_codings(http::Fields request, std::string& out);

}  // namespace larder::policy
