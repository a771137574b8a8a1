#include "projection/structure.hpp"

#include <simdjson.h>

#include <algorithm>

namespace larder::projection {

namespace {

constexpr std::size_t window = 64u << 10;
constexpr std::size_t max_kept = 1u << 20;  // of a window; its index takes four times as much

bool is_ascii(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x80;
}

// The last place before `size` where a window may end, 0 where there is none nearby: before a comma that
// follows the end of an object or a list, or, where there is none, of a string or a number. Text has commas
// too, but seldom such.
std::size_t cut(std::string_view rest, std::size_t size) noexcept {
  const std::size_t least = size - size / 8;
  std::size_t second = 0;
  for (std::size_t at = size; at > least; --at) {
    if (rest[at] != ',') continue;
    const char before = rest[at - 1];
    if (before == '}' || before == ']') return at;
    if (second == 0 && (before == '"' || (before >= '0' && before <= '9'))) second = at;
  }
  return second;
}

}  // namespace

struct Structure::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;

  bool make_room(std::size_t size) {
    if (parser && parser->capacity() >= size) return true;
    parser.reset();
    const std::size_t depth = 1;  // for simdjson's second stage, which is not used
    const auto room = std::max(size, 2 * window);
    if (!simdjson::get_active_implementation()->create_dom_parser_implementation(room, depth, parser))
      return true;
    parser.reset();
    return false;
  }
};

Structure::Structure() : impl_(std::make_unique<Impl>()) {}
Structure::~Structure() = default;
Structure::Structure(Structure&&) noexcept = default;
Structure& Structure::operator=(Structure&&) noexcept = default;

Structure::Found Structure::find(std::string_view rest) {
  // A JSON text ends in ASCII. It also keeps simdjson's fallback for other processors from looking for the
  // rest of a character behind the end.
  if (rest.empty() || !is_ascii(rest.back())) return Found::not_json;
  for (std::size_t size = window;; size *= 2) {
    const bool last = rest.size() - rest.size() / 4 <= size;
    size_ = last ? rest.size() : cut(rest, size);
    if (size_ == 0) continue;
    if (!impl_->make_room(size_)) return Found::no_memory;
    auto& parser = *impl_->parser;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(rest.data());
    const auto error = parser.stage1(bytes, size_, simdjson::stage1_mode::regular);
    if (error == simdjson::UNCLOSED_STRING && !last) continue;
    if (error) return Found::not_json;
    parser.structural_indexes[parser.n_structural_indexes] = static_cast<std::uint32_t>(size_);
    begin_ = parser.structural_indexes.get();
    end_ = begin_ + parser.n_structural_indexes;
    return Found::tokens;
  }
}

void Structure::shrink() {
  if (impl_->parser && impl_->parser->capacity() > max_kept) impl_->parser.reset();
}

}  // namespace larder::projection
