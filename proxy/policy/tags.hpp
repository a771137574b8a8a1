// Translates entity tags that larder generated to those of the API.
//
// A representation that larder changed has an entity tag of its own: for another content coding the API's
// with a suffix, for a projection a digest of the bytes. The API does not know these tags, so a client's
// If-Match, If-None-Match or If-Range would never match there. Each tag stands for a state of the resource
// for which the API's tag is known, so that one is sent instead.
#pragma once

#include "http/coding.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larder::policy {

/// The entity tag of a stored representation in another content coding: `-gzip`, `-br` or `-zstd` and the
/// encoder's mark are appended inside the quotes, because a strong tag must differ for different bytes. Empty
/// if `entity_tag` is not an entity tag.
[[nodiscard]] std::string coded_tag(std::string_view entity_tag, http::Coding coding, std::string_view mark);

class TagTranslation {
 public:
  /// Registers `shown`, a tag sent to clients (without a coding's suffix), and `original`, the API's tag for
  /// it.
  void add(std::string shown, std::string original);

  /// Translates the value of If-Match, If-None-Match or If-Range: each tag that larder generated is replaced.
  /// A coding's suffix is removed, unless the API itself uses that tag. Dates, `*` and invalid tags are left
  /// as they are.
  [[nodiscard]] std::string translate(std::string_view value) const;

  /// The tag in a client's If-None-Match that a 304 with the tag `original` confirms; the 304 must carry it,
  /// as the client does not know `original`. Empty if the client sent `original` itself, or no tag that
  /// stands for it.
  [[nodiscard]] std::string confirmed(std::string_view if_none_match, std::string_view original) const;

 private:
  [[nodiscard]] std::string original_of(std::string_view tag) const;
  std::vector<std::pair<std::string, std::string>> tags_;
};

}  // namespace larder::policy
