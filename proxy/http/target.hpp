// Paths and queries of request targets (RFC 3986 3.3, 3.4), compared and taken apart without changing what
// goes upstream.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::http {

/// The path in the form in which paths are compared: percent-encoded unreserved characters decoded, the hex
/// digits of the others in upper case (RFC 3986 6.2.2). Nothing else changes: `//` stays, and dot segments
/// are left as they are (the API alone knows what it makes of them), and so is a path with a malformed
/// escape. Returns `path` itself where nothing changes, else a view into `scratch`.
[[nodiscard]] std::string_view normalise_path(std::string_view path, std::string& scratch);

/// A path or target in UTF-8, percent-encoded as RFC 3987 3.1 makes a URI of an IRI; nullopt where it is not
/// UTF-8.
[[nodiscard]] std::optional<std::string> encode_beyond_ascii(std::string_view text);

/// A route's path pattern: `/topics/` is exact, `{id}` stands for one segment that is not empty, a last
/// segment `**` for the rest, also empty (`/static/**` matches `/static/` and `/static/a/b`, not `/static`;
/// `/**` matches everything).
class PathPattern {
 public:
  /// nullopt and a message in `error` where the pattern is malformed: it must begin with '/'; `**` only last;
  /// braces only around a whole segment, with a name inside; no '?' or '#', no blank.
  [[nodiscard]] static std::optional<PathPattern> parse(std::string_view text, std::string& error);

  [[nodiscard]] bool matches(std::string_view path) const noexcept;  // of a normalised path
  /// True where every path that `other` matches is matched by this pattern too (what makes a later route
  /// unreachable).
  [[nodiscard]] bool covers(const PathPattern& other) const noexcept;
  /// Without `{}` and `**`: one path only.
  [[nodiscard]] bool is_exact() const noexcept;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  enum class Kind : unsigned char { literal, one, rest };
  struct Segment {
    Kind kind;
    std::string literal;
  };
  std::string text_;
  std::vector<Segment> segments_;
  bool exact_ = false;
};

/// Takes the next `name=value` off the front of a query. `raw` is the whole piece as sent, without `&`; a
/// piece without `=` has an empty value. Nothing is decoded. False at the end. Empty pieces (`a&&b`) are
/// returned too, with everything empty.
struct QueryPiece {
  std::string_view raw;
  std::string_view name;
  std::string_view value;
};
[[nodiscard]] bool next_query_piece(std::string_view& rest, QueryPiece& piece) noexcept;

/// Percent-decoding of a query's name or value, `+` as a blank (what FastAPI reads). Malformed escapes stay
/// as they are.
[[nodiscard]] std::string decode_query(std::string_view text);

/// The other way: everything but unreserved characters (RFC 3986 2.3) as `%XX`.
[[nodiscard]] std::string encode_query(std::string_view text);

/// How FastAPI reads a bool: `1 true t yes y on` and `0 false f no n off`, any case; nullopt for anything
/// else.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view decoded) noexcept;

}  // namespace larder::http
