#include "tiers/database.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::tiers {

void check(sqlite3* database, int code) {
  if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
    throw SqlError(code, database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code));
}

std::string digest_of(std::initializer_list<std::string_view> pieces) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  for (const auto piece : pieces) {
    const auto size = static_cast<std::uint64_t>(piece.size());
    XXH3_128bits_update(&state, &size, sizeof size);
    XXH3_128bits_update(&state, piece.data(), piece.size());
  }
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
  return {reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest};
}

}  // namespace larder::tiers
