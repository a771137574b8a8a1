#include "policy/accept_encoding.hpp"

#include "http/coding.hpp"
#include "http/text.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>

namespace larder::policy {

namespace {

struct Coding {
  std::string_view name;
  bool refused = false;
};

std::string_view without_x(std::string_view name) noexcept {
  const bool has_x = http::iequals(name, "x-gzip") || http::iequals(name, "x-compress");
  return has_x ? name.substr(2) : name;
}

bool less(std::string_view a, std::string_view b) noexcept {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](char x, char y) { return http::lower(x) < http::lower(y); });
}

}  // namespace

bool write_accepted_codings(http::Fields request, std::string& out) {
  out.clear();
  bool present = false;
  boost::container::small_vector<Coding, 8> codings;
  for (const auto& line : request) {
    if (line.id != http::FieldId::accept_encoding) continue;
    present = true;
    for (std::string_view rest = line.value, element; http::next_element(rest, element);) {
      const auto semicolon = element.find(';');
      const auto parameters =
          semicolon == std::string_view::npos ? std::string_view() : element.substr(semicolon + 1);
      codings.push_back(
          {without_x(http::trim(element.substr(0, semicolon))), http::weight_of(parameters) == 0});
    }
  }
  if (!present) return false;
  std::stable_sort(codings.begin(), codings.end(),
                   [](const Coding& a, const Coding& b) { return less(a.name, b.name); });
  const auto any =
      std::find_if(codings.begin(), codings.end(), [](const auto& one) { return one.name == "*"; });
  const bool accepts_any = any != codings.end() && !any->refused;
  const bool refuses_any = any != codings.end() && any->refused;
  bool names_identity = false;
  bool refuses_identity = false;
  const auto append = [&](std::string_view name, bool refused) {
    if (!out.empty()) out += ',';
    for (const char c : name) out += http::lower(c);
    if (refused) out += ";q=0";
  };
  for (std::size_t i = 0; i < codings.size(); ++i) {
    const auto& [name, refused] = codings[i];
    if (i > 0 && http::iequals(codings[i - 1].name, name)) continue;
    if (http::iequals(name, "identity")) {
      names_identity = !refused;
      refuses_identity = refused;
    } else if (name == "*" ? !refused : !refused || accepts_any) {
      append(name, refused);
    }
  }
  if (refuses_identity || (refuses_any && !names_identity)) append("identity", true);
  return true;
}

}  // namespace larder::policy
