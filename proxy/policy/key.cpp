#include "policy/key.hpp"

#include "http/coding.hpp"
#include "http/cookie.hpp"
#include "http/target.hpp"
#include "http/text.hpp"
#include "policy/accept_encoding.hpp"
#include "policy/forwarded.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::FieldId;

bool is_refresh_bool(const http::QueryPiece& piece, std::string_view name) {
  if (name.empty()) return false;
  if (piece.name != name && http::decode_query(piece.name) != name) return false;
  return http::parse_bool(http::decode_query(piece.value)).has_value();
}

bool is_fields_param(const http::QueryPiece& piece, std::string_view name) {
  return !name.empty() && (piece.name == name || http::decode_query(piece.name) == name);
}

void append_query(std::string_view query, const settings::Route& route, std::string& out) {
  using Query = settings::KeyRule::Query;
  if (route.key.query == Query::none) return;
  if (route.key.query == Query::all && route.refresh_param.empty() && route.fields_param.empty()) {
    out += '?';
    out += query;
    return;
  }
  char separator = '?';
  const auto append = [&](const http::QueryPiece& piece) {
    if (is_refresh_bool(piece, route.refresh_param) || is_fields_param(piece, route.fields_param)) return;
    out += separator;
    out += piece.raw;
    separator = '&';
  };
  http::QueryPiece piece;
  if (route.key.query == Query::all) {
    while (http::next_query_piece(query, piece)) append(piece);
    return;
  }
  for (const auto& name : route.key.query_names) {
    for (auto rest = query; http::next_query_piece(rest, piece);) {
      if (piece.name == name || http::decode_query(piece.name) == name) append(piece);
    }
  }
}

bool is_case_insensitive(std::string_view name) noexcept {
  return name == "accept-language" || name == "accept-charset";
}

void append_normalised(std::string_view line, bool fold_case, std::string& out) {
  std::string_view element;
  while (http::next_element(line, element)) {
    if (!out.empty()) out += ',';
    const auto start = out.size();
    out += element;
    if (fold_case)
      std::transform(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
                     out.begin() + static_cast<std::ptrdiff_t>(start), http::lower);
  }
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), http::lower);
  return out;
}

bool has_field(const SecondaryKey& key, std::string_view name) {
  return std::any_of(key.begin(), key.end(), [&](const VaryField& field) { return field.name == name; });
}

void add_name(std::string name, const RequestFacts& request, SecondaryKey& key) {
  if (has_field(key, name)) return;
  key.push_back(VaryField::named(std::move(name), request.settings->request_fields));
  key.back().value = key_value(key.back(), request);
}

// Fields that larder changes or generates for each fetch: their values in the API's request are not the
// client's.
bool is_altered(std::string_view name, const RequestFacts& request) {
  using settings::Begin;
  const auto& settings = *request.settings;
  const bool is_trace = name == "traceparent" || name == "tracestate";
  if (is_trace && settings.trace_context == Begin::yes)
    return http::find(request.fields, "traceparent") == nullptr;
  if (name == "x-request-id" && settings.request_id == Begin::yes)
    return http::find(request.fields, name) == nullptr;
  for (const std::string_view altered :
       {"cache-control", "pragma", "range", "if-range", "if-match", "if-none-match", "if-modified-since",
        "if-unmodified-since", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
        "expect", "content-length", "max-forwards"}) {
    if (name == altered) return true;
  }
  return false;
}

constexpr std::string_view cookie_prefix = "cookie:";
constexpr std::string_view forwarded_name = ":forwarded";

}  // namespace

KeyView::KeyView(std::string_view text) noexcept : text_(text) {
  const auto end = [&](char c, std::size_t from, std::size_t limit) {
    return static_cast<std::uint32_t>(std::min(text.find(c, from), limit));
  };
  url_end_ = end('\n', 0, text.size());
  slashes_ = end('/', 0, url_end_);
  authority_ = std::min(slashes_ + 2, url_end_);
  path_ = end('/', authority_, url_end_);
  path_end_ = end('?', path_, url_end_);
}

void CacheKey::assign(std::string_view authority, std::string_view path, const http::RequestHead& head,
                      const settings::Route& route, http::Scheme scheme) {
  const auto size = [this] { return static_cast<std::uint32_t>(text_.size()); };
  constexpr std::string_view https = "https://";
  text_.assign(scheme == http::Scheme::https ? https : std::string_view("http://"));
  parts_.slashes_ = size() - 2;
  parts_.authority_ = size();
  http::append_authority(authority, scheme, text_);
  parts_.path_ = size();
  text_ += path;
  parts_.path_end_ = size();
  if (head.has_query) append_query(head.query, route, text_);
  parts_.url_end_ = size();
  if (route.shape.empty()) return;
  text_ += '\n';
  text_ += route.shape;
}

void CacheKey::assign(const KeyView& other) {
  text_ = other.text_;
  parts_ = other;
}

std::string forced_target(const KeyView& key, std::string_view query, const settings::Route& route) {
  const bool keeps_order = route.key.query == settings::KeyRule::Query::all;
  std::string target(keeps_order ? key.path() : key.target());
  char separator = key.has_query() && !keeps_order ? '&' : '?';
  http::QueryPiece piece;
  while (http::next_query_piece(query, piece)) {
    const bool goes_along = keeps_order ? !is_fields_param(piece, route.fields_param)
                                        : is_refresh_bool(piece, route.refresh_param);
    if (!goes_along) continue;
    target += separator;
    target += piece.raw;
    separator = '&';
  }
  return target;
}

