#include "http/cache_control.hpp"

#include "http/structured.hpp"
#include "http/text.hpp"

#include <algorithm>

namespace larder::http {

namespace {

struct Directive {
  std::string_view name;
  std::string_view argument;  // as written, quotes included
  bool has_argument = false;
};

Directive split(std::string_view element) noexcept {
  const auto equals = element.find('=');
  if (equals == std::string_view::npos) return {trim(element), {}, false};
  return {trim(element.substr(0, equals)), trim(element.substr(equals + 1)), true};
}

// RFC 9111 1.2.2: an overflow counts as 2^31 seconds.
std::optional<Seconds> delta_seconds(const Directive& directive) {
  auto text = std::string(directive.argument);
  if (auto unquoted = unquote(directive.argument)) text = std::move(*unquoted);
  const auto value = parse_digits(text);
  if (!value) return std::nullopt;
  return Seconds{
      static_cast<std::int64_t>(std::min(*value, static_cast<std::uint64_t>(max_lifetime.count())))};
}

// RFC 9111 4.2.1: the smaller of several values counts; an invalid one makes the response stale.
void keep_smaller(std::optional<Seconds>& kept, std::optional<Seconds> value) {
  const auto seconds = value.value_or(Seconds{0});
  kept = kept ? std::min(*kept, seconds) : seconds;
}

void keep_if_readable(std::optional<Seconds>& kept, std::optional<Seconds> value) {
  if (value) keep_smaller(kept, value);
}

void add_names(std::string_view argument, std::vector<std::string>& names) {
  auto list = std::string(argument);
  if (auto unquoted = unquote(argument)) list = std::move(*unquoted);
  std::string_view rest = list;
  std::string_view name;
  while (next_element(rest, name)) {
    if (!is_token(name)) continue;
    auto& added = names.emplace_back(name);
    std::transform(added.begin(), added.end(), added.begin(), lower);
  }
}

bool takes_duration(std::string_view name) noexcept {
  return name == "max-age" || name == "s-maxage" || name == "stale-while-revalidate" ||
         name == "stale-if-error";
}

void apply_to_response(const Directive& directive, CacheControl& out) {
  const auto is = [&](std::string_view name) { return iequals(directive.name, name); };
  if (is("max-age"))
    keep_smaller(out.max_age, delta_seconds(directive));
  else if (is("s-maxage"))
    keep_smaller(out.s_maxage, delta_seconds(directive));
  else if (is("stale-while-revalidate"))
    keep_smaller(out.stale_while_revalidate, delta_seconds(directive));
  else if (is("stale-if-error"))
    keep_smaller(out.stale_if_error, delta_seconds(directive));
  else if (is("no-store"))
    out.no_store = true;
  else if (is("no-transform"))
    out.no_transform = true;
  else if (is("must-revalidate"))
    out.must_revalidate = true;
  else if (is("proxy-revalidate"))
    out.proxy_revalidate = true;
  else if (is("must-understand"))
    out.must_understand = true;
  else if (is("public"))
    out.is_public = true;
  else if (is("immutable"))
    out.immutable = true;
  else if (is("no-cache")) {
    if (directive.has_argument)
      add_names(directive.argument, out.no_cache_fields);
    else
      out.no_cache = true;
  } else if (is("private")) {
    if (directive.has_argument)
      add_names(directive.argument, out.private_fields);
    else
      out.is_private = true;
  }
}

void apply_to_request(const Directive& directive, CacheControl& out) {
  const auto is = [&](std::string_view name) { return iequals(directive.name, name); };
  if (is("max-age"))
    keep_if_readable(out.max_age, delta_seconds(directive));
  else if (is("min-fresh"))
    keep_if_readable(out.min_fresh, delta_seconds(directive));
  else if (is("max-stale"))
    keep_if_readable(out.max_stale, directive.has_argument ? delta_seconds(directive) : max_lifetime);
  else if (is("stale-if-error"))
    keep_if_readable(out.stale_if_error, delta_seconds(directive));
  else if (is("no-cache"))
    out.no_cache = true;
  else if (is("no-store"))
    out.no_store = true;
  else if (is("no-transform"))
    out.no_transform = true;
  else if (is("only-if-cached"))
    out.only_if_cached = true;
}

template <class Apply>
CacheControl parse(Fields fields, Apply apply) {
  CacheControl out;
  for (const auto& line : fields) {
    if (line.id != FieldId::cache_control) continue;
    out.present = true;
    std::string_view rest = line.value;
    std::string_view element;
    while (next_element(rest, element)) apply(split(element), out);
  }
  return out;
}

}  // namespace

namespace {

void apply_targeted(const DictionaryMember& member, CacheControl& out) {
  if (const auto* set = std::get_if<bool>(&member.value)) {
    if (*set && !takes_duration(member.key)) apply_to_response({member.key, {}, false}, out);
  } else if (const auto* number = std::get_if<std::int64_t>(&member.value)) {
    const auto text = std::to_string(std::max<std::int64_t>(*number, 0));
    if (takes_duration(member.key)) apply_to_response({member.key, text, true}, out);
  } else if (const auto* names = std::get_if<std::string>(&member.value)) {
    if (member.key == "no-cache") add_names(*names, out.no_cache_fields);
    if (member.key == "private") add_names(*names, out.private_fields);
  }
}

}  // namespace

CacheControl parse_response_cache_control(Fields fields) {
  constexpr std::string_view targeted = "CDN-Cache-Control";
  if (find(fields, targeted) != nullptr) {
    const auto members = parse_dictionary(fields, targeted);
    if (members && !members->empty()) {
      CacheControl out;
      out.present = out.targeted = true;
      for (const auto& member : *members) apply_targeted(member, out);
      return out;
    }
  }
  return parse(fields, apply_to_response);
}

bool forbids_transformation(Fields response) {
  return list_has(response, FieldId::cache_control, "no-transform") ||
         parse_response_cache_control(response).no_transform;
}

CacheControl parse_request_cache_control(Fields fields) {
  auto out = parse(fields, apply_to_request);
  if (!out.present && list_has(fields, FieldId::pragma, "no-cache")) out.no_cache = true;
  return out;
}

}  // namespace larder::http
