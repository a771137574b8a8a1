#include "admin/page.hpp"

#include "admin/json.hpp"
#include "admin/page_html.hpp"
#include "policy/outcome.hpp"

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

std::string meanings() {
  Object out;
  for (std::size_t i = 1; i < policy::detail_count; ++i) {
    const auto detail = static_cast<policy::Detail>(i);
    out.text(policy::name_of(detail), policy::meaning_of(detail));
  }
  return out.str();
}

void replace_all(std::string_view place, std::string_view by, std::string& text) {
  for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + by.size()))
    text.replace(at, place.size(), by);
}

}  // namespace

Page status_page() {
  const auto nonce = make_nonce();
  Page page;
  page.html = page_html;
  replace_all("@nonce@", nonce, page.html);
  replace_all("@meanings@", meanings(), page.html);
  page.fields = fmt::format(
      "Content-Security-Policy: default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; "
      "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
      "X-Frame-Options: DENY\r\n",
      nonce);
  return page;
}

}  // namespace larder::admin
