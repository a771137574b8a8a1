#include "cache/collect.hpp"

#include <algorithm>

namespace larder::cache {

namespace {

// Bytes that are reserved because of a Content-Length, before they arrive.
constexpr std::size_t max_reserved = 1u << 20;

}  // namespace

Task<Collected> collect(upstream::Call& call, std::size_t limit) {
  Collected result;
  const auto& framing = call.head().framing;
  if (framing.kind == http::Framing::Kind::length) {
    if (framing.length > limit) co_return result;
    result.body.reserve(std::min<std::size_t>(static_cast<std::size_t>(framing.length), max_reserved));
  }
  while (!result.complete && result.body.size() <= limit) {
    auto piece = co_await call.read_body();
    if (piece.failure) {
      result.failure = std::move(piece.failure);
      co_return result;
    }
    result.body.append(piece.data);
    result.complete = piece.end;
  }
  result.body.shrink_to_fit();
  co_return result;
}

}  // namespace larder::cache
