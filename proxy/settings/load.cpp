#include "settings/load.hpp"

#include "settings/checks.hpp"
#include "settings/fingerprint.hpp"
#include "settings/loader.hpp"
#include "settings/scalar.hpp"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <tuple>
#include <variant>

namespace larder::settings {

namespace {

constexpr std::size_t max_bytes = 4u << 20;

bool has_error(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& problem) { return problem.severity == Problem::Severity::error; });
}

std::string_view line_of(std::string_view text, int number) {
  for (int line = 0; line < number; ++line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The position of the first line up to `last` that is indented with a tab; nullopt if there is none.
std::optional<std::pair<int, int>> tab_in_indentation(std::string_view text, int last) {
  for (int line = 0; line <= last; ++line) {
    const auto content = line_of(text, line);
    const auto tab = content.find_first_not_of(' ');
    if (tab != std::string_view::npos && content[tab] == '\t')
      return std::pair(line + 1, static_cast<int>(tab) + 1);
  }
  return std::nullopt;
}

// yaml-cpp reports the right position, but a terse cause; adds the likely cause.
void report_syntax(const YAML::Exception& error, std::string_view text, Report& report) {
  auto place = report.place(error.mark);
  if (dynamic_cast<const YAML::DeepRecursion*>(&error) != nullptr)
    return report.error(place, "not read: lists or mappings are nested too deeply; reduce the nesting");
  if (const auto tab = tab_in_indentation(text, error.mark.line)) {
    std::tie(place.line, place.column) = *tab;
    return report.error(place, "not YAML: a tab in the indentation; indent with spaces");
  }
  const auto line = line_of(text, error.mark.line);
  const bool braces = line.find('[') != std::string_view::npos && line.find("/{") != std::string_view::npos;
  const bool stars = line.find("[**") != std::string_view::npos || line.find(": *") != std::string_view::npos;
  const auto variable = line.find("${");
  const bool unquoted = variable != std::string_view::npos && variable > 0 && line[variable - 1] != '"' &&
                        line[variable - 1] != '\'';
  report.error(place, "not YAML: " + printable(error.msg) +
                          (unquoted ? "; inside brackets and braces, quote a value that has ${...}: "
                                      "\"${NAME}\""
                           : braces ? "; inside brackets, quote a path that has braces: [\"/topics/{id}\"]"
                           : stars  ? "; a path begins with '/': /**"
                                    : ""));
}

// An event handler that records only the start of a document.
class Beginning : public YAML::EventHandler {
 public:
  [[nodiscard]] const YAML::Mark& mark() const noexcept { return mark_; }

  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}

 private:
  YAML::Mark mark_;
};

// The start of a second document. YAML::LoadAll is not used, because for some input, such as `,`, it creates
// documents until memory is exhausted.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Beginning beginning;
  if (!parser.HandleNextDocument(beginning) || !parser.HandleNextDocument(beginning)) return std::nullopt;
  return beginning.mark();
}

// Without `---`, yaml-cpp treats text that does not belong to the mapping as a second document.
void report_documents(const YAML::Mark& second, std::string_view text, Report& report) {
  for (int line = 1; line <= second.line; ++line) {
    const auto content = line_of(text, line);
    if (content.starts_with("---") || content.starts_with("..."))
      return report.error(second, "a second YAML document; keep one, and remove --- or ... between them");
  }
  report.error(second, "not YAML: this does not continue what precedes it; a key must be followed by ': '");
}

// Returns false if the text is not YAML.
bool read(const std::string& text, Loader& loader, Report& report) {
  try {
    if (const auto second = second_document(text)) {
      report_documents(*second, text, report);
      return false;
    }
    loader.read(YAML::Load(text), report);
    return true;
  } catch (const YAML::Exception& error) {
    report_syntax(error, text, report);
  } catch (const std::exception& error) {
    report.error(YAML::Mark::null_mark(), "not read: " + printable(error.what()));
  }
  return false;
}

// Finds `admin: ADDRESS` in a text that is not valid YAML.
std::optional<ListenAddress> admin_in(std::string_view text) {
  std::optional<ListenAddress> found;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("admin:")) continue;
    std::istringstream words(line.substr(6));
    std::string word;
    std::string ignored;
    if (words >> word) found = parse_listen(word, ignored);
  }
  return found;
}

}  // namespace

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out + ": " + (severity == Severity::warning ? "warning: " : "") + message;
}

