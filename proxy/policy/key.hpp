// Cache keys (RFC 9111 2 and 4.1).
//
// The primary key is the target URI, reduced by the route's rules, and the route's shape. It does not include
// the method: a stored response is used for both GET and HEAD.
//
// The secondary key has the request's values of the fields in Vary, as the API received them. In addition it
// always has Origin (an API that adds CORS fields only to requests with Origin often omits it from Vary), the
// route's `key.headers` and `key.cookies`, and the forwarding fields of a trusted proxy. Credentials and
// cookies are in the key as keyed hashes only.
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

/// A primary key's text and its parts. A view: the text must outlive it.
///
/// The text is `http://host/path?query`; if the route projects, a line feed and the shape follow. The host is
/// as append_authority writes it, the path is normalised. The query is without a boolean refresh parameter,
/// the route's fields_param, and the parameters that `key.query` excludes.
class KeyView {
 public:
  KeyView() = default;
  /// Splits the text of a CacheKey into its parts.
  explicit KeyView(std::string_view text) noexcept;

  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// The key without the shape, as shown to users.
  [[nodiscard]] std::string_view url() const noexcept { return text_.substr(0, url_end_); }
  [[nodiscard]] std::string_view authority() const noexcept {
    return text_.substr(authority_, path_ - authority_);
  }
  [[nodiscard]] std::string_view path() const noexcept { return text_.substr(path_, path_end_ - path_); }
  /// Path and query, as sent to the API by a fetch.
  [[nodiscard]] std::string_view target() const noexcept { return text_.substr(path_, url_end_ - path_); }
  [[nodiscard]] bool has_query() const noexcept { return path_end_ != url_end_; }
  /// `//host`, for the names of groups. The scheme is left out because a write through either scheme changes
  /// the same resource.
  [[nodiscard]] std::string_view origin() const noexcept { return text_.substr(slashes_, path_ - slashes_); }
  /// `//host/path`: what a write to the URL invalidates. All queries of the path have the same.
  [[nodiscard]] std::string_view invalidation_key() const noexcept {
    return text_.substr(slashes_, path_end_ - slashes_);
  }

 private:
  friend class CacheKey;
  std::string_view text_ = "http://";
  // Offsets in `text_`.
  std::uint32_t slashes_ = 5;
  std::uint32_t authority_ = 7;
  std::uint32_t path_ = 7;
  std::uint32_t path_end_ = 7;
  std::uint32_t url_end_ = 7;
};

/// A primary key that owns its text. Meant to be reused for several requests, to avoid allocations.
class CacheKey {
 public:
  /// Builds the key of a request on that route. `path` is the normalised path.
  void assign(std::string_view authority, std::string_view path, const http::RequestHead& head,
              const settings::Route& route, http::Scheme scheme = http::Scheme::http);
  void assign(const KeyView& other);

  [[nodiscard]] KeyView view() const noexcept {
    auto view = parts_;
    view.text_ = text_;
    return view;
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  KeyView parts_;  // only the offsets are used: text_ may move
};

/// The target of a fetch that the route's refresh parameter forces: that of the key, with the refresh
/// parameter as the client sent it in `query`.
[[nodiscard]] std::string forced_target(const KeyView& key, std::string_view query,
                                        const settings::Route& route);

struct VaryField {
  /// What is compared. The name of a cookie's field is `cookie:NAME`; that of the forwarding fields is
  /// `:forwarded`.
  enum class Kind : std::uint8_t {
    plain,      // the field's value
    encodings,  // Accept-Encoding, reduced to the codings that it accepts
    received,   // a field that larder writes: the value that the API receives
    secret,     // keyed hash of a credential or of Cookie
    cookie,     // keyed hash of one cookie's values
    forwarded,  // RequestFacts::forwarded
  };
  http::FieldId id = http::FieldId::unknown;
  Kind kind = Kind::plain;
  std::string name;                  // in lower case, except the name of a cookie
  std::optional<std::string> value;  // normalised; nullopt if the request does not have the field

  /// A field without a value; its kind follows from the name.
  [[nodiscard]] static VaryField named(std::string name, const settings::RequestFields& roles);
};
/// Most keys have a single field, Origin, which is stored inline.
using SecondaryKey = boost::container::small_vector<VaryField, 1>;

/// The secondary key of the response to a request. nullopt for `Vary: *`, and if Vary names a field that
/// larder changes in each fetch (conditions, Range, trace identifiers generated by larder), because then no
/// other request is known to select the same response. A response with a content coding always varies by
/// Accept-Encoding. If larder itself requested identity (`asks_identity`), Accept-Encoding is ignored.
[[nodiscard]] std::optional<SecondaryKey> secondary_key(const RequestFacts& request, http::Fields response,
                                                        const settings::Route& route, bool asks_identity);

/// Whether a request's values match the secondary key (RFC 9111 4.1).
[[nodiscard]] bool matches(const SecondaryKey& key, const RequestFacts& request);

/// Whether one request could match both keys: they agree in every field that both have.
[[nodiscard]] bool are_compatible(const SecondaryKey& a, const SecondaryKey& b) noexcept;

/// The request's value of a field of a secondary key.
[[nodiscard]] std::optional<std::string> key_value(const VaryField& field, const RequestFacts& request);

/// The fields that are in every secondary key of the route whatever Vary says, without values.
[[nodiscard]] SecondaryKey fields_in_key(const RequestFacts& request, const settings::Route& route);

/// The value of all the request's lines of that name, joined by commas, without white space around commas.
/// Values of Accept-Language and Accept-Charset are in lower case, as they are case-insensitive;
/// Accept-Encoding is as write_accepted_codings writes it. nullopt if there is no such line.
[[nodiscard]] std::optional<std::string> normalised_value(http::Fields request, std::string_view name);

}  // namespace larder::policy
