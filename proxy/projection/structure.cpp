// Uses simdjson::internal, because no public interface of simdjson gives what projection needs: the positions
// of the tokens, with every byte checked to be UTF-8, one window of the document at a time and without
// padding after it. The DOM copies all values and takes the document as a whole; On Demand does not validate
// what it skips; both require SIMDJSON_PADDING bytes after the document.
//
// That interface may change with any release. The assertions below stop the build if the version is outside
// the supported range or a signature has changed; the tests of projection cover the behaviour. To support
// another version, run those tests with it and then extend the range.
#include "projection/structure.hpp"

#include <simdjson.h>

#include <algorithm>
#include <concepts>
#include <type_traits>

namespace larder::projection {

namespace {

static_assert(simdjson::SIMDJSON_VERSION_MAJOR >= 3 && simdjson::SIMDJSON_VERSION_MAJOR <= 4,
              "projection/structure.cpp uses simdjson::internal, of which versions 3 and 4 are supported: "
              "check the use with this version, then extend the range");

// What is used of a parser's first stage.
template <class Parser>
concept FirstStage = requires(Parser& parser, const std::uint8_t* bytes, std::size_t size) {
  { parser.stage1(bytes, size, simdjson::stage1_mode::regular) } -> std::same_as<simdjson::error_code>;
  { parser.capacity() } -> std::same_as<std::size_t>;
  requires std::is_same_v<decltype(parser.structural_indexes), std::unique_ptr<std::uint32_t[]>>;
  requires std::is_same_v<decltype(parser.n_structural_indexes), std::uint32_t>;
};
template <class Implementation, class Parser>
concept MakesParser = requires(const Implementation& implementation, std::size_t capacity, std::size_t depth,
                               std::unique_ptr<Parser>& parser) {
  {
    implementation.create_dom_parser_implementation(capacity, depth, parser)
    } -> std::same_as<simdjson::error_code>;
};
static_assert(FirstStage<simdjson::internal::dom_parser_implementation>,
              "simdjson's internal dom_parser_implementation has changed: stage1, capacity, "
              "structural_indexes or n_structural_indexes differs from what Structure::find uses");
static_assert(MakesParser<simdjson::implementation, simdjson::internal::dom_parser_implementation>,
              "simdjson's implementation::create_dom_parser_implementation has changed: its signature "
              "differs from what Structure uses");

constexpr std::size_t window = 64u << 10;
constexpr std::size_t max_kept = 1u << 20;  // bytes of a window kept; its index takes four times as much

bool is_ascii(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x80;
}

// The last position up to `size` at which a window may end; 0 if there is none nearby. It is before a comma
// that follows the end of an object or list or, failing that, of a string or number. Strings contain commas
// as well, but rarely after such characters.
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
  // A JSON text ends in an ASCII character. Checking that also prevents simdjson's fallback implementation
  // from reading the rest of a multi-byte character beyond the end.
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
