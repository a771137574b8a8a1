#include "http/target.hpp"

#include "http/fields.hpp"
#include "http/text.hpp"

#include <algorithm>
#include <array>

namespace larder::http {

namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

void append_encoded(char c, std::string& out) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += digits[byte >> 4u];
  out += digits[byte & 0xFu];
}

// Decodes the percent-encoded byte at the front; nullopt if there is none.
std::optional<char> decode_front(std::string_view text) noexcept {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

// Removes the next segment from the front of a path without its leading slash; false at the end.
bool next_segment(std::string_view& rest, std::string_view& segment, bool& more) noexcept {
  if (!more) return false;
  const auto slash = rest.find('/');
  segment = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  rest = more ? rest.substr(slash + 1) : std::string_view();
  return true;
}

}  // namespace

bool is_unreserved(char c) noexcept {
  const char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

std::string_view normalise_path(std::string_view path, std::string& scratch) {
  if (path.find('%') == std::string_view::npos) return path;
  scratch.clear();
  const auto as_sent = path;
  while (!path.empty()) {
    const auto byte = decode_front(path);
    // After a malformed escape the meaning of the others is uncertain: `%4%41` must not become `%4A`.
    if (!byte && path.front() == '%') return as_sent;
    if (!byte) {
      scratch += path.front();
      path.remove_prefix(1);
      continue;
    }
    if (is_unreserved(*byte))
      scratch += *byte;
    else
      append_encoded(*byte, scratch);
    path.remove_prefix(3);
  }
  return scratch;
}

std::optional<std::string> encode_beyond_ascii(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto size = utf8_length(text);
    if (size == 0) return std::nullopt;
    for (const char c : text.substr(0, size)) {
      if (static_cast<unsigned char>(c) < 0x80)
        out += c;
      else
        append_encoded(c, out);
    }
    text.remove_prefix(size);
  }
  return out;
}

std::optional<PathPattern> PathPattern::parse(std::string_view text, std::string& error) {
  const auto refuse = [&](std::string_view why) {
    error = why;
    return std::nullopt;
  };
  if (!text.starts_with('/')) return refuse("a path must begin with '/'");
  for (const char c : text) {
    if (c == '?' || c == '#')
      return refuse(
          "a path cannot have a query or fragment; `key: {query: ...}` selects the query parameters in the "
          "cache key");
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F)
      return refuse("a path cannot have spaces or control characters; write a space as %20");
  }
  PathPattern pattern;
  pattern.text_ = text;
  pattern.exact_ = true;
  // Patterns are compared with request paths, which are percent-encoded (see encode_beyond_ascii).
  const auto encoded = encode_beyond_ascii(text);
  if (!encoded) return refuse("a path must be valid UTF-8");
  std::string_view rest = std::string_view(*encoded).substr(1);
  std::string_view segment;
  std::string scratch;
  for (bool more = true; next_segment(rest, segment, more);) {
    if (segment == "**") {
      if (more) return refuse("'**' matches the rest of a path and must be the last segment");
      pattern.segments_.push_back({Kind::rest, {}});
      pattern.exact_ = false;
    } else if (segment.starts_with('{') && segment.ends_with('}')) {
      auto name = segment.substr(1, segment.size() - 2);
      const auto kind = name.starts_with('=') ? Kind::bound : Kind::one;
      if (kind == Kind::bound) name.remove_prefix(1);
      if (name.empty()) return refuse("'" + std::string(segment) + "' must have a name inside, such as {id}");
      if (name.find_first_of("{}*=") != std::string_view::npos)
        return refuse("a name in braces cannot contain braces, '=' or '*'");
      const auto bound = pattern.names_of(Kind::bound);
      if (kind == Kind::bound && std::find(bound.begin(), bound.end(), name) != bound.end())
        return refuse("'" + std::string(segment) +
                      "' occurs twice; write one of them as another placeholder");
      pattern.segments_.push_back({kind, std::string(name)});
      pattern.exact_ = false;
    } else if (segment == "*") {
      return refuse("'*' is no pattern; write {id} for one segment, or '**' for the rest of the path");
    } else if (segment.find_first_of("{}*") != std::string_view::npos) {
      return refuse("braces and '**' must be whole segments: /topics/{id}, /static/**");
    } else {
      pattern.segments_.push_back({Kind::literal, std::string(normalise_path(segment, scratch))});
    }
  }
  return pattern;
}

bool PathPattern::matches(std::string_view path) const noexcept {
  if (!path.starts_with('/')) return false;
  if (exact_ && text_ == path) return true;
  path.remove_prefix(1);
  bool more = true;
  for (const auto& expected : segments_) {
    if (expected.kind == Kind::rest) return more;
    std::string_view segment;
    if (!next_segment(path, segment, more)) return false;
    if (expected.kind == Kind::literal ? segment != expected.text : segment.empty()) return false;
  }
  return !more;
}

