#include "cache/owned_request.hpp"

namespace larder::cache {

OwnedRequest::OwnedRequest(std::string_view head_bytes, const settings::Settings& settings,
                           const policy::Arrival& came)
    : bytes(head_bytes),
      peer(came.peer),
      tls(came.tls == nullptr ? policy::TlsClient() : *came.tls),
      arrival(came) {
  arrival.peer = peer;
  if (came.tls != nullptr) arrival.tls = &tls;
  (void)http::read_request(bytes, settings.gate, head);
  if (!arrival.trusted) (void)policy::remove_forwarded(head, settings.request_fields);
  policy::remove_client_fields(head, settings.client_fields);
}

}  // namespace larder::cache
