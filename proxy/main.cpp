// Arguments, wiring and exit codes. Exit: 0 fine, 1 could not run, 2 usage or configuration.
#include "admin/admin.hpp"
#include "admin/check.hpp"
#include "admin/command.hpp"
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
  for (const auto& name : server.names()) std::cout << "listening on " << name << '\n';
  if (!admin.name().empty()) std::cout << "admin on " << admin.name() << '\n';
  std::cout.flush();
  notify.ready();

  const bool clean = server.run();
  // It has ended; a signal that comes now has nothing more to say.
  sigset_t all;
  sigfillset(&all);
  (void)::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  spdlog::info("stopped");
  spdlog::shutdown();
  // What did not unwind in time may still refer to what would be destroyed now.
  if (!clean) {
    server.close_files();
    std::_Exit(0);
  }
  return 0;
}

// Everything that the command line can say.
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
  CLI::App* check = command("check", "Validate the configuration, and what the API lets it do");
  CLI::App* explain = command(
      "explain", "Say which route and key a request has, what is stored for it, or why nothing is", true);
  CLI::App* purge = command(
      "purge", "Throw out what is stored: for a path (every query of it), a prefix of paths, a group, or all",
      true);
  CLI::App* reload = command(
      "reload",
      "Let a running larder read its file again; what is wrong with that is said here, and changes nothing",
      true);
  CLI::App* status = command("status", "How a running larder is doing, at a glance", true);
  CLI::App* top = command("top", "The same, as a live table in the terminal", true);
  CLI::App* dump_config = command("dump-config", "Print the settings in force, defaults included");
  CLI::App* version = app.add_subcommand("version", "Print the version");

  CommandLine() {
    app.require_subcommand(1);
    serve->add_option("--listen", arguments.overrides.listen,
                      "Listen here instead: host:port, [::1]:port, unix:/path, fd:NAME");
    serve->add_option("--upstream", arguments.overrides.upstream,
                      "The API, instead: http://host:port or unix:/path");
    serve->add_option("--admin", arguments.overrides.admin,
                      "The admin listener, instead: host:port or unix:/path");
    check->add_flag("--offline", offline, "Do not ask the API whether its answers may be stored");
    for (auto* one : {check, explain, purge, reload, status})
      one->add_flag("--json", json, "As JSON, for programs");
    explain->add_option("request", question, "[METHOD] URL, or a path")->required()->expected(1, 2);
    auto* what = purge->add_option_group("what");
    what->add_option("path,--path", path, "A path, such as /topics/");
    what->add_option("--prefix", prefix, "Every path that begins so");
    what->add_option("--group", group, "What belongs to the group");
    what->add_flag("--all", purge_all, "Everything");
    what->require_option(1);
    purge->add_flag("--soft", purged.soft, "Serve it once more, while it is fetched anew");
    top->add_option("--interval", interval, "How often it looks")->capture_default_str();
    top->add_option("-n,--frames", frames, "Leave after so many; 0 = when q is pressed")
        ->capture_default_str();
  }

 private:
  CLI::App* command(const char* name, const char* meaning, bool asks_a_running_one = false) {
    auto* made = app.add_subcommand(name, meaning);
    made->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
    if (asks_a_running_one)
      made->add_option("--admin", admin_address,
                       "The running larder's admin listener, instead of the file's");
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
  std::cerr << "larder: an empty name purges nothing; --all purges everything\n";
  return bad_usage;
}

int top(const CommandLine& line, const admin::AdminTarget& whom) {
  std::string error;
  const auto interval = settings::parse_duration(line.interval, error);
  if (!interval || *interval < std::chrono::milliseconds(100)) {
    std::cerr << "--interval: " << (interval ? "at least 100ms" : error) << '\n';
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
  if (*line.dump_config) return admin::dump_command(line.arguments.file, line.arguments.overrides);
  if (*line.check) return admin::check_command(line.arguments.file, line.offline, line.json);
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
