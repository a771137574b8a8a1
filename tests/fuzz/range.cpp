// A Range against a size, and a Content-Range.
#include "http/range.hpp"

#include "support.hpp"

#include <cstring>

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t bytes = 0;
  if (size < sizeof bytes) return 0;
  std::memcpy(&bytes, data, sizeof bytes);
  const auto text = fuzz::text_of(data + sizeof bytes, size - sizeof bytes);
  const http::Field line{http::FieldId::range, "Range", text};
  for (const auto of : {bytes, bytes % 32}) {
    const auto choice = http::choose_range({&line, 1}, of);
    if (const auto* range = std::get_if<http::ByteRange>(&choice)) {
      fuzz::must(range->first <= range->last && range->last < of, "a range lies within the size");
    }
  }
  if (const auto range = http::parse_content_range(text)) {
    fuzz::must(range->first <= range->last, "a part begins before it ends");
    fuzz::must(!range->complete || range->last < *range->complete, "a part lies within the whole");
  }
  return 0;
}
