#include "admin/access.hpp"

#include "http/text.hpp"
#include "net/loop.hpp"

#include <boost/asio/ip/address.hpp>

namespace larder::admin {

namespace {

// The lines joined to a list (RFC 9110 5.3), which is never a valid value of the fields used here. nullopt if
// there is no line.
std::optional<std::string> value_of(const http::RequestHead& head, std::string_view name) {
  std::optional<std::string> value;
  for (const auto& line : head.fields) {
    if (!http::has_name(line, name)) continue;
    if (value)
      value->append(", ").append(line.value);
    else
      value.emplace(line.value);
  }
  return value;
}

std::string_view host_in(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

bool has_own_name(const http::RequestHead& head) {
  // The command line sends `larder` without a port; a browser redirected here would send a port.
  if (head.authority == "larder") return true;
  const auto host = host_in(head.authority);
  if (http::iequals(host, "localhost") || host.ends_with(".localhost")) return true;
  Error error;
  (void)asio::ip::make_address(std::string(host), error);
  return !error;
}

bool has_token(const http::RequestHead& head, std::string_view token) {
  constexpr std::string_view scheme = "bearer ";
  const auto field = value_of(head, "Authorization").value_or("");
  const std::string_view value = field;
  if (value.size() < scheme.size() || !http::iequals(value.substr(0, scheme.size()), scheme)) return false;
  const auto said = http::trim(value.substr(scheme.size()));
  unsigned differ = said.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < said.size() && !token.empty(); ++i)
    differ |= static_cast<unsigned char>(said[i]) ^ static_cast<unsigned char>(token[i % token.size()]);
  return differ == 0;
}

std::optional<Answer> against_change(const http::RequestHead& head) {
  const auto site = value_of(head, "Sec-Fetch-Site");
  if (site && *site != "same-origin" && *site != "none")
    return Answer{403, "changes are not accepted from a page of another site"};
  const auto origin = value_of(head, "Origin");
  const auto own = std::string(head.authority);
  if (origin && *origin != "http://" + own && *origin != "https://" + own)
    return Answer{403, "changes are not accepted from a page of another origin"};
  const auto type = value_of(head, "Content-Type").value_or("");
  const auto media = http::trim(std::string_view(type).substr(0, type.find(';')));
  if (!http::iequals(media, "application/json"))
    return Answer{415, "the body must be JSON, with Content-Type: application/json"};
  return std::nullopt;
}

}  // namespace larder::admin
