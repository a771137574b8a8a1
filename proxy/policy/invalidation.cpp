#include "policy/invalidation.hpp"

#include "http/ambiguous_path.hpp"
#include "http/cache_control.hpp"
#include "http/host.hpp"
#include "http/target.hpp"

#include <algorithm>

namespace larder::policy {

namespace {

using http::FieldId;

// Resolves a URI reference (RFC 3986 4.1) to a path and query; nullopt if it has another origin.
std::optional<std::string> same_origin_target(std::string_view reference, std::string_view authority,
                                              std::string_view base) {
  reference = reference.substr(0, reference.find('#'));
  for (const std::string_view prefix : {"http://", "https://"}) {
    if (reference.size() < prefix.size() || !http::iequals(reference.substr(0, prefix.size()), prefix))
      continue;
    reference.remove_prefix(prefix.size() - 2);
    break;
  }
  if (reference.starts_with("//")) {
    const auto slash = reference.find_first_of("/?", 2);
    const auto host = reference.substr(2, slash == std::string_view::npos ? slash : slash - 2);
    // http and https serve the same resources, so either scheme's default port matches.
    const bool same = http::same_authority(host, authority, http::Scheme::http) ||
                      http::same_authority(host, authority, http::Scheme::https);
    if (!same) return std::nullopt;
    if (slash == std::string_view::npos) return "/";
    std::string target(reference[slash] == '?' ? "/" : "");
    return target.append(reference.substr(slash));
  }
  if (reference.starts_with('/')) return std::string(reference);
  if (reference.empty() || reference.find(':') < reference.find('/')) return std::nullopt;  // another scheme
  return std::string(base.substr(0, base.rfind('/') + 1)).append(reference);
}

}  // namespace

void write_target(std::string_view authority, std::string_view normalised_path, std::string& out,
                  http::Scheme scheme) {
  out.assign("//");
  http::append_authority(authority, scheme, out);
  out += normalised_path;
}

WriteEffect write_effect(int status) noexcept {
  if (status >= 500 || status == 101) return WriteEffect::possible;
  return status >= 200 && status < 400 ? WriteEffect::applied : WriteEffect::none;
}

std::vector<std::string> other_paths_of(std::string_view path) {
  const bool has_one_meaning = !http::is_ambiguous_path(path) && path.find("//") == std::string_view::npos;
  return has_one_meaning ? std::vector<std::string>() : http::resolved_paths(path);
}

std::vector<std::string> related_targets(std::string_view authority, std::string_view path,
                                         http::Fields response, http::Scheme scheme) {
  std::vector<std::string> targets;
  for (const auto& line : response) {
    if (line.id != FieldId::location && line.id != FieldId::content_location) continue;
    const auto related = same_origin_target(line.value, authority, path);
    if (!related) continue;
    const auto related_path = related->substr(0, related->find('?'));
    std::string scratch;
    auto paths = other_paths_of(related_path);
    paths.emplace_back(http::normalise_path(related_path, scratch));
    for (const auto& each : paths) {
      std::string target;
      write_target(authority, each, target, scheme);
      targets.push_back(std::move(target));
    }
  }
  return targets;
}

namespace {

// Names of groups begin with `//`, so that no binding has the name of a group. `names` are sorted.
std::string binding_name(const settings::Route& route, const std::vector<std::string>& names,
                         const http::PathPattern& pattern, std::string_view path) {
  std::string text = "binding of " + route.name;
  for (const auto& name : names)
    text.append("\n").append(name).append("=").append(pattern.segment_of(name, path));
  return text;
}

}  // namespace

std::vector<std::string> bindings_of(const settings::Route& route, std::string_view path) {
  std::vector<std::string> bindings;
  for (const auto& pattern : route.invalidated_by) {
    if (!pattern.has_bound_names()) continue;
    auto name = binding_name(route, pattern.bound_names(), route.path, path);
    if (std::find(bindings.begin(), bindings.end(), name) == bindings.end())
      bindings.push_back(std::move(name));
  }
  return bindings;
}

std::string binding_written(const settings::Route& route, const http::PathPattern& pattern,
                            std::string_view written) {
  return binding_name(route, pattern.bound_names(), pattern, written);
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
