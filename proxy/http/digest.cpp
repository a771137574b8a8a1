#include "http/digest.hpp"

#include "http/fields.hpp"

namespace larder::http {

bool is_content_digest(std::string_view name) noexcept {
  return iequals(name, "Content-Digest") || iequals(name, "Content-MD5");
}

bool is_digest(std::string_view name) noexcept {
  return is_content_digest(name) || iequals(name, "Repr-Digest") || iequals(name, "Digest");
}

}  // namespace larder::http
