#include "admin/check.hpp"

#include "admin/command.hpp"
#include "admin/json.hpp"
#include "admin/machine_limits.hpp"
#include "admin/probe.hpp"
#include "net/clock.hpp"
#include "server/listener.hpp"
#include "settings/scalar.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

namespace larder::admin {

namespace {

using settings::Problem;

std::string as_json(const std::vector<Problem>& problems) {
  json::array all;
  for (const auto& problem : problems) {
    Object one;
    one.text("severity", problem.severity == Problem::Severity::error ? "error" : "warning");
    one.text("file", problem.file);
    one.number("line", problem.line);
    one.number("column", problem.column);
    one.text("message", problem.message);
    all.push_back(one.take());
  }
  return json::serialize(all) + "\n";
}

// What is valid, but probably not meant, and what only this machine's file system can tell.
std::vector<std::string> advice_about(const settings::Settings& settings) {
  std::vector<std::string> advice;
  if (settings.routes.empty())
    advice.emplace_back(
        "there are no routes: every request is forwarded, and nothing is cached; add a route, such as - "
        "path: "
        "/** with cache: standard");
  const auto check_directory = [&](const char* key, const std::optional<std::string>& file) {
    if (!file) return;
    const auto directory = std::filesystem::path(*file).parent_path();
    std::error_code error;
    if (std::filesystem::is_directory(directory, error) || error == std::errc::permission_denied) return;
    advice.push_back(fmt::format(
        "{}: the directory {} does not exist; create it, writable for the user that larder runs as, or "
        "correct the path",
        key, settings::printable(directory.string())));
  };
  check_directory("cache.persist", settings.cache.persist);
  check_directory("access_log_file", settings.access_log_file);
  return advice;
}

}  // namespace

void print(const std::vector<Problem>& problems) {
  for (const auto& problem : problems) std::cerr << problem.text() << '\n';
}

std::shared_ptr<const cache::Plan> load_plan(const std::string& file, const settings::Overrides& overrides,
                                             Problem::Severity severity) {
  auto loaded = settings::apply(settings::load_file(file), overrides);
  std::erase_if(loaded.problems, [&](const auto& problem) {
    return severity == Problem::Severity::error && problem.severity != severity;
  });
  print(loaded.problems);
  if (!loaded.settings) return nullptr;
  std::string error;
  auto plan = cache::make_plan(loaded.settings, error);
  if (!plan) std::cerr << file << ": " << error << '\n';
  return plan;
}

namespace {

// Sets `error` where a file cannot be used; adds warnings of certificates that expire soon.
void check_certificates(const settings::Settings& settings, const std::string& file,
                        std::vector<Problem>& problems, std::string& error) {
  constexpr auto soon = std::chrono::hours{24 * 30};
  auto listeners = settings.listen;
  if (settings.admin) listeners.push_back(settings.admin_listener());
  for (const auto& listener : listeners) {
    const auto rules = server::make_rules(listener, std::make_shared<tls::TicketKeys>());
    if (const auto* failure = std::get_if<std::string>(&rules)) {
      error = *failure;
      return;
    }
    const auto& tls = std::get<0>(rules)->tls;
    if (!tls) continue;
    const auto now = system_now().wall;
    for (const auto& one : tls->certificates()) {
      if (one.expires - now >= soon) continue;
      problems.push_back(
          {Problem::Severity::warning, file, 0, 0,
           fmt::format("{}: the certificate {} {} on {:%Y-%m-%d}; renew it, then run larder reload",
                       settings::to_string(listener.address), one.file,
                       one.expires <= now ? "has expired" : "expires",
                       std::chrono::floor<std::chrono::seconds>(one.expires))});
    }
  }
}

}  // namespace

int check_command(const std::string& file, const CheckOptions& options) {
  for (const auto& sample : options.samples) {
    const bool is_target = sample.starts_with('/') && std::all_of(sample.begin(), sample.end(), [](char c) {
                             return c > ' ' && c < 0x7F && c != '#';
                           });
    if (is_target) continue;
    std::cerr << "--sample: " << settings::in_quotes(sample)
              << " is not a path; write for example /topics/7?limit=5\n";
    return bad_usage;
  }
  auto loaded = settings::load_file(file);
  std::string error;
  auto plan = loaded.settings ? cache::make_plan(loaded.settings, error) : nullptr;
  if (plan) check_certificates(*loaded.settings, file, loaded.problems, error);
  if (!error.empty()) {
    loaded.problems.push_back({Problem::Severity::error, file, 0, 0, error});
    loaded.settings = nullptr;
  }
  if (loaded.settings) {
    auto warnings = advice_about(*loaded.settings);
    for (auto& warning : warnings_about(*loaded.settings, machine_limits()))
      warnings.push_back(std::move(warning));
    for (auto& warning : warnings)
      loaded.problems.push_back({Problem::Severity::warning, file, 0, 0, std::move(warning)});
  }
  std::vector<std::string> not_asked;
  if (loaded.settings && !options.offline) {
    auto probe = probe_upstream(*plan, options.samples);
    std::move(probe.warnings.begin(), probe.warnings.end(), std::back_inserter(loaded.problems));
    not_asked = std::move(probe.not_asked);
  }
  const int code = loaded.settings ? fine : bad_usage;
  if (options.json) {
    std::cout << as_json(loaded.problems);
    return code;
  }
  print(loaded.problems);
  if (!loaded.settings) return code;
  for (const auto& one : loaded.files) std::cout << one << ": configuration OK\n";
  for (const auto& one : not_asked) std::cout << "(" << one << ")\n";
  return code;
}

int dump_command(const std::string& file, const settings::Overrides& overrides) {
  // Warnings are printed by `check` only.
  const auto plan = load_plan(file, overrides, Problem::Severity::error);
  if (!plan) return bad_usage;
  std::cout << settings::effective_yaml(*plan->settings);
  return fine;
}

}  // namespace larder::admin
