// What an answer without a body makes of a stored response: a 304 that validates it (RFC 9111 4.3.4), and the
// 200 to a HEAD (4.3.5).
#pragma once

#include "http/gate.hpp"
#include "policy/storability.hpp"
#include "store/response.hpp"

#include <memory>

namespace larder::cache {

struct Renewal {
  std::shared_ptr<store::Response> response;      // the held body under renewed fields and times
  std::string for_requesting_client;              // as represent() has it
  policy::Detail against = policy::Detail::none;  // why it must not be stored any more
};

/// What the answer is to, and when it came.
struct Renewing {
  const policy::RequestFacts& request;
  const settings::Route& route;
  const settings::Compression& compression;
  policy::ExchangeTimes when;
  policy::Sequence sequence = 0;
};

/// Whether a 304 is for the held response: it names no entity tag, or that one's (RFC 9111 4.3.4).
[[nodiscard]] bool names_held(const store::Response& held, http::Fields fresh);

/// The held response after the 304 `fresh`. If the request's condition named the held entity tag, a 304 with
/// another tag validates the held response too; then only the time of the 304 is used, not its fields.
[[nodiscard]] Renewal renewed(const store::Response& held, const http::ResponseHead& fresh,
                              const Renewing& by);

/// The held response as one that has expired: it may be validated, and nothing else.
[[nodiscard]] std::shared_ptr<store::Response> expired(const store::Response& held, policy::MonoTime now);

}  // namespace larder::cache
