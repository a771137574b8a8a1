// Parses field lines as those of a response and of a request.
#include "http/cache_control.hpp"

#include "support.hpp"

#include <algorithm>

using namespace larder;

namespace {

// All parsed directives as text, with names in any order.
std::string told(http::CacheControl read) {
  std::string all;
  for (const bool flag : {read.present, read.targeted, read.no_store, read.no_cache, read.no_transform,
                          read.must_revalidate, read.proxy_revalidate, read.must_understand, read.is_public,
                          read.is_private, read.immutable, read.only_if_cached})
    all += flag ? '1' : '0';
  for (const auto& duration : {read.max_age, read.s_maxage, read.stale_while_revalidate, read.stale_if_error,
                               read.min_fresh, read.max_stale})
    all += duration ? " " + std::to_string(duration->count()) : " -";
  for (auto* names : {&read.no_cache_fields, &read.private_fields}) {
    std::sort(names->begin(), names->end());
    all += " :";
    for (const auto& name : *names) all += " " + name;
  }
  return all;
}

bool is_targeted(const http::Field& line) {
  return http::has_name(line, "CDN-Cache-Control");
}

template <class Read>
void order_is_of_no_interest(const std::vector<http::Field>& fields, Read read) {
  auto other = fields;
  std::reverse(other.begin(), other.end());
  fuzz::must(told(read(other)) == told(read(fields)), "the order of lines changes nothing");
  // RFC 9110 5.3: a list over several lines is the same list.
  std::vector<http::Field> split;
  for (const auto& line : fields) {
    auto piece = line;
    bool any = false;
    for (auto rest = line.value; line.id == http::FieldId::cache_control;) {
      if (!http::next_element(rest, piece.value)) break;
      split.push_back(piece);
      any = true;
    }
    if (!any) split.push_back(line);
  }
  fuzz::must(told(read(split)) == told(read(fields)), "nor do more of them");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto fields = fuzz::take_fields(rest);
  const auto of_response = http::parse_response_cache_control(fields);
  const auto of_request = http::parse_request_cache_control(fields);
  for (const auto* read : {&of_response, &of_request}) {
    for (const auto& duration : {read->max_age, read->s_maxage, read->stale_while_revalidate,
                                 read->stale_if_error, read->min_fresh, read->max_stale}) {
      fuzz::must(!duration || (duration->count() >= 0 && *duration <= http::max_lifetime),
                 "a duration is between 0 and 2^31 s");
    }
  }
  order_is_of_no_interest(fields, http::parse_request_cache_control);

  auto more = fields;
  more.push_back({http::FieldId::cache_control, "Cache-Control", "max-age=0, no-store, private, no-cache"});
  const auto stricter = http::parse_response_cache_control(more);
  if (of_response.targeted) {
    // RFC 9213 2.2.
    fuzz::must(told(stricter) == told(of_response), "a targeted field replaces Cache-Control");
    more.push_back({http::FieldId::unknown, "cdn-cache-control", "max-age=0;x=1, no-store"});
    const auto last = http::parse_response_cache_control(more);
    fuzz::must(last.targeted && last.no_store && last.max_age == http::Seconds{0},
               "the last of one key counts");
  } else {
    fuzz::must(
        stricter.no_store && stricter.is_private && stricter.no_cache && stricter.max_age->count() == 0,
        "of several directives the strictest counts");
    std::vector<http::Field> plain;
    std::remove_copy_if(fields.begin(), fields.end(), std::back_inserter(plain), is_targeted);
    fuzz::must(told(http::parse_response_cache_control(plain)) == told(of_response),
               "a targeted field that does not count changes nothing");
    order_is_of_no_interest(plain, http::parse_response_cache_control);
  }
  return 0;
}
