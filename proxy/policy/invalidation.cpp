#include "policy/invalidation.hpp"

#include "http/cache_control.hpp"
#include "http/target.hpp"

namespace larder::policy {

namespace {

using http::FieldId;

std::string_view without_default_port(std::string_view authority) {
  if (authority.ends_with(":80")) authority.remove_suffix(3);
  return authority;
}

// A URI reference (RFC 3986 4.1) as a path and query on the same origin; nullopt where it leads elsewhere.
std::optional<std::string> same_origin_target(std::string_view reference, std::string_view authority,
                                              std::string_view base) {
  reference = reference.substr(0, reference.find('#'));
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (reference.size() < scheme.size() || !http::iequals(reference.substr(0, scheme.size()), scheme))
      continue;
    reference.remove_prefix(scheme.size() - 2);
    break;
  }
  if (reference.starts_with("//")) {
    const auto slash = reference.find_first_of("/?", 2);
    const auto host = reference.substr(2, slash == std::string_view::npos ? slash : slash - 2);
    if (!http::iequals(without_default_port(host), without_default_port(authority))) return std::nullopt;
    if (slash == std::string_view::npos) return "/";
    return (reference[slash] == '?' ? "/" : "") + std::string(reference.substr(slash));
  }
  if (reference.starts_with('/')) return std::string(reference);
  if (reference.empty() || reference.find(':') < reference.find('/')) return std::nullopt;  // another scheme
  return std::string(base.substr(0, base.rfind('/') + 1)).append(reference);
}

}  // namespace

void write_target(std::string_view authority, std::string_view normalised_path, std::string& out) {
  out.assign("http://");
  for (const char c : without_default_port(authority)) out += http::lower(c);
  out += normalised_path;
}

bool is_invalidating(http::Method method, int status) noexcept {
  return !http::is_safe(method) && status >= 200 && status < 400;
}

std::vector<std::string> related_targets(std::string_view authority, std::string_view path,
                                         http::Fields response) {
  std::vector<std::string> targets;
  for (const auto& line : response) {
    if (line.id != FieldId::location && line.id != FieldId::content_location) continue;
    const auto related = same_origin_target(line.value, authority, path);
    if (!related) continue;
    std::string scratch;
    std::string target;
    write_target(authority, http::normalise_path(related->substr(0, related->find('?')), scratch), target);
    targets.push_back(std::move(target));
  }
  return targets;
}

bool answers_get(http::Method method, const settings::Route& route, int status, http::Fields response,
                 std::string_view authority, std::string_view target) {
  if (method != http::Method::post || status != 200) return false;
  if (route.cache != settings::CacheMode::standard || !route.fields.empty()) return false;
  if (http::count(response, FieldId::content_location) != 1) return false;
  const auto location = http::find(response, FieldId::content_location)->value;
  if (same_origin_target(location, authority, target.substr(0, target.find('?'))) != target) return false;
  const auto directives = http::parse_response_cache_control(response);
  return directives.max_age || directives.s_maxage ||
         (!directives.targeted && http::find(response, FieldId::expires) != nullptr);
}

}  // namespace larder::policy
