#include "policy/outcome.hpp"

#include <array>
#include <charconv>

namespace larder::policy {

std::string_view name_of(Forward forward) noexcept {
  switch (forward) {
    case Forward::none:
      return "";
    case Forward::bypass:
      return "bypass";
    case Forward::method:
      return "method";
    case Forward::uri_miss:
      return "uri-miss";
    case Forward::vary_miss:
      return "vary-miss";
    case Forward::miss:
      return "miss";
    case Forward::request:
      return "request";
    case Forward::stale:
      return "stale";
    case Forward::partial:
      return "partial";
  }
  return "";
}

std::string_view name_of(Detail detail) noexcept {
  switch (detail) {
    case Detail::none:
      return "";
    case Detail::route_off:
      return "route-off";
    case Detail::request_body:
      return "request-body";
    case Detail::request_authorization:
      return "request-authorization";
    case Detail::request_no_store:
      return "request-no-store";
    case Detail::request_upgrade:
      return "request-upgrade";
    case Detail::method_override:
      return "method-override";
    case Detail::ambiguous_path:
      return "ambiguous-path";
    case Detail::route_bypass:
      return "route-bypass";
    case Detail::request_conditions:
      return "request-conditions";
    case Detail::head_miss:
      return "head-miss";
    case Detail::hit_for_miss:
      return "hit-for-miss";
    case Detail::status:
      return "status";
    case Detail::partial_content:
      return "partial-content";
    case Detail::no_store:
      return "no-store";
    case Detail::must_understand:
      return "must-understand";
    case Detail::is_private:
      return "private";
    case Detail::no_cache:
      return "no-cache";
    case Detail::set_cookie:
      return "set-cookie";
    case Detail::authorization:
      return "authorization";
    case Detail::vary_any:
      return "vary-any";
    case Detail::no_freshness:
      return "no-freshness";
    case Detail::body_too_large:
      return "body-too-large";
    case Detail::superseded:
      return "superseded";
    case Detail::mark_overflow:
      return "mark-overflow";
    case Detail::invalidated:
      return "invalidated";
    case Detail::not_json:
      return "not-json";
    case Detail::not_projectable:
      return "not-projectable";
    case Detail::refresh_too_soon:
      return "refresh-too-soon";
    case Detail::soft_invalidation:
      return "soft-invalidation";
    case Detail::stale_while_revalidate:
      return "stale-while-revalidate";
    case Detail::stale_if_error:
      return "stale-if-error";
    case Detail::max_stale:
      return "max-stale";
    case Detail::only_if_cached:
      return "only-if-cached";
    case Detail::max_forwards:
      return "max-forwards";
    case Detail::unknown_field:
      return "unknown-field";
    case Detail::upstream_failed:
      return "upstream-failed";
  }
  return "";
}

namespace {

void append_number(std::int64_t value, std::string& out) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// RFC 9651 4.1.6; a key is printable ASCII.
void append_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

void append_cache_status(const Outcome& outcome, std::string_view key, std::string& out) {
  out += "larder";
  if (outcome.hit) out += "; hit";
  if (outcome.forward != Forward::none) {
    out += "; fwd=";
    out += name_of(outcome.forward);
  }
  if (outcome.forward_status != 0) {
    out += "; fwd-status=";
    append_number(outcome.forward_status, out);
  }
  if (outcome.ttl) {
    out += "; ttl=";
    append_number(*outcome.ttl, out);
  }
  if (outcome.stored) out += "; stored";
  if (outcome.collapsed) out += "; collapsed";
  if (!key.empty()) {
    out += "; key=";
    append_string(key, out);
  }
  if (outcome.detail != Detail::none) {
    out += "; detail=";
    out += name_of(outcome.detail);
  }
}

OutcomeLabel label_of(const Outcome& outcome) noexcept {
  if (outcome.hit) return outcome.ttl.value_or(0) < 0 ? OutcomeLabel::stale : OutcomeLabel::hit;
  if (outcome.collapsed) return OutcomeLabel::collapsed;
  switch (outcome.forward) {
    case Forward::none:
      return OutcomeLabel::refused;
    case Forward::bypass:
      return OutcomeLabel::bypass;
    case Forward::method:
      return OutcomeLabel::method;
    case Forward::request:
      return OutcomeLabel::refresh;
    case Forward::stale:
      return outcome.forward_status == 304 ? OutcomeLabel::revalidated : OutcomeLabel::expired;
    case Forward::uri_miss:
    case Forward::vary_miss:
    case Forward::miss:
    case Forward::partial:
      return OutcomeLabel::miss;
  }
  return OutcomeLabel::refused;
}

std::string_view name_of(OutcomeLabel word) noexcept {
  switch (word) {
    case OutcomeLabel::hit:
      return "hit";
    case OutcomeLabel::stale:
      return "stale";
    case OutcomeLabel::collapsed:
      return "collapsed";
    case OutcomeLabel::miss:
      return "miss";
    case OutcomeLabel::expired:
      return "expired";
    case OutcomeLabel::revalidated:
      return "revalidated";
    case OutcomeLabel::refresh:
      return "refresh";
    case OutcomeLabel::bypass:
      return "bypass";
    case OutcomeLabel::method:
      return "method";
    case OutcomeLabel::refused:
      return "refused";
  }
  return "";
}

}  // namespace larder::policy
