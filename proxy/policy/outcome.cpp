#include "policy/outcome.hpp"

#include <array>
#include <charconv>
#include <initializer_list>

namespace larder::policy {

namespace {

struct Words {
  std::string_view name;
  std::string_view meaning;
  std::string_view remedy = {};
};
#define LARDER_WORDS(name, ...) Words{__VA_ARGS__},
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

std::string_view remedy_of(Detail detail) noexcept {
  return words_of(detail).remedy;
}

std::optional<Detail> detail_called(std::string_view word) noexcept {
  for (std::size_t i = 0; i < detail_count; ++i) {
    if (details[i].name == word) return static_cast<Detail>(i);
  }
  return std::nullopt;
}

std::string cache_status_markdown() {
  std::string out = R"(# The words of Cache-Status

Each response that larder sends has a member `larder` in its `Cache-Status` field ([RFC 9211](https://www.rfc-editor.org/rfc/rfc9211)):
`larder; hit; ttl=27` is a fresh response from the cache, `larder; fwd=uri-miss; stored` one that was fetched and stored,
`larder; fwd=bypass; detail=request-authorization` one that did not use the cache. The access log, the metrics and
`larder explain` use the same words.

- `hit`: the response is from the cache. `ttl`: the remaining seconds of its freshness lifetime, negative if it is stale.
- `fwd`: why the request was forwarded to the API (below). `fwd-status`: the API's status, if the client got another one.
- `stored`: the response was stored. `collapsed`: the response is the one that another client's request fetched.
- `key`: the cache key, with `cache.status_key: true`. `detail`: more about it (below).

## fwd

| word | meaning |
|---|---|
)";
  const auto row = [&out](std::initializer_list<std::string_view> cells) {
    if (cells.begin()->empty()) return;
    out.append("| `").append(*cells.begin()).append("`");
    for (const auto* cell = cells.begin() + 1; cell != cells.end(); ++cell) out.append(" | ").append(*cell);
    out += " |\n";
  };
  for (const auto& one : forwards) row({one.name, one.meaning});
  out += R"(
## detail

| word | meaning | what to do |
|---|---|---|
)";
  for (const auto& one : details) row({one.name, one.meaning, one.remedy});
  out += R"(
## outcome

The access log and the metrics also have the outcome in one word.

| word | meaning |
|---|---|
)";
  for (const auto& one : labels) row({one.name, one.meaning});
  return out;
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
