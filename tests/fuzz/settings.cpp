// Any text as a configuration file.
#include "settings/load.hpp"
#include "support.hpp"

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto loaded = settings::load(std::string(fuzz::text_of(data, size)), "f");
  fuzz::must(loaded.settings != nullptr || !loaded.problems.empty(),
             "a file is taken, or it is said why not");
  for (const auto& problem : loaded.problems) fuzz::must(!problem.text().empty(), "a problem has words");
  return 0;
}
