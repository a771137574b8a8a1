// Evaluates a Range for a size, and parses a Content-Range.
#include "http/range.hpp"

#include "support.hpp"

#include <cstring>

using namespace larder;

namespace {

std::string digits(std::optional<std::uint64_t> number) {
  return number ? std::to_string(*number) : std::string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t bytes = 0;
  if (size < sizeof bytes) return 0;
  std::memcpy(&bytes, data, sizeof bytes);
  const auto text = fuzz::text_of(data + sizeof bytes, size - sizeof bytes);
  const http::Field line{http::FieldId::range, "Range", text};
  const auto spec = http::parse_range({&line, 1});
  for (const auto of : {bytes, bytes % 32}) {
    const auto choice = http::choose_range({&line, 1}, of);
    if (const auto* range = std::get_if<http::ByteRange>(&choice)) {
      fuzz::must(range->first <= range->last && range->last < of, "a range lies within the size");
      if (spec->first) {
        fuzz::must(range->first == *spec->first && (!spec->last || range->last <= *spec->last),
                   "a range is no more than was asked for");
      } else {
        fuzz::must(range->last == of - 1 && range->last - range->first < *spec->last,
                   "a suffix is at the end and no longer than was asked for");
      }
    }
    fuzz::must(spec.has_value() != std::holds_alternative<http::WholeBody>(choice),
               "the whole is for what is no range");
  }
  if (spec) {
    const auto written = "bytes=" + digits(spec->first) + "-" + digits(spec->last);
    const http::Field itself{http::FieldId::range, "Range", written};
    const auto again = http::parse_range({&itself, 1});
    fuzz::must(again && again->first == spec->first && again->last == spec->last,
               "a range is written and read");
    const std::vector<http::Field> two{line, line};
    fuzz::must(!http::parse_range(two), "two Range lines are none");
  }
  if (const auto range = http::parse_content_range(text)) {
    fuzz::must(range->first <= range->last, "a part begins before it ends");
    fuzz::must(!range->complete || range->last < *range->complete, "a part lies within the whole");
    const auto written = "bytes " + digits(range->first) + "-" + digits(range->last) + "/" +
                         (range->complete ? digits(range->complete) : "*");
    const auto again = http::parse_content_range(written);
    fuzz::must(again && again->first == range->first && again->last == range->last &&
                   again->complete == range->complete,
               "a Content-Range is written and read");
  }
  return 0;
}
