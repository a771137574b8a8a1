// Arguments, wiring and exit codes. Exit: 0 fine, 1 could not run, 2 usage or configuration.
#include "admin/admin.hpp"
#include "admin/check.hpp"
#include "admin/command.hpp"
#include "admin/machine_limits.hpp"
#include "admin/reloader.hpp"
#include "net/spawn.hpp"
#include "server/log.hpp"
#include "server/notify.hpp"
#include "server/signals.hpp"
#include "settings/load.hpp"
#include "settings/scalar.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <iostream>

namespace {

using namespace larder;

using admin::bad_usage;
using admin::could_not_run;
constexpr const char* default_file = "/etc/larder/larder.yaml";

struct Arguments {
  std::string file = default_file;
  settings::Overrides overrides;
};

Task<void> reload_once(admin::Reloader& reloader) {
  (void)co_await reloader.reload();
}

int serve(const Arguments& arguments) {
  const auto plan = admin::load_plan(arguments.file, arguments.overrides);
  if (!plan) return bad_usage;
  server::set_up_log(plan->settings->log_level);
  if (!admin::raise_file_limit())
    spdlog::warn(
        "the limit of open files (RLIMIT_NOFILE) could not be raised to the hard limit; set LimitNOFILE");
  for (const auto& warning : admin::warnings_about(*plan->settings, admin::machine_limits()))
    spdlog::warn("{}", warning);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // exceeding a file size limit is reported as a write error instead

  server::Server server(plan);
  admin::Admin admin(server);
  auto error = server.listen();
  if (!error && plan->settings->admin) error = admin.listen(*plan->settings);
  if (error) {
    spdlog::error("{}", *error);
    return could_not_run;
  }
  server::Notify notify(server);
  admin::Reloader reloader(server, admin, notify, arguments.file, [&arguments] {
    return settings::apply(settings::load_file(arguments.file), arguments.overrides);
  });
  admin.on_reload([&reloader] { return reloader.reload(); });
  server::Signals signals(server, notify,
                          [&] { spawn(server.first_loop(), "reload", reload_once(reloader)); });
  server.on_stopped([&] {
    notify.close();
    admin.close();
    signals.close();
  });
  // Standard output is the access log's, if it has no file.
  const auto& settings = *server.plan()->settings;
  const bool has_log = settings.access_log != settings::AccessLog::off && !settings.access_log_file;
  auto& out = has_log ? std::cerr : std::cout;
  for (const auto& name : server.names()) out << "listening on " << name << '\n';
  if (!admin.name().empty()) out << "admin on " << admin.name() << '\n';
  out.flush();
  notify.ready();

  const bool clean = server.run();
  // The server has stopped: later signals have no effect.
  sigset_t all;
  sigfillset(&all);
  (void)::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  spdlog::info("stopped");
  spdlog::shutdown();
  // A task that did not unwind in time may still refer to objects that a normal exit would destroy.
  if (!clean) {
    server.close_files();
    std::_Exit(0);
  }
  return 0;
}

// The commands and their options.
struct CommandLine {
  CLI::App app{"larder: a caching reverse proxy in front of a JSON API", "larder"};
  Arguments arguments;
  std::string admin_address;
  bool json = false;
  admin::CheckOptions checked;
  std::vector<std::string> question;
  policy::Purge purged;
  std::string path;
  std::string prefix;
  std::string group;
  bool purge_all = false;
  std::string interval = "2s";
  std::size_t frames = 0;

  CLI::App* serve = command("serve", "Run in the foreground");
  CLI::App* check =
      command("check", "Validate the configuration, and check that the API's responses can be stored");
  CLI::App* explain =
      command("explain",
              "Show the route and cache key of a request, and what is stored for it or why nothing is", true);
  CLI::App* purge = command("purge",
                            "Remove stored responses: of a path (every query of it, or one: "
                            "/topics/?limit=5), a path prefix, a cache "
                            "group, or all",
                            true);
  CLI::App* reload = command("reload",
                             "Make a running larder reload its configuration; if that has errors, they are "
                             "printed and nothing changes",
                             true);
  CLI::App* status = command("status", "Show a summary of a running larder", true);
  CLI::App* top = command("top", "Show the same as a live table in the terminal", true);
  CLI::App* dump_config = command("dump-config", "Print the effective settings, defaults included");
  CLI::App* version = app.add_subcommand("version", "Print the version");