VaryField VaryField::named(std::string name, const settings::RequestFields& roles) {
  using settings::FieldRole;
  VaryField field;
  field.name = std::move(name);
  if (field.name == forwarded_name) {
    field.kind = Kind::forwarded;
    return field;
  }
  if (field.name.starts_with(cookie_prefix)) {
    field.kind = Kind::cookie;
    return field;
  }
  field.id = boost::beast::http::string_to_field(field.name);
  switch (roles.role_of(field.name)) {
    case FieldRole::credential:
      field.kind = Kind::secret;
      break;
    case FieldRole::forwarded_for:
    case FieldRole::forwarded_address:
    case FieldRole::forwarded_original:
      field.kind = Kind::received;
      break;
    case FieldRole::method_override:
    case FieldRole::other:
      if (field.id == FieldId::cookie) field.kind = Kind::secret;
      if (field.id == FieldId::accept_encoding) field.kind = Kind::encodings;
      break;
  }
  return field;
}

std::optional<std::string> normalised_value(http::Fields request, std::string_view name) {
  if (name == "accept-encoding") {
    std::string value;
    return write_accepted_codings(request, value) ? std::optional(std::move(value)) : std::nullopt;
  }
  std::optional<std::string> value;
  for (const auto& line : request) {
    if (!http::has_name(line, name)) continue;
    if (!value) value.emplace();
    append_normalised(line.value, is_case_insensitive(name), *value);
  }
  return value;
}

std::optional<std::string> key_value(const VaryField& field, const RequestFacts& request) {
  const auto hashed = [&](std::optional<std::string> value) {
    if (value) *value = (*request.hash)(*value);
    return value;
  };
  switch (field.kind) {
    case VaryField::Kind::plain:
    case VaryField::Kind::encodings:
      break;
    case VaryField::Kind::received:
      return forwarded_value(field.name, request);
    case VaryField::Kind::secret:
      return hashed(normalised_value(request.fields, field.name));
    case VaryField::Kind::cookie:
      return hashed(
          http::cookie_values(request.fields, std::string_view(field.name).substr(cookie_prefix.size())));
    case VaryField::Kind::forwarded:
      return request.forwarded.empty() ? std::nullopt : std::optional(request.forwarded);
  }
  return normalised_value(request.fields, field.name);
}

SecondaryKey fields_in_key(const RequestFacts& request, const settings::Route& route) {
  SecondaryKey key;
  const auto add = [&](std::string name) {
    if (!has_field(key, name))
      key.push_back(VaryField::named(std::move(name), request.settings->request_fields));
  };
  add("origin");
  for (const auto& name : route.key.headers) add(name);
  for (const auto& name : route.key.cookies) add(std::string(cookie_prefix) + name);
  if (!request.forwarded.empty()) add(std::string(forwarded_name));
  return key;
}

std::optional<SecondaryKey> secondary_key(const RequestFacts& request, http::Fields response,
                                          const settings::Route& route, bool asks_identity) {
  auto key = fields_in_key(request, route);
  for (auto& field : key) field.value = key_value(field, request);
  if (!asks_identity && http::is_coded(response)) add_name("accept-encoding", request, key);
  for (const auto& line : response) {
    if (line.id != FieldId::vary) continue;
    std::string_view rest = line.value;
    std::string_view element;
    while (http::next_element(rest, element)) {
      if (element == "*" || !http::is_token(element)) return std::nullopt;
      auto name = lower_case(element);
      if (name == "accept-encoding" && asks_identity) continue;
      if (name == "host") continue;  // it is in the primary key
      if (is_altered(name, request)) return std::nullopt;
      add_name(std::move(name), request, key);
    }
  }
  return key;
}

bool are_compatible(const SecondaryKey& a, const SecondaryKey& b) noexcept {
  return std::none_of(a.begin(), a.end(), [&](const auto& x) {
    return std::any_of(b.begin(), b.end(),
                       [&](const auto& y) { return x.name == y.name && x.value != y.value; });
  });
}

bool matches(const SecondaryKey& key, const RequestFacts& request) {
  bool names_forwarded = false;
  for (const auto& field : key) {
    if (field.kind == VaryField::Kind::forwarded) {
      names_forwarded = true;
      if (field.value != request.forwarded) return false;
      continue;
    }
    if (field.kind == VaryField::Kind::encodings) {
      thread_local std::string value;  // reused, so that a hit does not allocate
      const bool present = write_accepted_codings(request.fields, value);
      if (present != field.value.has_value() || (present && value != *field.value)) return false;
      continue;
    }
    if (field.kind != VaryField::Kind::plain) {
      if (key_value(field, request) != field.value) return false;
      continue;
    }
    const http::Field* only = nullptr;
    bool several = false;
    for (const auto& line : request.fields) {
      const bool same = field.id != FieldId::unknown ? line.id == field.id : http::has_name(line, field.name);
      if (!same) continue;
      several = only != nullptr;
      only = &line;
    }
    if (only == nullptr || !field.value) {
      if ((only != nullptr) != field.value.has_value()) return false;
      continue;
    }
    if (!several && only->value == *field.value) continue;  // the common case needs no copy
    if (normalised_value(request.fields, field.name) != field.value) return false;
  }
  // The forwarding fields are compared even if no response names them in Vary.
  return names_forwarded || request.forwarded.empty();
}

}  // namespace larder::policy
