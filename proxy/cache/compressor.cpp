#include "cache/compressor.hpp"

#include "cache/shape.hpp"
#include "coding/codec.hpp"
#include "policy/tags.hpp"

#include <exception>

namespace larder::cache {

namespace {

std::shared_ptr<const store::Representation> make(const store::Response& response, http::Coding coding,
                                                  int level) {
  auto coded = coding::encode(coding, level, *response.body);
  if (!coded || coded->size() >= response.body->size()) return nullptr;
  auto made = std::make_shared<store::Representation>();
  made->entity_tag =
      policy::coded_tag(response.entity_tag, coding, coding::encoder_fingerprint(coding, level));
  made->body = std::make_shared<const std::string>(std::move(*coded));
  derive_heads(response, http::name_of(coding), *made);
  return made;
}

}  // namespace

std::string representation_name(http::Coding coding, std::string_view mark) {
  return std::string(http::name_of(coding)).append(mark);
}

void Compressor::request(const std::string& key, std::shared_ptr<const store::Response> response,
                         http::Coding coding, int level) {
  const auto name = representation_name(coding, coding::encoder_fingerprint(coding, level));
  if (!response->derived->begin(name)) return;
  if (waiting_.fetch_add(1, std::memory_order_relaxed) >= max_waiting) {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    response->derived->abandon(name);
    return;
  }
  thread_.post([this, key, response = std::move(response), coding, level, name] {
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    try {
      auto made = make(*response, coding, level);
      if (made) made_.fetch_add(1, std::memory_order_relaxed);
      response->derived->publish(name, std::move(made));
      store_.recharge(key, store_.hash(key));
    } catch (const std::exception&) {  // out of memory: identity is sent
      response->derived->publish(name, nullptr);
    }
  });
}

}  // namespace larder::cache
