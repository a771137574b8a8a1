// PassThroughStorer: stores an answer that streams through to its client, on its way.
//
// For the answer to a POST that says what a GET would get (RFC 9110 9.3.3). Belongs to the exchange that
// streams it; what it gathers is bounded by cache.max_body, and dropped where the answer is not complete.
#pragma once

#include "cache/fetch.hpp"

#include <memory>
#include <optional>
#include <string>

namespace larder::cache {

class PassThroughStorer {
 public:
  /// nullptr where the answer is not to be stored for a GET of `target` (path and query as sent). To be
  /// called after the write has been noted, so that it does not make void what it brings itself.
  [[nodiscard]] static std::unique_ptr<PassThroughStorer> for_answer(
      Resources deps, const Plan& plan, const settings::Route& route, const policy::RequestFacts& request,
      std::string_view authority, std::string_view target, const http::ResponseHead& answer,
      const policy::ExchangeTimes& when);

  void append(std::string_view piece);
  /// The body is complete. True where it was stored under `key`; not so where a write has come between.
  bool finish(const policy::KeyView& key, std::uint64_t path_hash, std::uint64_t route_hash);

 private:
  PassThroughStorer(Resources deps, const Plan& plan, const settings::Route& route,
                    const http::ResponseHead& answer, const policy::ExchangeTimes& when,
                    policy::StoredMeta meta)
      : deps_(deps), plan_(plan), route_(route), answer_(answer), when_(when), meta_(std::move(meta)) {}

  Resources deps_;
  const Plan& plan_;
  const settings::Route& route_;
  const http::ResponseHead& answer_;  // the call's, which outlives this
  policy::ExchangeTimes when_;
  policy::StoredMeta meta_;
  std::string body_;
  bool too_large_ = false;
};

}  // namespace larder::cache