Loaded load(const Source& file, const std::vector<Source>& added) {
  Loaded loaded;
  Report report(file.name);
  Loader loader;
  bool is_yaml = true;
  const auto take = [&](const Source& source) {
    report.begin(source.name);
    is_yaml = read(source.text, loader, report) && is_yaml;
    loaded.files.push_back(source.name);
  };
  take(file);
  for (const auto& source : added) take(source);
  // Checks across files need all files.
  auto settings = loader.finish(report, is_yaml);
  loaded.admin = settings->admin;
  loaded.admin_tls = settings->admin_tls;
  loaded.admin_token = settings->admin_token;
  if (!loaded.admin && !is_yaml) loaded.admin = admin_in(file.text);
  loaded.problems = std::move(report.problems());
  const auto place_of_file = [&](const Problem& problem) {
    return std::find(loaded.files.begin(), loaded.files.end(), problem.file) - loaded.files.begin();
  };
  std::stable_sort(loaded.problems.begin(), loaded.problems.end(), [&](const Problem& a, const Problem& b) {
    return std::tuple(place_of_file(a), a.line, a.column) < std::tuple(place_of_file(b), b.line, b.column);
  });
  if (!has_error(loaded.problems)) {
    for (auto& route : settings->routes) route.config_fingerprint = config_fingerprint_of(*settings, route);
    loaded.settings = std::move(settings);
  }
  return loaded;
}

Loaded load(const std::string& text, const std::string& file_name) {
  return load(Source{file_name, text});
}

namespace {

// The content of the file, or the reason why it cannot be read.
std::variant<std::string, Problem> read_file(const std::string& path, const std::string& remedy) {
  const auto unreadable = [&](std::string message) {
    return Problem{Problem::Severity::error, path, 0, 0, std::move(message)};
  };
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string text(max_bytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  // Opening a directory succeeds; only reading it fails. Reaching the end of the file is not an error.
  if (!in.eof() && !in) {
    const std::string why = errno != 0 ? std::string(": ") + std::strerror(errno) : std::string();
    return unreadable("cannot be read" + why + "; " + remedy);
  }
  if (in.gcount() > static_cast<std::streamsize>(max_bytes))
    return unreadable("is larger than " + format_size(max_bytes) +
                      ", the maximum for a configuration file; check the path");
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

// `conf.d/*.yaml` beside the file, sorted by name; names with a leading dot are skipped, as editors use them
// for temporary files.
std::vector<std::string> added_to(const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path() / "conf.d";
  std::vector<std::string> found;
  std::error_code none;
  for (std::filesystem::directory_iterator at(directory, none), end; !none && at != end; at.increment(none)) {
    const auto name = at->path().filename().string();
    if (name.ends_with(".yaml") && name[0] != '.') found.push_back(at->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Loaded load_file(const std::string& path) {
  std::vector<Source> sources;
  std::vector<Problem> problems;
  auto paths = added_to(path);
  paths.insert(paths.begin(), path);
  for (const auto& one : paths) {
    auto content =
        read_file(one, one == path ? "name another file with -c" : "correct this, or remove it from conf.d");
    if (auto* problem = std::get_if<Problem>(&content))
      problems.push_back(std::move(*problem));
    else
      sources.push_back({one, std::move(std::get<std::string>(content))});
  }
  if (!problems.empty()) {
    Loaded none;
    none.problems = std::move(problems);
    return none;
  }
  const Source first = std::move(sources.front());
  sources.erase(sources.begin());
  return load(first, sources);
}

Loaded apply(Loaded loaded, const Overrides& overrides) {
  if (!loaded.settings) return loaded;
  auto settings = std::make_shared<Settings>(*loaded.settings);
  Report report({});
  Places places;
  const auto option = [&](const char* name, const char* key) -> Place& {
    return places.insert_or_assign(key, Place{name}).first->second;
  };
  const auto refuse = [&](Place& place, const std::string& error) {
    place.sound = false;
    report.error(place, error);
  };
  std::string error;
  if (!overrides.listen.empty()) {
    auto& place = option("--listen", "listen");
    settings->listen.clear();
    for (const auto& text : overrides.listen) {
      if (auto address = parse_listen(text, error))
        settings->listen.emplace_back(std::move(*address));
      else
        refuse(place, error);
    }
  }
  if (overrides.upstream) {
    auto& place = option("--upstream", "upstream");
    if (auto parsed = parse_upstream(*overrides.upstream, error)) {
      settings->upstream.address = std::move(parsed->address);
      settings->upstream.url = std::move(parsed->url);
      settings->upstream.uses_tls = parsed->uses_tls;
      settings->upstream.authority = std::move(parsed->authority);
    } else {
      refuse(place, error);
    }
  }
  if (overrides.admin) {
    auto& place = option("--admin", "admin");
    settings->admin = parse_listen(*overrides.admin, error);
    settings->admin_tls = {};
    if (!settings->admin) refuse(place, error);
  }
  check_whole(*settings, places, report);
  for (auto& problem : report.problems()) loaded.problems.push_back(std::move(problem));
  loaded.settings = has_error(loaded.problems) ? nullptr : std::move(settings);
  return loaded;
}

}  // namespace larder::settings
