// Projects documents for a test: reads requests from standard input and writes responses to standard output
// until the input ends.
//
// A request has three blocks: the fields, one per line; items; the document. A response has one block: `ok`
// and the projected document, or the error's description, separated by a line feed. A block is its size as
// four bytes, little-endian, followed by its bytes.
#include "projection/projector.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace larder;

std::optional<std::string> read_block() {
  std::array<char, 4> head{};
  if (!std::cin.read(head.data(), head.size())) return std::nullopt;
  std::uint32_t size = 0;
  for (auto byte = head.rbegin(); byte != head.rend(); ++byte)
    size = size << 8u | static_cast<unsigned char>(*byte);
  std::string block(size, '\0');
  if (!std::cin.read(block.data(), static_cast<std::streamsize>(size))) return std::nullopt;
  return block;
}

void write_block(std::string_view block) {
  auto size = static_cast<std::uint32_t>(block.size());
  for (int i = 0; i < 4; ++i, size >>= 8u) std::cout.put(static_cast<char>(size & 0xFFu));
  std::cout.write(block.data(), static_cast<std::streamsize>(block.size()));
  std::cout.flush();
}

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    result.emplace_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return result;
}

}  // namespace

int main() {
  projection::Workspace workspace;
  for (;;) {
    const auto fields = read_block(), items = read_block(), document = read_block();
    if (!document) return 0;
    std::string error, out;
    const auto rule = projection::ProjectionRule::compile(lines(*fields), *items, error);
    if (!rule) {
      write_block("rule\n" + error);
    } else if (const auto failed = projection::project(*document, *rule, {}, workspace, out)) {
      write_block(std::string(describe(*failed)) + "\n");
    } else {
      write_block("ok\n" + out);
    }
  }
}
