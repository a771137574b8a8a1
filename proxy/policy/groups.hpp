// Cache groups (RFC 9875): stored responses that a write may name together.
#pragma once

#include "http/fields.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace larder::policy {

/// The groups that a response belongs to (2): the strings of Cache-Groups. None where the field is not a List
/// of Strings as RFC 9651 has it.
[[nodiscard]] std::vector<std::string> groups_of(http::Fields response);

/// The groups that the answer to an unsafe method makes void (3): the strings of Cache-Group-Invalidation.
[[nodiscard]] std::vector<std::string> groups_invalidated(http::Fields response);

/// A group's name for the write log. Groups are the origin's own (2.1), and both its schemes are one here:
/// `origin` is KeyView::origin() of any key of it.
[[nodiscard]] std::string group_name(std::string_view origin, std::string_view group);

}  // namespace larder::policy
