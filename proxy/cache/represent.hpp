// From a fetched answer to the stored response: what is stored is what is sent, made once (design, invariants
// 2 and 6).
#pragma once

#include "http/gate.hpp"
#include "policy/storability.hpp"
#include "store/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::cache {

/// What larder did to upstream's bytes.
struct Change {
  bool changed = false;           // projected: nothing that upstream said about its own bytes holds any more
  bool of_part = false;           // the fields are a 206's: its Content-Range is no field of what is stored
  std::string entity_tag;         // of the bytes sent; empty = upstream's own stands
  std::size_t original_size = 0;  // of upstream's body where it was projected
};

/// What a response is represented under.
struct Setting {
  const settings::Route& route;
  const settings::Compression& compression;
  policy::WallTime now;
};

/// Builds the response that is stored. `fields` are the answer's (or the updated ones of a renewal); `meta`
/// as judged, its entity_tag replaced by the change's where there is one. `for_requesting_client` takes the
/// field lines that are not stored but are for the client that started the fetch; nullptr = there is none.
[[nodiscard]] std::shared_ptr<store::Response> represent(policy::StoredMeta meta, std::string_view reason,
                                                         http::Fields fields, int minor_version,
                                                         const Setting& setting, const Change& change,
                                                         std::shared_ptr<const std::string> body,
                                                         std::string* for_requesting_client = nullptr);

/// Something may be made of it later: `derived` is not to be nullptr.
[[nodiscard]] bool may_be_derived(const store::Response& response, const settings::Route& route) noexcept;

/// The fields of a stored response as the API sent them, as far as they were kept, without those that larder
/// added or put in their place. Views into the response.
[[nodiscard]] std::vector<http::Field> upstream_fields(const store::Response& response);

}  // namespace larder::cache
