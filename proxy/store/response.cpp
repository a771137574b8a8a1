// Estimates the memory of stored responses, which is charged to cache.memory.

#include "store/response.hpp"

namespace larder::store {

namespace {

// The estimated size of an allocation: allocators round up to size classes.
constexpr std::size_t allocated(std::size_t bytes) noexcept {
  return bytes + bytes / 8 + 16;
}
constexpr std::size_t reference_counts = 16;  // of a shared_ptr's control block
constexpr std::size_t response_overhead = allocated(sizeof(Response) + reference_counts);
constexpr std::size_t body_overhead = allocated(sizeof(std::string) + reference_counts);
// An AccessHistory, and its entry in the refresh scheduler.
constexpr std::size_t interest_charge = sizeof(AccessHistory) + 256;

// In addition to the string object.
std::size_t charge_of(const std::string& text) noexcept {
  return text.capacity() <= 15 ? 0 : allocated(text.capacity() + 1);
}

}  // namespace

// A place in the table, which is two thirds full, a node of the queue, and the Entry.
const std::size_t Entry::overhead = 2 * 48 + allocated(40) + allocated(sizeof(Entry) + reference_counts);

std::size_t Response::charge() const noexcept {
  std::size_t bytes = response_overhead;
  if (body.owner()) bytes += body_overhead + charge_of(*body.owner());
  for (const auto* text : {&head, &head_304, &entity_tag, &upstream_entity_tag, &upstream_last_modified,
                           &replaced_cache_control, &content_range})
    bytes += charge_of(*text);
  if (head_lines.charge() > 0) bytes += allocated(head_lines.charge());
  if (secondary.capacity() > 1) bytes += allocated(secondary.capacity() * sizeof(policy::VaryField));
  for (const auto& field : secondary)
    bytes += charge_of(field.name) + (field.value ? charge_of(*field.value) : 0);
  if (path_mark != nullptr) bytes += MarkTable::charge;
  if (!group_marks.empty())
    bytes +=
        allocated(group_marks.capacity() * sizeof(group_marks[0])) + group_marks.size() * MarkTable::charge;
  if (!groups.empty()) bytes += allocated(groups.capacity() * sizeof(std::string));
  for (const auto& group : groups) bytes += charge_of(group);
  if (access_history) bytes += interest_charge;
  if (derived) bytes += allocated(sizeof(Derived) + reference_counts) + derived->charge();
  return bytes;
}

std::size_t Entry::charge() const noexcept {
  std::size_t bytes = overhead + charge_of(key);
  for (const auto& response : variants) bytes += response->charge();
  return bytes;
}

}  // namespace larder::store
