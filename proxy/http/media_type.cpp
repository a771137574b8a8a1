#include "http/media_type.hpp"

#include "http/fields.hpp"
#include "http/text.hpp"

#include <algorithm>
#include <array>

namespace larder::http {

bool is_stream_type(std::string_view content_type) noexcept {
  constexpr std::array<std::string_view, 9> types{
      "text/event-stream",     "multipart/x-mixed-replace", "application/x-ndjson",
      "application/ndjson",    "application/jsonl",         "application/x-jsonlines",
      "application/jsonlines", "application/json-seq",      "application/stream+json",
  };
  const auto type = trim(content_type.substr(0, content_type.find(';')));
  return std::any_of(types.begin(), types.end(), [&](std::string_view one) { return iequals(type, one); });
}

}  // namespace larder::http
