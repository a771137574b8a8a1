// Arguments, wiring and exit codes. Exit: 0 fine, 1 could not run, 2 usage or configuration.
#include "admin/admin.hpp"
#include "admin/command.hpp"
#include "admin/json.hpp"
#include "admin/probe.hpp"
#include "server/log.hpp"
#include "server/notify.hpp"
#include "settings/load.hpp"
#include "settings/scalar.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <iterator>

namespace {

using namespace larder;

using admin::bad_usage;
using admin::could_not_run;
constexpr const char* default_file = "/etc/larder/larder.yaml";

struct Arguments {
  std::string file = default_file;
  settings::Overrides overrides;
};

void print(const std::vector<settings::Problem>& problems) {
  for (const auto& problem : problems) std::cerr << problem.text() << '\n';
}

// The plan of the file with the command line's overrides; nullptr after saying why not.
std::shared_ptr<const cache::Plan> load(
    const Arguments& arguments, settings::Problem::Severity least = settings::Problem::Severity::warning) {
  auto loaded = settings::apply(settings::load_file(arguments.file), arguments.overrides);
  std::erase_if(loaded.problems, [&](const auto& problem) {
    return least == settings::Problem::Severity::error && problem.severity != least;
  });
  print(loaded.problems);
  if (!loaded.settings) return nullptr;
  std::string error;
  auto plan = cache::make_plan(loaded.settings, error);
  if (!plan) std::cerr << arguments.file << ": " << error << '\n';
  return plan;
}

int dump(const Arguments& arguments) {
  // `check` reports warnings.
  const auto plan = load(arguments, settings::Problem::Severity::error);
  if (!plan) return bad_usage;
  std::cout << settings::effective_yaml(*plan->settings);
  return 0;
}

// `[{"severity": "error", "file": ..., "line": ..., "column": ..., "message": ...}]`, for editors.
std::string as_json(const std::vector<settings::Problem>& problems) {
  std::vector<std::string> all;
  for (const auto& problem : problems) {
    admin::Object one;
    one.text("severity", problem.severity == settings::Problem::Severity::error ? "error" : "warning");
    one.text("file", problem.file);
    one.number("line", problem.line);
    one.number("column", problem.column);
    one.text("message", problem.message);
    all.push_back(one.take());
  }
  return admin::array(all) + "\n";
}

int check(const Arguments& arguments, bool offline, bool json) {
  auto loaded = settings::load_file(arguments.file);
  std::string error;
  if (loaded.settings && !cache::make_plan(loaded.settings, error)) {
    loaded.problems.push_back({settings::Problem::Severity::error, arguments.file, 0, 0, error});
    loaded.settings = nullptr;
  }
  std::string not_asked;
  if (loaded.settings && !offline) {
    auto probe = admin::probe_upstream(*loaded.settings);
    std::move(probe.warnings.begin(), probe.warnings.end(), std::back_inserter(loaded.problems));
    not_asked = std::move(probe.not_asked);
  }
  const int code = loaded.settings ? admin::fine : bad_usage;
  if (json) {
    std::cout << as_json(loaded.problems);
    return code;
  }
  print(loaded.problems);
  if (!loaded.settings) return code;
  for (const auto& file : loaded.files) std::cout << file << ": fine\n";
  if (!not_asked.empty()) std::cout << "(" << not_asked << ")\n";
  return code;
}

// New settings from the file, for a running larder: all of them, or none.
class Reloader {
 public:
  /// Before the server runs.
  Reloader(server::Server& server, admin::Admin& admin, server::Notify& notify, const Arguments& arguments)
      : server_(server),
        admin_(admin),
        notify_(notify),
        arguments_(arguments),
        loops_(server.settings().loops),
        persist_(server.settings().cache.persist) {}

  admin::ReloadReport reload() {
    notify_.reloading();
    auto report = try_to();
    for (const auto& message : report.messages) {
      if (report.ok)
        spdlog::warn("reload: {}", message);
      else
        spdlog::error("reload: {}", message);
    }
    if (report.ok)
      spdlog::info("reloaded {}", arguments_.file);
    else
      spdlog::error("reload failed: the previous settings stay in force");
    server_.note_reload(report.ok, report.messages);
    notify_.reloaded();
    return report;
  }

