#include "lean/structure.hpp"

#include <simdjson.h>

#include <algorithm>

namespace larder::lean {

namespace {

// simdjson needs room for one offset a byte: four bytes of index for each of the document.
constexpr std::size_t least_room = 16u << 10;
constexpr std::size_t most_room_kept = 1u << 20;

}  // namespace

struct Structure::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

Structure::Structure() : impl_(std::make_unique<Impl>()) {}
Structure::~Structure() = default;
Structure::Structure(Structure&&) noexcept = default;
Structure& Structure::operator=(Structure&&) noexcept = default;

Structure::Found Structure::find(std::string_view json) {
  // A JSON text ends in ASCII. It also keeps simdjson's fallback for old processors from looking for the rest of a
  // character behind the end.
  if (json.empty() || static_cast<unsigned char>(json.back()) >= 0x80) return Found::not_json;
  auto& parser = impl_->parser;
  if (!parser || parser->capacity() < json.size()) {
    parser.reset();
    const auto room = std::max(json.size(), least_room);
    const std::size_t depth = 1;  // for simdjson's second stage, which is not used
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(room, depth, parser)) {
      parser.reset();
      return Found::no_memory;
    }
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(json.data());
  if (parser->stage1(bytes, json.size(), simdjson::stage1_mode::regular)) return Found::not_json;
  return Found::tokens;
}

std::uint32_t* Structure::begin() noexcept { return impl_->parser->structural_indexes.get(); }
std::uint32_t* Structure::end() noexcept { return begin() + impl_->parser->n_structural_indexes; }

void Structure::shrink() {
  if (impl_->parser && impl_->parser->capacity() > most_room_kept) impl_->parser.reset();
}

}  // namespace larder::lean
