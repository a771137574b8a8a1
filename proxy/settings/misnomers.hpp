// Remedies for words that users of other proxies, or of other versions, write. Spelling mistakes are found
// by nearest() instead. Internal to this module.
#pragma once

#include "settings/scalar.hpp"

namespace larder::settings {

/// What to write in place of a key that does not exist at that level (Level::where), as the end of a message:
/// `did you mean 'timeouts'?`. Empty if the key is not a common mistake.
[[nodiscard]] std::string_view remedy_for_key(std::string_view key, std::string_view where);

/// The one of the allowed words that a common other word means: `warning` for `warn`, `true` or `auto` for
/// `yes`. Empty if there is none.
[[nodiscard]] std::string_view meant_word(std::string_view written, const Words& allowed);

/// Whether the word names a content coding. Users write it where larder has `auto`.
[[nodiscard]] bool is_coding_name(std::string_view word);

}  // namespace larder::settings
