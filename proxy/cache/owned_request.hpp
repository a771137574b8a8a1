// A request that outlives its client's buffer.
#pragma once

#include "http/gate.hpp"
#include "policy/request.hpp"
#include "settings/settings.hpp"

#include <string>
#include <string_view>

namespace larder::cache {

/// A request with a copy of its head.
struct OwnedRequest {
  std::string bytes;  // the head, as received
  std::string peer;
  policy::TlsClient tls;
  policy::Arrival arrival;  // refers to the members above
  http::RequestHead head;   // without fields that only a trusted peer may send

  /// `head_bytes` must have passed the gate with the settings' limits.
  OwnedRequest(std::string_view head_bytes, const settings::Settings& settings, const policy::Arrival& came);
  OwnedRequest(const OwnedRequest&) = delete;
  OwnedRequest& operator=(const OwnedRequest&) = delete;
};

}  // namespace larder::cache