  CommandLine() {
    app.require_subcommand(1);
    app.set_version_flag("--version", "larder " LARDER_VERSION, "Print the version");
    serve->add_option("--listen", arguments.overrides.listen,
                      "Replaces listen: host:port, [::1]:port, unix:/path or fd:NAME; may be repeated");
    serve->add_option("--upstream", arguments.overrides.upstream,
                      "Replaces upstream: http://host:port or unix:/path");
    serve->add_option("--admin", arguments.overrides.admin, "Replaces admin: host:port or unix:/path");
    auto* offline = check->add_flag("--offline", checked.offline, "Do not send requests to the API");
    check
        ->add_option(
            "--sample", checked.samples,
            "A path, with its query, that the API is asked for, of a route with a pattern; may be repeated")
        ->excludes(offline);
    for (auto* one : {check, explain, purge, reload, status}) one->add_flag("--json", json, "Print JSON");
    explain->add_option("request", question, "[METHOD] URL or path, as one argument or two")
        ->required()
        ->expected(1, 2);
    auto* what = purge->add_option_group("what");
    what->add_option("path,--path", path, "A path, such as /topics/");
    what->add_option("--prefix", prefix, "Every path with this prefix");
    what->add_option("--group", group, "Every response of the cache group");
    what->add_flag("--all", purge_all, "Everything");
    what->require_option(1);
    purge->add_flag("--soft", purged.soft, "Mark as stale: serve once more while a new response is fetched");
    top->add_option("--interval", interval, "Time between two updates")->capture_default_str();
    top->add_option("-n,--frames", frames, "Exit after this many updates; 0 = when q is pressed")
        ->capture_default_str();
  }

 private:
  CLI::App* command(const char* name, const char* meaning, bool asks_a_running_one = false) {
    auto* made = app.add_subcommand(name, meaning);
    made->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
    if (asks_a_running_one)
      made->add_option("--admin", admin_address,
                       "Address of the running larder's admin listener; by default from the configuration");
    return made;
  }
};

int purge(CommandLine& line, const admin::AdminTarget& whom) {
  using What = policy::Purge::What;
  auto& what = line.purged;
  const auto choose = [&](const std::string& text, What kind) {
    if (text.empty()) return;
    what.what = kind;
    what.text = text;
  };
  choose(line.group, What::group);
  choose(line.prefix, What::prefix);
  choose(line.path, What::path);
  const bool names_path = what.what == What::path || what.what == What::prefix;
  if (names_path && !what.text.starts_with('/')) {
    std::cerr << "larder: purge: " << settings::in_quotes(what.text)
              << " is not a path; write for example /topics/\n";
    return bad_usage;
  }
  if (what.what != What::all || line.purge_all) return admin::purge_command(whom, what, line.json);
  std::cerr << "larder: purge: the name is empty; give a path, prefix or group, or use --all\n";
  return bad_usage;
}

int top(const CommandLine& line, const admin::AdminTarget& whom) {
  std::string error;
  const auto interval = settings::parse_duration(line.interval, error);
  if (!interval || *interval < std::chrono::milliseconds(100)) {
    std::cerr << "--interval: " << (interval ? "must be at least 100ms" : error) << '\n';
    return bad_usage;
  }
  return admin::top_command(whom, *interval, line.frames);
}

int run(int argc, char** argv) {
  CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return line.app.exit(error) == 0 ? admin::fine : bad_usage;
  }
  const admin::AdminTarget whom{line.arguments.file, line.admin_address};
  if (*line.version) {
    std::cout << "larder " << LARDER_VERSION << '\n';
    return admin::fine;
  }
  if (*line.explain) {
    return admin::explain_command(whom, admin::question_of(line.question), line.json);
  }
  if (*line.purge) return purge(line, whom);
  if (*line.reload) return admin::reload_command(whom, line.json);
  if (*line.status) return admin::status_command(whom, line.json);
  if (*line.top) return top(line, whom);
  if (*line.dump_config) return admin::dump_command(line.arguments.file, line.arguments.overrides);
  if (*line.check) {
    line.checked.json = line.json;
    return admin::check_command(line.arguments.file, line.checked);
  }
  return serve(line.arguments);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "larder: " << error.what() << '\n';
    return could_not_run;
  }
}
