#include "store/derived.hpp"

#include <algorithm>

namespace larder::store {

std::size_t Representation::charge() const noexcept {
  return sizeof(*this) + head.capacity() + head_304.capacity() + head_lines.charge() + entity_tag.capacity() +
         (body ? body->capacity() : 0);
}

std::shared_ptr<const Representation> Derived::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& place : places_) {
    if (place.name == name) return place.made;
  }
  return nullptr;
}

bool Derived::begin(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const Place& place) { return place.name == name; };
  if (places_.size() >= most || std::any_of(places_.begin(), places_.end(), same)) return false;
  places_.push_back({std::string(name), nullptr});
  return true;
}

void Derived::publish(std::string_view name, std::shared_ptr<const Representation> made) {
  const std::lock_guard lock(mutex_);
  for (auto& place : places_) {
    if (place.name == name) place.made = std::move(made);
  }
}

void Derived::abandon(std::string_view name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(places_, [&](const Place& place) { return place.name == name; });
}

std::vector<std::string> Derived::entity_tags() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> tags;
  for (const auto& place : places_) {
    if (place.made) tags.push_back(place.made->entity_tag);
  }
  return tags;
}

std::size_t Derived::charge() const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const auto& place : places_) bytes += sizeof(place) + (place.made ? place.made->charge() : 0);
  return bytes;
}

}  // namespace larder::store
