// Loads YAML files into a validated Settings value. Any thread; nothing is shared between calls.
#pragma once

#include "settings/settings.hpp"

#include <memory>
#include <string>
#include <vector>

namespace larder::settings {

/// An error or warning about a configuration file. Lines and columns count from 1; 0 if there is no position,
/// as for an unreadable file.
struct Problem {
  enum class Severity : unsigned char { error, warning };
  Severity severity = Severity::error;
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;  // one sentence: the defect and the remedy

  /// `FILE:LINE:COL: message`; a warning's message begins with "warning: ".
  [[nodiscard]] std::string text() const;
};

struct Loaded {
  std::shared_ptr<const Settings> settings;  // nullptr if any problem is an error
  std::vector<Problem> problems;             // all of them, in the order of the files
  std::vector<std::string> files;            // the files that were read, in order of precedence
  /// The admin address, for commands. Also set if the file has errors elsewhere, as far as it can be read.
  std::optional<ListenAddress> admin;
  ListenerTls admin_tls;
  std::string admin_token;
};

/// A file's name and content.
struct Source {
  std::string name;
  std::string text;
};

/// Loads a file and additional files. A key in a later file replaces that of an earlier one. The routes of
/// the additional files come in their order and before those of the first file, which may end with `/**`.
/// Never throws on invalid input.
[[nodiscard]] Loaded load(const Source& file, const std::vector<Source>& added = {});
[[nodiscard]] Loaded load(const std::string& text, const std::string& file_name);

/// Loads the file, and `conf.d/*.yaml` beside it in the order of their names. A file that cannot be read is a
/// problem without position.
[[nodiscard]] Loaded load_file(const std::string& path);

/// The settings as a complete configuration file, including defaults.
[[nodiscard]] std::string effective_yaml(const Settings& settings);

/// Values from the command line that replace those of the file.
struct Overrides {
  std::vector<std::string> listen;
  std::optional<std::string> upstream;
  std::optional<std::string> admin;
};
/// Applies the overrides; an error names the option.
[[nodiscard]] Loaded apply(Loaded loaded, const Overrides& overrides);

}  // namespace larder::settings
