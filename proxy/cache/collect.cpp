#include "cache/collect.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace larder::cache {

namespace {

// Bytes that are reserved because of a Content-Length, before they arrive.
constexpr std::size_t max_reserved = 1u << 20;

// A body that is complete by then is sent as a whole, with its length and entity tag.
constexpr Millis stream_after{100};

// The capacity for `more` bytes: twice the last one, but never more than the body's length, where that is
// known.
std::size_t room_for(const std::string& body, std::size_t more, const http::Framing& framing) {
  const auto needed = body.size() + more;
  if (needed <= body.capacity()) return body.capacity();
  const auto doubled = std::max(needed, 2 * body.capacity());
  if (framing.kind != http::Framing::Kind::length) return doubled;
  return std::clamp(static_cast<std::size_t>(framing.length), needed, doubled);
}

// Without memory for it, the response is sent when it is complete.
void begin_stream(Fill& fill, const upstream::Call& call, const std::string& body) {
  try {
    fill.begin_stream(call.copy_head(), body);
  } catch (const std::bad_alloc&) {
  }
}

}  // namespace

Task<CollectResult> collect(upstream::Call& call, const CollectBounds& bounds, std::string& body,
                            Fill* stream) {
  const auto& framing = call.head().framing;
  if (framing.kind == http::Framing::Kind::length) {
    if (framing.length > bounds.size) co_return CollectResult{Collected::too_large, std::nullopt};
    const auto expected = std::min<std::size_t>(static_cast<std::size_t>(framing.length), max_reserved);
    if (!bounds.share.grow_to(expected)) co_return CollectResult{Collected::no_room, std::nullopt};
    body.reserve(expected);
  }
  auto& loop = call.loop();
  Fill* streamed = nullptr;
  auto heard = loop.now().mono;
  const auto stream_at = heard + stream_after;
  for (;;) {
    const auto now = loop.now().mono;
    if (stream != nullptr && now >= stream_at) {
      streamed = std::exchange(stream, nullptr);
      begin_stream(*streamed, call, body);
    }
    auto end = std::min(heard + bounds.silence, bounds.until);
    if (now >= end) co_return CollectResult{Collected::slow, std::nullopt};
    if (stream != nullptr) end = std::min(end, stream_at);
    auto piece = co_await call.read_body(std::max(std::chrono::ceil<Millis>(end - now), Millis{1}));
    if (piece.failure) co_return CollectResult{Collected::failed, std::move(piece.failure)};
    if (piece.silent) continue;
    heard = loop.now().mono;
    const auto room = room_for(body, piece.data.size(), framing);
    const bool has_room = room <= body.capacity() || bounds.share.grow_to(room) || piece.end;
    if (has_room) body.reserve(room);
    body.append(piece.data);
    if (body.size() > bounds.size) co_return CollectResult{Collected::too_large, std::nullopt};
    if (!has_room) co_return CollectResult{Collected::no_room, std::nullopt};
    if (piece.end) break;
    if (streamed != nullptr) streamed->feed();
  }
  body.shrink_to_fit();
  co_return CollectResult{};
}

}  // namespace larder::cache
