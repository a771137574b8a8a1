#include "policy/outcome.hpp"

#include <array>
#include <charconv>

namespace larder::policy {

namespace {

struct Words {
  std::string_view name;
  std::string_view meaning;
};
#define LARDER_WORDS(name, word, meaning) Words{word, meaning},
constexpr Words forwards[] = {LARDER_FORWARDS(LARDER_WORDS)};
constexpr Words details[] = {LARDER_DETAILS(LARDER_WORDS)};
constexpr Words labels[] = {LARDER_OUTCOME_LABELS(LARDER_WORDS)};
#undef LARDER_WORDS

const Words& words_of(Forward forward) noexcept {
  return forwards[static_cast<std::size_t>(forward)];
}
const Words& words_of(Detail detail) noexcept {
  return details[static_cast<std::size_t>(detail)];
}
const Words& words_of(OutcomeLabel label) noexcept {
  return labels[static_cast<std::size_t>(label)];
}

}  // namespace

std::string_view name_of(Forward forward) noexcept {
  return words_of(forward).name;
}
std::string_view name_of(Detail detail) noexcept {
  return words_of(detail).name;
}
std::string_view name_of(OutcomeLabel label) noexcept {
  return words_of(label).name;
}
std::string_view meaning_of(Forward forward) noexcept {
  return words_of(forward).meaning;
}
std::string_view meaning_of(Detail detail) noexcept {
  return words_of(detail).meaning;
}
std::string_view meaning_of(OutcomeLabel label) noexcept {
  return words_of(label).meaning;
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

}  // namespace larder::policy
