// Parses any text as a date, relative to any current time.
#include "http/date.hpp"

#include "http/fields.hpp"
#include "support.hpp"

#include <cstring>

using namespace larder;

namespace {

// The two obsolete formats (RFC 9110 5.6.7), made from "Sun, 06 Nov 1994 08:49:37 GMT".
std::string as_rfc850(const std::string& fixdate) {
  constexpr std::string_view rest_of_days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};
  std::string out;
  for (const auto day : rest_of_days) {
    if (fixdate.starts_with(day.substr(0, 3))) out = day;
  }
  return out.append(", " + fixdate.substr(5, 2) + "-" + fixdate.substr(8, 3) + "-" + fixdate.substr(14, 2) +
                    fixdate.substr(16));
}
std::string as_asctime(const std::string& fixdate) {
  const auto day = fixdate[5] == '0' ? " " + fixdate.substr(6, 1) : fixdate.substr(5, 2);
  return fixdate.substr(0, 3) + " " + fixdate.substr(8, 3) + " " + day + fixdate.substr(16, 9) + " " +
         fixdate.substr(12, 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t seconds = 0;
  if (size < sizeof seconds) return 0;
  std::memcpy(&seconds, data, sizeof seconds);
  const std::chrono::sys_seconds now{std::chrono::seconds{seconds}};
  const auto text = fuzz::text_of(data + sizeof seconds, size - sizeof seconds);
  if (const auto date = http::parse_date(text, now)) {
    const auto written = http::format_date(*date);
    fuzz::must(http::parse_date(written, now) == date, "a date that was read is written and read again");
    const bool leap =
        text.find(":60") != std::string_view::npos;  // a leap second is parsed as the second before
    if (text.size() == written.size() && text[3] == ',' && !leap) {
      fuzz::must(http::iequals(text.substr(4), std::string_view(written).substr(4)),
                 "an IMF-fixdate is written as it was, but for the case of its letters");
    }
  }
  const auto written = http::format_date(now);
  fuzz::must(http::parse_date(written, now) == now, "what is written is read");
  fuzz::must(http::parse_date(as_rfc850(written), now) == now, "and so is the form of RFC 850");
  fuzz::must(http::parse_date(as_asctime(written), now) == now, "and that of asctime");
  return 0;
}
