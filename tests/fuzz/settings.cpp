// Loads any text as a configuration file.
#include "settings/load.hpp"
#include "support.hpp"

#include <algorithm>

using namespace larder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  const auto loaded = settings::load(text, "f");
  fuzz::must(loaded.settings != nullptr || !loaded.problems.empty(),
             "a file is taken, or it is said why not");
  bool is_refused = false;
  // In YAML a lone CR also ends a line.
  const auto lines =
      1 + std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r');
  for (const auto& problem : loaded.problems) {
    is_refused = is_refused || problem.severity == settings::Problem::Severity::error;
    fuzz::must(!problem.message.empty() && !problem.text().empty(), "a problem has words");
    fuzz::must(problem.line >= 0 && problem.line <= lines, "a problem lies within the file");
    fuzz::must(problem.text().find('\n') == std::string::npos, "a problem is one line");
  }
  fuzz::must(is_refused == (loaded.settings == nullptr), "an error, and only an error, refuses a file");
  return 0;
}
