#include "http/date.hpp"

#include "http/fields.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace larder::http {

namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 7> short_days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> long_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Parses a date from the front. After the first failing step, all further steps fail. Letters are compared
// case-insensitively: the grammar is case-sensitive, but a cache should not be (RFC 9111 4.2).
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : rest_(text) {}

  void literal(std::string_view expected) noexcept {
    good_ = good_ && begins_with(expected);
    if (good_) rest_.remove_prefix(expected.size());
  }
  template <std::size_t N>
  unsigned name(const std::array<std::string_view, N>& names) noexcept {
    for (unsigned i = 0; i < N; ++i) {
      if (!begins_with(names[i])) continue;
      rest_.remove_prefix(names[i].size());
      return i;
    }
    good_ = false;
    return 0;
  }
  unsigned digits(std::size_t count) noexcept {
    unsigned value = 0;
    good_ = good_ && rest_.size() >= count;
    for (std::size_t i = 0; good_ && i < count; ++i) {
      const char c = rest_[i];
      good_ = c >= '0' && c <= '9';
      value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if (good_) rest_.remove_prefix(count);
    return value;
  }
  // asctime pads the day with a space.
  unsigned padded_day() noexcept {
    if (!rest_.starts_with(' ')) return digits(2);
    literal(" ");
    return digits(1);
  }
  [[nodiscard]] bool done() const noexcept { return good_ && rest_.empty(); }

 private:
  [[nodiscard]] bool begins_with(std::string_view expected) const noexcept {
    return iequals(rest_.substr(0, expected.size()), expected);
  }

  std::string_view rest_;
  bool good_ = true;
};

struct Parts {
  int year = 0;
  unsigned month = 0;  // 0 to 11
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
};

void read_time(Reader& reader, Parts& parts) noexcept {
  parts.hour = reader.digits(2);
  reader.literal(":");
  parts.minute = reader.digits(2);
  reader.literal(":");
  parts.second = reader.digits(2);
}

std::optional<Parts> read_imf_fixdate(std::string_view text) noexcept {
  Reader reader(text);
  Parts parts;
  reader.name(short_days);
  reader.literal(", ");
  parts.day = reader.digits(2);
  reader.literal(" ");
  parts.month = reader.name(months);
  reader.literal(" ");
  parts.year = static_cast<int>(reader.digits(4));
  reader.literal(" ");
  read_time(reader, parts);
  reader.literal(" GMT");
  return reader.done() ? std::optional(parts) : std::nullopt;
}

std::optional<Parts> read_rfc850(std::string_view text, sys_seconds now) noexcept {
  Reader reader(text);
  Parts parts;
  reader.name(long_days);
  reader.literal(", ");
  parts.day = reader.digits(2);
  reader.literal("-");
  parts.month = reader.name(months);
  reader.literal("-");
  const int two_digits = static_cast<int>(reader.digits(2));
  reader.literal(" ");
  read_time(reader, parts);
  reader.literal(" GMT");
  if (!reader.done()) return std::nullopt;
  // RFC 9110 5.6.7: a year more than 50 years in the future is in the past.
  const int this_year = static_cast<int>(year_month_day(floor<days>(now)).year());
  parts.year = this_year - this_year % 100 + two_digits;
  if (parts.year > this_year + 50) parts.year -= 100;
  return parts;
}

std::optional<Parts> read_asctime(std::string_view text) noexcept {
  Reader reader(text);
  Parts parts;
  reader.name(short_days);
  reader.literal(" ");
  parts.month = reader.name(months);
  reader.literal(" ");
  parts.day = reader.padded_day();
  reader.literal(" ");
  read_time(reader, parts);
  reader.literal(" ");
  parts.year = static_cast<int>(reader.digits(4));
  return reader.done() ? std::optional(parts) : std::nullopt;
}

std::optional<sys_seconds> to_time(const Parts& parts) noexcept {
  const year_month_day date{year(parts.year), month(parts.month + 1), day(parts.day)};
  // 60 is a leap second (RFC 5322 3.3), which system time does not count.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  return sys_days(date) + hours(parts.hour) + minutes(parts.minute) + seconds(std::min(parts.second, 59u));
}

}  // namespace

std::optional<sys_seconds> parse_date(std::string_view text, sys_seconds now) {
  auto parts = read_imf_fixdate(text);
  if (!parts) parts = read_rfc850(text, now);
  if (!parts) parts = read_asctime(text);
  return parts ? to_time(*parts) : std::nullopt;
}

std::string format_date(sys_seconds time) {
  const auto day_of = floor<days>(time);
  const year_month_day date(day_of);
  const hh_mm_ss clock(time - day_of);
  std::array<char, 40> text;
  const auto weekday_index = weekday(day_of).c_encoding();
  const auto month_index = static_cast<unsigned>(date.month()) - 1;
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT", short_days[weekday_index].data(),
      static_cast<unsigned>(date.day()), months[month_index].data(), static_cast<int>(date.year()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace larder::http
