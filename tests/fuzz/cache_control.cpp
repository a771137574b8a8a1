// Field lines as a response's, and as a request's.
#include "http/cache_control.hpp"

#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto fields = fuzz::take_fields(rest);
  const auto of_response = http::parse_response_cache_control(fields);
  const auto of_request = http::parse_request_cache_control(fields);
  for (const auto* read : {&of_response, &of_request}) {
    for (const auto& duration : {read->max_age, read->s_maxage, read->stale_while_revalidate,
                                 read->stale_if_error, read->min_fresh, read->max_stale}) {
      fuzz::must(!duration || (duration->count() >= 0 && *duration <= http::longest_lifetime),
                 "a duration is between 0 and 2^31 s");
    }
  }
  // What is added can only make the whole stricter.
  auto more = fields;
  more.push_back({http::FieldId::cache_control, "Cache-Control", "max-age=0, no-store, private, no-cache"});
  const auto stricter = http::parse_response_cache_control(more);
  if (!stricter.targeted) {
    fuzz::must(
        stricter.no_store && stricter.is_private && stricter.no_cache && stricter.max_age->count() == 0,
        "of several directives the strictest counts");
  }
  fuzz::must(!of_response.no_store || stricter.no_store, "no-store stays");
  return 0;
}