bool PathPattern::covers(const PathPattern& other) const noexcept {
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].kind == Kind::rest) return i < other.segments_.size();
    if (i >= other.segments_.size()) return false;
    const auto& theirs = other.segments_[i];
    if (theirs.kind == Kind::rest) return false;
    if (segments_[i].kind != Kind::literal) {
      if (theirs.kind == Kind::literal && theirs.text.empty()) return false;
    } else if (theirs.kind != Kind::literal || theirs.text != segments_[i].text) {
      return false;
    }
  }
  return segments_.size() == other.segments_.size();
}

bool PathPattern::overlaps(const PathPattern& other) const noexcept {
  const auto is_empty = [](const Segment& segment) {
    return segment.kind == Kind::literal && segment.text.empty();
  };
  for (std::size_t i = 0;; ++i) {
    const bool ours = i < segments_.size();
    const bool theirs = i < other.segments_.size();
    if (!ours || !theirs) return ours == theirs;
    const auto& a = segments_[i];
    const auto& b = other.segments_[i];
    if (a.kind == Kind::rest || b.kind == Kind::rest) return true;
    if (a.kind == Kind::literal && b.kind == Kind::literal ? a.text != b.text : is_empty(a) || is_empty(b))
      return false;
  }
}

bool PathPattern::matches_all() const noexcept {
  return segments_.size() == 1 && segments_.front().kind == Kind::rest;
}

std::optional<std::pair<std::string, std::string>> PathPattern::foreign_placeholder() const {
  for (const auto& segment : segments_) {
    const std::string_view text = segment.text;
    if (segment.kind != Kind::literal || text.size() < 2) continue;
    const bool angles = text.front() == '<' && text.back() == '>';
    if (!angles && text.front() != ':') continue;
    auto name = text.substr(1, text.size() - (angles ? 2 : 1));
    name.remove_prefix(angles ? name.find(':') + 1 : 0);  // <int:id>
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_unreserved)) continue;
    return std::pair(segment.text, "{" + std::string(name) + "}");
  }
  return std::nullopt;
}

bool PathPattern::is_exact() const noexcept {
  return exact_;
}

std::vector<std::string> PathPattern::names_of(Kind kind) const {
  std::vector<std::string> names;
  for (const auto& segment : segments_) {
    if (segment.kind == kind) names.push_back(segment.text);
  }
  return names;
}

std::vector<std::string> PathPattern::bound_names() const {
  auto names = names_of(Kind::bound);
  std::sort(names.begin(), names.end());
  return names;
}

bool PathPattern::has_bound_names() const noexcept {
  return std::any_of(segments_.begin(), segments_.end(),
                     [](const auto& segment) { return segment.kind == Kind::bound; });
}

std::string_view PathPattern::segment_of(std::string_view name, std::string_view path) const noexcept {
  if (!path.empty()) path.remove_prefix(1);
  bool more = true;
  for (const auto& expected : segments_) {
    std::string_view segment;
    if (expected.kind == Kind::rest || !next_segment(path, segment, more)) break;
    if (expected.kind != Kind::literal && expected.text == name) return segment;
  }
  return {};
}

std::string PathPattern::bound_text(const PathPattern& other, std::string_view path) const {
  std::string out;
  std::string_view rest = std::string_view(text_).substr(std::min<std::size_t>(text_.size(), 1));
  std::string_view segment;
  std::size_t index = 0;
  for (bool more = true; next_segment(rest, segment, more); ++index) {
    const bool is_bound = index < segments_.size() && segments_[index].kind == Kind::bound;
    out += '/';
    out += is_bound ? other.segment_of(segments_[index].text, path) : segment;
  }
  return out;
}

bool next_query_piece(std::string_view& rest, QueryPiece& piece) noexcept {
  if (rest.data() == nullptr) return false;
  const auto end = rest.find('&');
  piece.raw = rest.substr(0, end);
  const auto equals = piece.raw.find('=');
  piece.name = piece.raw.substr(0, equals);
  piece.value = equals == std::string_view::npos ? std::string_view() : piece.raw.substr(equals + 1);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return true;
}

std::string decode_query(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (const auto byte = decode_front(text)) {
      out += *byte;
      text.remove_prefix(3);
      continue;
    }
    out += text.front() == '+' ? ' ' : text.front();
    text.remove_prefix(1);
  }
  return out;
}

std::string encode_query(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c))
      out += c;
    else
      append_encoded(c, out);
  }
  return out;
}

std::optional<bool> parse_bool(std::string_view decoded) noexcept {
  constexpr std::array<std::string_view, 6> yes{"1", "true", "t", "yes", "y", "on"};
  constexpr std::array<std::string_view, 6> no{"0", "false", "f", "no", "n", "off"};
  for (const auto word : yes) {
    if (iequals(decoded, word)) return true;
  }
  for (const auto word : no) {
    if (iequals(decoded, word)) return false;
  }
  return std::nullopt;
}

}  // namespace larder::http
