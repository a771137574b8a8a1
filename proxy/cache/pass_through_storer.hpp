// PassThroughStorer: stores a response while it is streamed to its client.
//
// For the response to a POST that is also the response to a GET (RFC 9110 9.3.3). Belongs to the exchange
// that streams it. The collected body is limited by cache.max_body and dropped if it is incomplete.
#pragma once

#include "cache/cache.hpp"

#include <memory>
#include <optional>
#include <string>

namespace larder::cache {

class PassThroughStorer {
 public:
  /// nullptr if the response is not to be stored for a GET of `target` (path and query as sent). To be called
  /// after the write has been noted, so that the write does not invalidate this response.
  [[nodiscard]] static std::unique_ptr<PassThroughStorer> for_answer(
      Cache& cache, const Plan& plan, const settings::Route& route, const policy::RequestFacts& request,
      std::string_view authority, std::string_view target, const http::ResponseHead& answer,
      const policy::ExchangeTimes& when);

  void append(std::string_view piece);
  /// To be called when the body is complete. True if it was stored under the target's key; false, for
  /// example, if another write came meanwhile.
  bool finish(const Target& target);

 private:
  PassThroughStorer(Cache& cache, const Plan& plan, const settings::Route& route,
                    const http::ResponseHead& answer, const policy::ExchangeTimes& when,
                    policy::StoredMeta meta)
      : cache_(cache), plan_(plan), route_(route), answer_(answer), when_(when), meta_(std::move(meta)) {}

  Cache& cache_;
  const Plan& plan_;
  const settings::Route& route_;
  const http::ResponseHead& answer_;  // the call's; must outlive this object
  policy::ExchangeTimes when_;
  policy::StoredMeta meta_;
  std::string body_;
  bool too_large_ = false;
};

}  // namespace larder::cache
