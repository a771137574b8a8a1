#include "tiers/record.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace larder::tiers {

namespace {

using policy::Millis;

class Writer {
 public:
  void number(std::uint64_t value) {
    char bytes[8];
    for (auto& byte : bytes) {
      byte = static_cast<char>(value & 0xFF);
      value >>= 8;
    }
    out_.append(bytes, sizeof bytes);
  }
  void number(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  void millis(Millis value) { number(static_cast<std::int64_t>(value.count())); }
  void text(std::string_view value) {
    number(static_cast<std::uint64_t>(value.size()));
    out_ += value;
  }
  template <class Value, class Write>
  void maybe(const std::optional<Value>& value, Write write) {
    number(static_cast<std::uint64_t>(value.has_value()));
    if (value) write(*value);
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

// Reads nothing beyond the end; `sound` is false if something was missing or invalid.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number() {
    if (rest_.size() < 8) {
      sound_ = false;
      return 0;
    }
    std::uint64_t value = 0;
    for (int i = 7; i >= 0; --i)
      value = value << 8 | static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]);
    rest_.remove_prefix(8);
    return value;
  }
  std::int64_t whole() { return static_cast<std::int64_t>(number()); }
  std::int64_t within(std::int64_t bound) {
    const auto value = whole();
    if (value > bound || value < -bound) sound_ = false;
    return sound_ ? value : 0;
  }
  // Larger values are invalid, and would overflow in sums.
  Millis millis() { return Millis{within(std::int64_t{1} << 50)}; }
  bool flag() { return number() != 0; }
  std::string text() {
    const auto size = number();
    if (size > rest_.size()) {
      sound_ = false;
      return {};
    }
    std::string value(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return value;
  }
  // The number of elements that follow; each has at least 8 bytes.
  std::size_t count() {
    const auto count = number();
    if (count > rest_.size() / 8) sound_ = false;
    return sound_ ? count : 0;
  }
  [[nodiscard]] bool sound() const noexcept { return sound_; }
  [[nodiscard]] bool at_end() const noexcept { return sound_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool sound_ = true;
};

std::optional<Millis> maybe_millis(Reader& in) {
  return in.flag() ? std::optional(in.millis()) : std::nullopt;
}
std::optional<std::chrono::sys_seconds> maybe_date(Reader& in) {
  if (!in.flag()) return std::nullopt;
  return std::chrono::sys_seconds{std::chrono::seconds{in.within(std::int64_t{1} << 40)}};
}

void write_secondary(const policy::SecondaryKey& secondary, Writer& out) {
  out.number(static_cast<std::uint64_t>(secondary.size()));
  for (const auto& field : secondary) {
    out.text(field.name);
    out.maybe(field.value, [&](const std::string& value) { out.text(value); });
  }
}

// Names are in the head's text. Their ids are looked up again, as they differ between versions of Beast.
void write_lines(const store::HeadLines& head, Writer& out) {
  out.number(static_cast<std::uint64_t>(head.status()));
  out.number(static_cast<std::uint64_t>(head.reason_size()));
  out.number(static_cast<std::uint64_t>(head.lines().size()));
  for (const auto& line : head.lines()) {
    out.number(std::uint64_t{line.name_size} << 32 | line.value_size);
    out.number(static_cast<std::uint64_t>(line.is_own) << 1 | static_cast<std::uint64_t>(line.in_304));
  }
}

// Lines that do not fit the text are not sound.
std::optional<store::HeadLines> read_lines(Reader& in, std::string_view text) {
  const auto status = static_cast<int>(in.within(999));
  store::HeadLines head(status, static_cast<std::size_t>(in.within(UINT32_MAX)));
  auto at = head.status_line_size();
  for (auto left = in.count(); left > 0 && in.sound(); --left) {
    const auto sizes = in.number();
    const auto flags = in.number();
    const auto name_size = static_cast<std::uint32_t>(sizes >> 32);
    const auto value_size = static_cast<std::uint32_t>(sizes);
    const auto size = std::uint64_t{name_size} + value_size + 4;
    if (at > text.size() || size > text.size() - at) return std::nullopt;
    const auto id = boost::beast::http::string_to_field(text.substr(at, name_size));
    head.add({name_size, value_size, id, (flags & 2) != 0, (flags & 1) != 0});
    at += static_cast<std::size_t>(size);
  }
  head.shrink_to_fit();
  return head.fit(text) ? std::optional(std::move(head)) : std::nullopt;
}

}  // namespace

std::string encode(const store::Response& response, policy::Now now) {
  Writer out;
  const auto date = [&](std::chrono::sys_seconds when) {
    out.number(static_cast<std::int64_t>(when.time_since_epoch().count()));
  };
  const auto millis = [&](Millis value) { out.millis(value); };
  const auto received = now.wall - (now.mono - response.response_time);
  out.number(static_cast<std::int64_t>(response.status));
  out.millis(received.time_since_epoch());
  out.millis(response.initial_age);
  out.millis(response.fresh_until - response.response_time);
  out.millis(response.lifetime.value);
  out.number(static_cast<std::uint64_t>(response.lifetime.source));
  out.maybe(response.date, date);
  out.maybe(response.last_modified, date);
  out.number(static_cast<std::uint64_t>(response.upstream_age));
  out.number(static_cast<std::uint64_t>(response.must_validate));
  out.number(static_cast<std::uint64_t>(response.must_revalidate));
  out.maybe(response.stale_while_revalidate, millis);
  out.maybe(response.stale_if_error, millis);
  out.maybe(response.stale_if_disconnected, millis);
  out.text(response.entity_tag);
  out.text(response.upstream_entity_tag);
  out.text(response.upstream_last_modified);
  write_secondary(response.secondary, out);
  out.number(static_cast<std::uint64_t>(response.groups.size()));
  for (const auto& group : response.groups) out.text(group);
  out.number(response.sequence);
  out.text(response.head);
  out.text(response.head_304);
  write_lines(response.head_lines, out);
  out.number(static_cast<std::uint64_t>(response.own_cache_control));
  out.text(response.replaced_cache_control);
  out.number(static_cast<std::uint64_t>(response.original_size));
  out.number(static_cast<std::uint64_t>(response.is_json));
  out.number(static_cast<std::uint64_t>(response.compressible));
  out.number(response.config_fingerprint);
  return out.take();
}

std::shared_ptr<store::Response> decode(std::string_view bytes, store::Body body, policy::Now now) {
  Reader in(bytes);
  auto response = std::make_shared<store::Response>();
  auto& out = *response;
  out.status = static_cast<int>(in.within(999));
  const policy::WallTime received{in.millis()};
  out.initial_age = in.millis();
  const auto fresh_for = in.millis();
  out.lifetime.value = in.millis();
  const auto source = in.number();
  if (source > static_cast<std::uint64_t>(policy::Lifetime::Source::heuristic)) return nullptr;
  out.lifetime.source = static_cast<policy::Lifetime::Source>(source);
  out.date = maybe_date(in);
  out.last_modified = maybe_date(in);
  out.upstream_age = in.flag();
  out.must_validate = in.flag();
  out.must_revalidate = in.flag();
  out.stale_while_revalidate = maybe_millis(in);
  out.stale_if_error = maybe_millis(in);
  out.stale_if_disconnected = maybe_millis(in);
  out.entity_tag = in.text();
  out.upstream_entity_tag = in.text();
  out.upstream_last_modified = in.text();
  for (auto left = in.count(); left > 0 && in.sound(); --left) {
    auto& field = out.secondary.emplace_back();
    field.name = in.text();
    field.id = boost::beast::http::string_to_field(field.name);
    if (in.flag()) field.value = in.text();
  }
  for (auto left = in.count(); left > 0 && in.sound(); --left) out.groups.push_back(in.text());
  out.sequence = in.number();
  out.head = in.text();
  out.head_304 = in.text();
  auto lines = read_lines(in, out.head);
  if (!lines) return nullptr;
  out.head_lines = std::move(*lines);
  out.own_cache_control = in.flag();
  out.replaced_cache_control = in.text();
  out.original_size = static_cast<std::size_t>(in.number());
  out.is_json = in.flag();
  out.compressible = in.flag();
  out.config_fingerprint = in.number();
  if (!in.at_end()) return nullptr;
  const bool from_the_future = received > now.wall;
  out.response_time = now.mono - (from_the_future ? Millis{0} : now.wall - received);
  out.fresh_until = from_the_future ? out.response_time : out.response_time + fresh_for;
  out.body = std::move(body);
  return response;
}

std::string variant_name(const store::Response& response) {
  Writer out;
  write_secondary(response.secondary, out);
  return out.take();
}

}  // namespace larder::tiers
