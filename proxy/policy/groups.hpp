// Cache groups (RFC 9875): names by which one write can invalidate several stored responses.
#pragma once

#include "http/fields.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

/// The groups that a response belongs to: the strings of Cache-Groups (RFC 9875 2). Empty if the field is not
/// a List of Strings (RFC 9651).
[[nodiscard]] std::vector<std::string> groups_of(http::Fields response);

/// The groups that the response to an unsafe method invalidates: the strings of Cache-Group-Invalidation (RFC
/// 9875 3).
[[nodiscard]] std::vector<std::string> groups_invalidated(http::Fields response);

/// A group's name in the invalidation log. A group belongs to one origin (RFC 9875 2.1); http and https count
/// as the same origin here. `origin` is KeyView::origin() of any key of that origin.
[[nodiscard]] std::string group_name(std::string_view origin, std::string_view group);

}  // namespace larder::policy
