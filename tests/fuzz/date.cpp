// Any text as a date, with any now.
#include "http/date.hpp"

#include "support.hpp"

#include <cstring>

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint32_t seconds = 0;
  if (size < sizeof seconds) return 0;
  std::memcpy(&seconds, data, sizeof seconds);
  const std::chrono::sys_seconds now{std::chrono::seconds{seconds}};
  const auto text = fuzz::text_of(data + sizeof seconds, size - sizeof seconds);
  if (const auto date = http::parse_date(text, now)) {
    const auto written = http::format_date(*date);
    fuzz::must(http::parse_date(written, now) == date, "a date that was read is written and read again");
    const bool leap = text.find(":60") != std::string_view::npos;  // a leap second is the next minute's first
    if (text.size() == written.size() && text.ends_with("GMT") && text[3] == ',' && !leap) {
      fuzz::must(text.substr(4) == std::string_view(written).substr(4),
                 "an IMF-fixdate is written as it was");
    }
  }
  const auto written = http::format_date(now);
  fuzz::must(http::parse_date(written, now) == now, "what is written is read");
  return 0;
}
