// Entity tags that larder made, on their way back to the API.
//
// A representation that larder changed has a tag of larder's own: for another content coding the original's
// with a suffix, for a projection a digest of the bytes. The API knows neither, so a client's If-Match,
// If-None-Match or If-Range would never match there. What the client names is the same state of the resource,
// so the API's own tag for that takes its place.
#pragma once

#include "http/coding.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larder::policy {

/// The tag of a stored representation in another content coding: its own with `-gzip`, `-br` or `-zstd` and
/// the mark of the encoder inside the quotes, as a strong tag names bytes; empty where `entity_tag` is none.
[[nodiscard]] std::string coded_tag(std::string_view entity_tag, http::Coding coding, std::string_view mark);

class TagTranslation {
 public:
  /// What clients know as `shown` (without a coding's suffix) is `original` to the API.
  void add(std::string shown, std::string original);

  /// The value of If-Match, If-None-Match or If-Range with each tag that larder made replaced. A tag with a
  /// suffix loses it, unless the API itself is known to use that tag. A date, `*`, and what is no entity tag
  /// stay.
  [[nodiscard]] std::string translate(std::string_view value) const;

  /// Of the tags in a client's If-None-Match, the one that a 304 with the tag `original` confirms: the client
  /// would not know `original`. Empty where it has sent `original` itself, or none that stands for it.
  [[nodiscard]] std::string confirmed(std::string_view if_none_match, std::string_view original) const;

 private:
  [[nodiscard]] std::string original_of(std::string_view tag) const;
  std::vector<std::pair<std::string, std::string>> tags_;
};

}  // namespace larder::policy
