#include "settings/request_fields.hpp"

#include <algorithm>

namespace larder::settings {

namespace {

struct Known {
  const char* name;
  FieldRole role;
};

// Fields that proxies, load balancers and CDNs send and that frameworks use.
constexpr Known known_fields[] = {
    {"x-http-method-override", FieldRole::method_override},
    {"x-http-method", FieldRole::method_override},
    {"x-method-override", FieldRole::method_override},
    {"x-forwarded-for", FieldRole::forwarded_for},
    {"x-real-ip", FieldRole::forwarded_address},
    {"x-client-ip", FieldRole::forwarded_address},
    {"true-client-ip", FieldRole::forwarded_address},
    {"x-cluster-client-ip", FieldRole::forwarded_address},
    {"cf-connecting-ip", FieldRole::forwarded_address},
    {"fastly-client-ip", FieldRole::forwarded_address},
    {"forwarded", FieldRole::forwarded_original},
    {"front-end-https", FieldRole::forwarded_original},
    {"x-original-url", FieldRole::forwarded_original},
    {"x-original-uri", FieldRole::forwarded_original},
    {"x-original-host", FieldRole::forwarded_original},
    {"x-rewrite-url", FieldRole::forwarded_original},
    {"x-http-host-override", FieldRole::forwarded_original},
    {"x-host", FieldRole::forwarded_original},
    {"x-url-scheme", FieldRole::forwarded_original},
    {"x-scheme", FieldRole::forwarded_original},
    {"x-script-name", FieldRole::forwarded_original},
};
// -Host, -Proto, -Port, -Prefix, -Scheme, -Ssl, -Server, -Protocol, -User, ...
constexpr std::string_view forwarded_prefix = "x-forwarded-";

constexpr char folded(char c) noexcept {
  return c == '_' ? '-' : http::lower(c);
}

bool starts_with(std::string_view name, std::string_view folded_prefix) noexcept {
  return name.size() >= folded_prefix.size() &&
         std::equal(folded_prefix.begin(), folded_prefix.end(), name.begin(),
                    [](char want, char have) { return want == folded(have); });
}

}  // namespace

const std::vector<std::string>& RequestFields::default_credentials() {
  static const std::vector<std::string> names{"authorization", "x-api-key", "api-key", "x-auth-token"};
  return names;
}

RequestFields::RequestFields(const std::vector<std::string>& credentials) {
  add("authorization", FieldRole::credential);  // RFC 9111 3.5, whatever the settings say
  for (const auto& name : credentials) add(name, FieldRole::credential);
  for (const auto& field : known_fields) add(field.name, field.role);
}

void RequestFields::add(const std::string& name, FieldRole role) {
  if (name.size() > max_length) return;
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), folded);
  if (const auto id = boost::beast::http::string_to_field(text); id != http::FieldId::unknown)
    known_.set(static_cast<std::size_t>(id));
  by_length_[text.size()].push_back({std::move(text), role});
}

FieldRole RequestFields::role_of(std::string_view name) const noexcept {
  if (name.size() <= max_length) {
    for (const auto& entry : by_length_[name.size()]) {
      if (starts_with(name, entry.name)) return entry.role;
    }
  }
  return starts_with(name, forwarded_prefix) ? FieldRole::forwarded_original : FieldRole::other;
}

}  // namespace larder::settings
