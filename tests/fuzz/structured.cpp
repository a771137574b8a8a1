// One field as a list and as a dictionary, whole and over several lines.
#include "http/structured.hpp"

#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const http::Field whole{http::FieldId::unknown, "F", text};
  const auto list = http::parse_list({&whole, 1}, "f");
  const auto dictionary = http::parse_dictionary({&whole, 1}, "f");
  if (dictionary) {
    for (std::size_t i = 0; i < dictionary->size(); ++i) {
      fuzz::must(!(*dictionary)[i].key.empty(), "a key is not empty");
      for (std::size_t j = 0; j < i; ++j)
        fuzz::must((*dictionary)[i].key != (*dictionary)[j].key, "a key comes once");
    }
  }
  // RFC 9651 4.2: lines are joined by a comma, so two valid lists are one.
  if (list && !list->empty()) {
    const std::vector<http::Field> twice{whole, whole};
    const auto both = http::parse_list(twice, "F");
    fuzz::must(both && both->size() == 2 * list->size(), "two lines are one list");
  }
  return 0;
}
