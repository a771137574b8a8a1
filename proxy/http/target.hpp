// Parsing and comparison of paths and queries of request targets (RFC 3986 3.3, 3.4). What is sent to the API
// is not changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::http {

/// The normal form in which paths are compared (RFC 3986 6.2.2): percent-encoded unreserved characters are
/// decoded, hexadecimal digits of other escapes are in upper case. `//` and dot segments are kept, because
/// only the API knows how it resolves them. A path with a malformed escape is returned as it is. Returns
/// `path` itself if nothing changes, else a view into `scratch`.
[[nodiscard]] std::string_view normalise_path(std::string_view path, std::string& scratch);

/// Percent-encodes the non-ASCII characters of a path or target, as RFC 3987 3.1 maps an IRI to a URI;
/// nullopt if the text is not valid UTF-8.
[[nodiscard]] std::optional<std::string> encode_beyond_ascii(std::string_view text);

/// A route's path pattern. `/topics/` matches only itself; `{id}` matches one non-empty segment; `**` as the
/// last segment matches the rest, which may be empty: `/static/**` matches `/static/` and `/static/a/b`, but
/// not `/static`; `/**` matches every path.
class PathPattern {
 public:
  /// Parses a pattern; nullopt with a message in `error` if it is malformed. A pattern must begin with '/',
  /// may have `**` only as its last segment and braces only around a whole segment with a name inside, and
  /// has no '?', '#' or space.
  [[nodiscard]] static std::optional<PathPattern> parse(std::string_view text, std::string& error);

  [[nodiscard]] bool matches(std::string_view path) const noexcept;  // `path` must be normalised
  /// Whether this pattern matches every path that `other` matches. A later route with such a pattern is
  /// unreachable.
  [[nodiscard]] bool covers(const PathPattern& other) const noexcept;
  /// Whether the pattern has neither `{}` nor `**`, so that it matches one path only.
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

/// One `name=value` of a query, not decoded. `raw` is the whole piece as sent, without `&`. A piece without
/// `=` has an empty value.
struct QueryPiece {
  std::string_view raw;
  std::string_view name;
  std::string_view value;
};
/// Removes the next piece from the front of a query. Returns false at the end. Empty pieces (`a&&b`) are
/// returned as well, with all members empty.
[[nodiscard]] bool next_query_piece(std::string_view& rest, QueryPiece& piece) noexcept;

/// Percent-decodes a query's name or value; `+` becomes a space, as in FastAPI. Malformed escapes are left as
/// they are.
[[nodiscard]] std::string decode_query(std::string_view text);

/// RFC 3986 2.3: a letter, a digit, or one of - . _ ~
[[nodiscard]] bool is_unreserved(char c) noexcept;

/// Percent-encodes everything but unreserved characters (RFC 3986 2.3).
[[nodiscard]] std::string encode_query(std::string_view text);

/// Parses a boolean like FastAPI: `1 true t yes y on` and `0 false f no n off`, case-insensitively; nullopt
/// for anything else.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view decoded) noexcept;

}  // namespace larder::http
