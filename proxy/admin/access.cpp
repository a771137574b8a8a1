#include "admin/access.hpp"

#include "http/text.hpp"
#include "loop/loop.hpp"

#include <boost/asio/ip/address.hpp>

namespace larder::admin {

namespace {

std::string_view value_of(const http::RequestHead& head, std::string_view name) {
  for (const auto& line : head.fields) {
    if (http::has_name(line, name)) return line.value;
  }
  return {};
}

std::string_view host_in(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

bool has_own_name(const http::RequestHead& head) {
  const auto host = host_in(head.authority);
  if (http::iequals(host, "localhost") || host.ends_with(".localhost") || host == "larder") return true;
  Error error;
  (void)asio::ip::make_address(std::string(host), error);
  return !error;
}

bool has_token(const http::RequestHead& head, std::string_view token) {
  constexpr std::string_view scheme = "bearer ";
  const auto value = value_of(head, "Authorization");
  if (value.size() < scheme.size() || !http::iequals(value.substr(0, scheme.size()), scheme)) return false;
  const auto said = http::trim(value.substr(scheme.size()));
  unsigned differ = said.size() == token.size() ? 0 : 1;
  for (std::size_t i = 0; i < said.size() && !token.empty(); ++i)
    differ |= static_cast<unsigned char>(said[i]) ^ static_cast<unsigned char>(token[i % token.size()]);
  return differ == 0;
}

std::optional<Answer> against_change(const http::RequestHead& head) {
  const auto site = value_of(head, "Sec-Fetch-Site");
  if (!site.empty() && site != "same-origin" && site != "none")
    return Answer{403, "a page of another site is not to change anything here"};
  const auto origin = value_of(head, "Origin");
  const auto own = std::string(head.authority);
  if (!origin.empty() && origin != "http://" + own && origin != "https://" + own)
    return Answer{403, "a page of another origin is not to change anything here"};
  const auto type = value_of(head, "Content-Type");
  const auto media = http::trim(type.substr(0, type.find(';')));
  if (!http::iequals(media, "application/json"))
    return Answer{415, "send it as JSON, with Content-Type: application/json"};
  return std::nullopt;
}

}  // namespace larder::admin
