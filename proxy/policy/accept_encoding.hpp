// Accept-Encoding in a cache key: which codings a request accepts, however it writes that (RFC 9110 12.5.3).
#pragma once

#include "http/fields.hpp"

#include <string>

namespace larder::policy {

/// Replaces `out` by the codings that a request accepts, in lower case, sorted, each once, joined by commas,
/// without weights; `*` where that is accepted, and then with those that are refused (`gzip;q=0`);
/// `identity;q=0` where that is refused. Identity itself is left out, and `x-gzip` is gzip. False where the
/// request has no such field, which is not the same as an empty one.
bool write_accepted_codings(http::Fields request, std::string& out);

}  // namespace larder::policy
