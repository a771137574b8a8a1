// Cache keys (RFC 9111 2 and 4.1).
//
// The primary key is the target URI, reduced as the route says, and the route's shape. The method is not part
// of it: what is stored answers GET and HEAD. The secondary key holds the request's values of the Vary
// fields, as the API received them. As though every response listed them, it also holds Origin (so that an
// API which answers CORS only when asked cannot poison an entry), the route's `key.headers` and
// `key.cookies`, and what a trusted proxy says of the original request. Values of credentials and cookies
// stand in it as keyed hashes.
#pragma once

#include "http/fields.hpp"
#include "http/gate.hpp"
#include "policy/request.hpp"
#include "settings/settings.hpp"

#include <boost/container/small_vector.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

/// A primary key's text and its parts. A view: the text lives elsewhere, and longer.
///
/// The text is `http://host/path?query`, then, where the route projects, a line feed and its shape. The host
/// is as append_authority writes it, the path is normalised. The query is without a refresh parameter that is
/// a bool, without the route's fields_param and without what `key.query` leaves out.
class KeyView {
 public:
  KeyView() = default;
  /// Of a text that a CacheKey had.
  explicit KeyView(std::string_view text) noexcept;

  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// Without the shape: what users are shown.
  [[nodiscard]] std::string_view url() const noexcept { return text_.substr(0, url_end_); }
  [[nodiscard]] std::string_view authority() const noexcept {
    return text_.substr(authority_, path_ - authority_);
  }
  [[nodiscard]] std::string_view path() const noexcept { return text_.substr(path_, path_end_ - path_); }
  /// Path and query: what a fetch sends.
  [[nodiscard]] std::string_view target() const noexcept { return text_.substr(path_, url_end_ - path_); }
  [[nodiscard]] bool has_query() const noexcept { return path_end_ != url_end_; }
  /// `//host`, for the names of groups. An API changes the same thing under both schemes, so the scheme is no
  /// part of what writes and groups are known by.
  [[nodiscard]] std::string_view origin() const noexcept { return text_.substr(slashes_, path_ - slashes_); }
  /// `//host/path`: what a write to the URL is known by, whatever the query.
  [[nodiscard]] std::string_view invalidation_key() const noexcept {
    return text_.substr(slashes_, path_end_ - slashes_);
  }

 private:
  friend class CacheKey;
  std::string_view text_ = "http://";
  // Where the parts begin and end.
  std::uint32_t slashes_ = 5;
  std::uint32_t authority_ = 7;
  std::uint32_t path_ = 7;
  std::uint32_t path_end_ = 7;
  std::uint32_t url_end_ = 7;
};

/// A primary key, reused from request to request.
class CacheKey {
 public:
  /// The key of a request on that route. `path` is the normalised one.
  void assign(std::string_view authority, std::string_view path, const http::RequestHead& head,
              const settings::Route& route);
  void assign(const KeyView& other);

  [[nodiscard]] KeyView view() const noexcept {
    auto view = parts_;
    view.text_ = text_;
    return view;
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  KeyView parts_;  // but for the text, which moves
};

/// The target of a fetch that the route's refresh parameter forces: the key's, with that parameter as the
/// client sent it in `query`.
[[nodiscard]] std::string forced_target(const KeyView& key, std::string_view query,
                                        const settings::Route& route);

struct VaryField {
  /// What tells requests apart; the name of a cookie is `cookie:NAME`, that of what a proxy says
  /// `:forwarded`.
  enum class Kind : std::uint8_t {
    plain,      // a field's value, as sent
    encodings,  // Accept-Encoding: the set of codings that it accepts
    received,   // a field that larder writes: the value that the API received
    secret,     // a credential, or Cookie: a keyed hash
    cookie,     // one cookie's values: a keyed hash
    forwarded,  // RequestFacts::forwarded
  };
  http::FieldId id = http::FieldId::unknown;
  Kind kind = Kind::plain;
  std::string name;                  // lower case, apart from a cookie's
  std::optional<std::string> value;  // normalised; nullopt = the request had none

  /// A field of that name with no value yet, its kind by the name.
  [[nodiscard]] static VaryField named(std::string name, const settings::RequestFields& roles);
};
/// One field, Origin, is what most have: it lies in place.
using SecondaryKey = boost::container::small_vector<VaryField, 1>;

/// The secondary key of a response to a request; nullopt for `Vary: *`, and where Vary names a field that
/// larder alters from fetch to fetch (conditions, Range, trace identifiers of its own): then no other request
/// is known to get the same. A response that is coded counts as varying by Accept-Encoding whatever it says;
/// where larder itself asks for identity (`asks_identity`), Accept-Encoding does not count at all.
[[nodiscard]] std::optional<SecondaryKey> secondary_key(const RequestFacts& request, http::Fields response,
                                                        const settings::Route& route, bool asks_identity);

/// Whether a request has the values of the secondary key (RFC 9111 4.1).
[[nodiscard]] bool matches(const SecondaryKey& key, const RequestFacts& request);

/// Whether a request may have the values of both: none of the fields that both name differs.
[[nodiscard]] bool are_compatible(const SecondaryKey& a, const SecondaryKey& b) noexcept;

/// The request's value for a field of a secondary key.
[[nodiscard]] std::optional<std::string> key_value(const VaryField& field, const RequestFacts& request);

/// The fields by which the route tells requests apart whatever a response's Vary says, without values.
[[nodiscard]] SecondaryKey fields_in_key(const RequestFacts& request, const settings::Route& route);

/// The request's lines of that name as one value: joined by commas, white space around commas gone, and in
/// lower case for Accept-Language and Accept-Charset, whose values are case-insensitive; of Accept-Encoding
/// the codings that are accepted, sorted, and those that are refused where that makes a difference. nullopt
/// where there is no such line.
[[nodiscard]] std::optional<std::string> normalised_value(http::Fields request, std::string_view name);

}  // namespace larder::policy
