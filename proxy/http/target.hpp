// Parsing and comparison of paths and queries of request targets (RFC 3986 3.3, 3.4). What is sent to the API
// is not changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
///
/// `{=id}` is a bound placeholder, for a pattern that goes with another one: it matches like `{id}`, and what
/// it matches is compared with what `{id}` of the other pattern matches in another path.
class PathPattern {
 public:
  /// Parses a pattern; nullopt with a message in `error` if it is malformed. A pattern must begin with '/',
  /// may have `**` only as its last segment and braces only around a whole segment with a name inside, and
  /// has no '?', '#' or space. A name of a bound placeholder occurs only once.
  [[nodiscard]] static std::optional<PathPattern> parse(std::string_view text, std::string& error);

  [[nodiscard]] bool matches(std::string_view path) const noexcept;  // `path` must be normalised
  /// Whether this pattern matches every path that `other` matches. A later route with such a pattern is
  /// unreachable.
  [[nodiscard]] bool covers(const PathPattern& other) const noexcept;
  /// Whether some path matches both patterns.
  [[nodiscard]] bool overlaps(const PathPattern& other) const noexcept;
  /// Whether the pattern matches every path: `/**`.
  [[nodiscard]] bool matches_all() const noexcept;
  /// A literal segment that is a placeholder in other programs' patterns (`:id`, `<id>`), and how it is
  /// written here; nullopt if there is none.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> foreign_placeholder() const;
  /// Whether the pattern has neither `{}` nor `**`, so that it matches one path only.
  [[nodiscard]] bool is_exact() const noexcept;
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The names of the placeholders `{name}`, in the order of the path.
  [[nodiscard]] std::vector<std::string> names() const { return names_of(Kind::one); }
  /// The names of the bound placeholders `{=name}`, sorted.
  [[nodiscard]] std::vector<std::string> bound_names() const;
  [[nodiscard]] bool has_bound_names() const noexcept;
  /// The segment of `path` that the first `{name}` or `{=name}` matches; empty if there is no such
  /// placeholder. The pattern must match `path`, which the result refers to.
  [[nodiscard]] std::string_view segment_of(std::string_view name, std::string_view path) const noexcept;
  /// The pattern's text with each `{=name}` replaced by what `{name}` of `other` matches in `path`.
  [[nodiscard]] std::string bound_text(const PathPattern& other, std::string_view path) const;

 private:
  enum class Kind : unsigned char { literal, one, bound, rest };
  struct Segment {
    Kind kind;
    std::string text;  // the literal, or the placeholder's name
  };
  [[nodiscard]] std::vector<std::string> names_of(Kind kind) const;

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
