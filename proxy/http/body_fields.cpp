#include "http/body_fields.hpp"

namespace larder::http {

bool is_content_digest(std::string_view name) noexcept {
  return iequals(name, "Content-Digest") || iequals(name, "Content-MD5");
}

bool is_digest(std::string_view name) noexcept {
  return is_content_digest(name) || iequals(name, "Repr-Digest") || iequals(name, "Digest");
}

bool describes_body(const Field& line) noexcept {
  switch (line.id) {
    case FieldId::content_length:
    case FieldId::content_encoding:
    case FieldId::content_range:
    case FieldId::transfer_encoding:
    case FieldId::accept_ranges:
      return true;
    default:
      return is_digest(line.name);
  }
}

}  // namespace larder::http
