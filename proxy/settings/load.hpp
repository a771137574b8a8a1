// YAML to a validated Settings value.
#pragma once

#include "settings/settings.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::settings {

/// One remark on a configuration file. Lines and columns count from 1; 0 where there is no place (a file that
/// cannot be read).
struct Problem {
  enum class Severity : unsigned char { error, warning };
  Severity severity = Severity::error;
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;  // one sentence: what is wrong and what to write instead

  /// `FILE:LINE:COL: message`; a warning's message begins with "warning: ".
  [[nodiscard]] std::string text() const;
};

struct Loaded {
  std::shared_ptr<const Settings> settings;  // nullptr where any problem is an error
  std::vector<Problem> problems;             // every one, in the order of the files, not only the first
  std::vector<std::string> files;            // that were read, in the order in which they count
  /// Where the running larder is asked for things, as far as a file that is wrong elsewhere tells.
  std::optional<ListenAddress> admin;
  std::string admin_token;
};

/// A file's name and content.
struct Source {
  std::string name;
  std::string text;
};

/// Reads the file and those that add to it. A key that a later one says counts in place of the earlier one's;
/// the routes of those that add come in their order, and before the first file's, which may end with `/**`.
/// Never throws on bad input.
[[nodiscard]] Loaded load(const Source& file, const std::vector<Source>& added = {});
[[nodiscard]] Loaded load(const std::string& text, const std::string& file_name);

/// Reads the file, and `conf.d/*.yaml` beside it, in the order of their names. One that cannot be read is one
/// problem without a place.
[[nodiscard]] Loaded load_file(const std::string& path);

/// The settings as a configuration file that says everything, defaults included.
[[nodiscard]] std::string effective_yaml(const Settings& settings);

/// What the command line may put in place of the file's values.
struct Overrides {
  std::vector<std::string> listen;
  std::optional<std::string> upstream;
  std::optional<std::string> admin;
};
/// Applies them to what was loaded; an error names the option.
[[nodiscard]] Loaded apply(Loaded loaded, const Overrides& overrides);

}  // namespace larder::settings