 private:
  admin::ReloadReport try_to() {
    admin::ReloadReport report;
    const auto loaded = settings::apply(settings::load_file(arguments_.file), arguments_.overrides);
    for (const auto& problem : loaded.problems) report.messages.push_back(problem.text());
    if (!loaded.settings) return report;
    std::string error;
    auto plan = cache::make_plan(loaded.settings, error);
    if (!plan) {
      report.messages.push_back(arguments_.file + ": " + error);
      return report;
    }
    const auto& next = *plan->settings;
    if (auto failed = admin_.prepare(next.admin)) {
      report.messages.push_back(*failed);
      return report;
    }
    if (next.loops != loops_)
      report.messages.push_back(arguments_.file + ": changing loops requires a restart");
    if (next.cache.persist != persist_)
      report.messages.push_back(arguments_.file + ": changing cache.persist requires a restart");
    if (auto failed = server_.reload(plan)) {
      admin_.give_up();
      report.messages = {*failed};
      return report;
    }
    admin_.commit();
    server::set_log_level(plan->settings->log_level);
    report.ok = true;
    return report;
  }

  server::Server& server_;
  admin::Admin& admin_;
  server::Notify& notify_;
  const Arguments& arguments_;
  // Values that only a restart changes.
  unsigned loops_;
  std::optional<std::string> persist_;
};

// SIGHUP reloads, SIGUSR1 reopens the access log, the first SIGTERM or SIGINT drains, the second exits.
class Signals {
 public:
  Signals(server::Server& server, server::Notify& notify, Reloader& reloader)
      : server_(server),
        notify_(notify),
        reloader_(reloader),
        set_(server.first_loop().io(), SIGHUP, SIGTERM, SIGINT) {
    set_.add(SIGUSR1);
    wait();
  }
  void close() { set_.cancel(); }

 private:
  void wait() {
    set_.async_wait([this](const Error& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        (void)reloader_.reload();
      } else if (signal == SIGUSR1) {
        if (const auto failed = server_.reopen_log()) spdlog::error("{}", *failed);
      } else if (!server_.is_draining()) {
        notify_.stopping();
        server_.stop();
        // Logged afterwards, so that a response to a request that follows the line ends its connection.
        spdlog::info("stopping: draining connections");
      } else {
        spdlog::info("stopping at once");
        server_.stop_now();
      }
      wait();
    });
  }

  server::Server& server_;
  server::Notify& notify_;
  Reloader& reloader_;
  asio::signal_set set_;
};

int serve(const Arguments& arguments) {
  const auto plan = load(arguments);
  if (!plan) return bad_usage;
  server::set_up_log(plan->settings->log_level);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its bound is an error like another

  server::Server server(plan);
  admin::Admin admin(server);
  auto error = server.listen();
  if (!error && plan->settings->admin) error = admin.listen(*plan->settings->admin);
  if (error) {
    spdlog::error("{}", *error);
    return could_not_run;
  }
  server::Notify notify(server);
  Reloader reloader(server, admin, notify, arguments);
  admin.on_reload([&reloader] { return reloader.reload(); });
  Signals signals(server, notify, reloader);
  server.on_stopped([&] {
    notify.close();
    admin.close();
    signals.close();
  });
  for (const auto& name : server.names()) std::cout << "listening on " << name << '\n';
  if (!admin.name().empty()) std::cout << "admin on " << admin.name() << '\n';
  std::cout.flush();
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
  bool offline = false;
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
  CLI::App* purge = command(
      "purge", "Remove stored responses: of a path (every query of it), a path prefix, a cache group, or all",
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
    serve->add_option("--listen", arguments.overrides.listen,
                      "Replaces listen: host:port, [::1]:port, unix:/path or fd:NAME; may be repeated");
    serve->add_option("--upstream", arguments.overrides.upstream,
                      "Replaces upstream: http://host:port or unix:/path");
    serve->add_option("--admin", arguments.overrides.admin, "Replaces admin: host:port or unix:/path");
    check->add_flag("--offline", offline, "Do not send requests to the API");
    for (auto* one : {check, explain, purge, reload, status}) one->add_flag("--json", json, "Print JSON");
    explain->add_option("request", question, "[METHOD] URL, or a path")->required()->expected(1, 2);
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
    const auto& asked = line.question;
    return admin::explain_command(whom, {asked.size() == 2 ? asked[0] : "GET", asked.back()}, line.json);
  }
  if (*line.purge) return purge(line, whom);
  if (*line.reload) return admin::reload_command(whom, line.json);
  if (*line.status) return admin::status_command(whom, line.json);
  if (*line.top) return top(line, whom);
  if (*line.dump_config) return dump(line.arguments);
  if (*line.check) return check(line.arguments, line.offline, line.json);
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
