#include "admin/page.hpp"

#include "admin/page_html.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <random>

namespace larder::admin {

namespace {

std::string make_nonce() {
  std::random_device random;
  std::string nonce;
  for (int i = 0; i < 4; ++i) nonce += fmt::format("{:08x}", static_cast<std::uint32_t>(random()));
  return nonce;
}

}  // namespace

Page status_page() {
  constexpr std::string_view place = "@nonce@";
  const auto nonce = make_nonce();
  Page page;
  page.html = page_html;
  for (auto at = page.html.find(place); at != std::string::npos; at = page.html.find(place, at))
    page.html.replace(at, place.size(), nonce);
  page.fields = fmt::format(
      "Content-Security-Policy: default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; "
      "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
      "X-Frame-Options: DENY\r\n",
      nonce);
  return page;
}

}  // namespace larder::admin
