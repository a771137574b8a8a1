// Arguments, wiring and exit codes. Exit: 0 fine, 1 could not run, 2 usage or configuration.
#include "admin/admin.hpp"
#include "admin/ask.hpp"
#include "admin/explain.hpp"
#include "admin/purge.hpp"
#include "admin/reload.hpp"
#include "admin/status.hpp"
#include "http/target.hpp"
#include "server/log.hpp"
#include "server/notify.hpp"
#include "settings/load.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <sstream>

namespace {

using namespace larder;

constexpr int could_not_run = 1;
constexpr int bad_usage = 2;
constexpr const char* default_file = "/etc/larder/larder.yaml";

struct Arguments {
  std::string file = default_file;
  settings::Overrides overrides;
};

void print(const std::vector<settings::Problem>& problems) {
  for (const auto& problem : problems) std::cerr << problem.text() << '\n';
}

// The plan of the file with the command line's overrides; nullptr after saying why not.
std::shared_ptr<const fill::Plan> load(const Arguments& arguments) {
  const auto loaded = settings::apply(settings::load_file(arguments.file), arguments.overrides);
  print(loaded.problems);
  if (!loaded.settings) return nullptr;
  std::string error;
  auto plan = fill::make_plan(loaded.settings, error);
  if (!plan) std::cerr << arguments.file << ": " << error << '\n';
  return plan;
}

// What a running larder says, where one can be reached; else what the file alone says.
int explain(const Arguments& arguments, const std::string& admin_address, admin::Question question) {
  const auto loaded = settings::load_file(arguments.file);
  std::optional<settings::ListenAddress> address;
  std::string error;
  if (!admin_address.empty()) {
    address = settings::parse_listen(admin_address, error);
    if (!address) {
      std::cerr << "--admin: " << error << '\n';
      return bad_usage;
    }
  } else if (loaded.settings) {
    address = loaded.settings->admin;
  }
  std::string why_not = "no admin listener is configured";
  if (address) {
    const auto target = "/api/explain?method=" + http::encode_query(question.method) +
                        "&url=" + http::encode_query(question.url);
    const auto reply = admin::ask(*address, "GET", target);
    if (reply.status == 200 && admin::print_explanation(reply.body, std::cout)) return 0;
    if (reply.status == 0 && !admin_address.empty()) {
      std::cerr << "larder: nothing answers at " << to_string(*address) << ": " << reply.body << '\n';
      return could_not_run;
    }
    why_not = "nothing answers at " + to_string(*address);
  }
  if (!loaded.settings) {
    print(loaded.problems);
    return bad_usage;
  }
  const auto json = admin::explain(*loaded.settings, question, nullptr, error);
  if (!json) {
    std::cerr << "larder: " << error << '\n';
    return bad_usage;
  }
  (void)admin::print_explanation(*json, std::cout);
  std::cout << "(from " << arguments.file << " alone: " << why_not << ")\n";
  return 0;
}

// Where the running larder listens: as --admin says, else as the file does; nullopt after saying why not.
std::optional<settings::ListenAddress> admin_of(const Arguments& arguments, const std::string& admin_address,
                                                int& status) {
  std::string error;
  if (!admin_address.empty()) {
    auto address = settings::parse_listen(admin_address, error);
    if (!address) std::cerr << "--admin: " << error << '\n';
    status = bad_usage;
    return address;
  }
  const auto loaded = settings::load_file(arguments.file);
  status = bad_usage;
  if (!loaded.settings) {
    print(loaded.problems);
    return std::nullopt;
  }
  status = could_not_run;
  if (!loaded.settings->admin)
    std::cerr << "larder: " << arguments.file << " names no admin listener; say where it is with --admin\n";
  return loaded.settings->admin;
}

int purge(const Arguments& arguments, const std::string& admin_address, const policy::Purge& what) {
  int status = 0;
  const auto address = admin_of(arguments, admin_address, status);
  if (!address) return status;
  const auto reply = admin::ask(*address, "POST", "/api/purge", admin::purge_json(what));
  if (reply.status == 0) {
    std::cerr << "larder: nothing answers at " << to_string(*address) << ": " << reply.body << '\n';
    return could_not_run;
  }
  std::string said;
  const bool done = admin::read_purge_answer(reply.status, reply.body, said);
  (done ? std::cout : std::cerr) << (done ? "" : "larder: ") << said << '\n';
  return done ? 0 : could_not_run;
}

int reload(const Arguments& arguments, const std::string& admin_address) {
  int status = 0;
  const auto address = admin_of(arguments, admin_address, status);
  if (!address) return status;
  const auto reply = admin::ask(*address, "POST", "/api/reload", "{}");
  const auto report = admin::read_reload_json(reply.body);
  if (!report) {
    std::cerr << "larder: " << to_string(*address) << ": "
              << (reply.status == 0 ? "nothing answers: " + reply.body : "what listens there is no larder")
              << '\n';
    return could_not_run;
  }
  for (const auto& message : report->messages) std::cerr << message << '\n';
  if (report->ok)
    std::cout << "reloaded\n";
  else
    std::cerr << "larder: the old settings stay in force\n";
  return report->ok ? 0 : bad_usage;
}

int status(const Arguments& arguments, const std::string& admin_address, bool json) {
  int code = 0;
  const auto address = admin_of(arguments, admin_address, code);
  if (!address) return code;
  const auto reply = admin::ask(*address, "GET", "/api/status");
  std::ostringstream text;
  if (reply.status != 200 || !admin::print_status(reply.body, text)) {
    std::cerr << "larder: " << to_string(*address) << ": "
              << (reply.status == 0 ? "nothing answers: " + reply.body : "what listens there is no larder")
              << '\n';
    return could_not_run;
  }
  std::cout << (json ? reply.body + "\n" : text.str());
  return 0;
}

int dump(const Arguments& arguments) {
  const auto plan = load(arguments);
  if (!plan) return bad_usage;
  std::cout << settings::effective_yaml(*plan->settings);
  return 0;
}

int check(const Arguments& arguments) {
  if (!load(arguments)) return bad_usage;
  std::cout << arguments.file << ": fine\n";
  return 0;
}

// New settings from the file, for a running larder: all of them, or none.
class Reloader {
 public:
  Reloader(server::Server& server, admin::Admin& admin, server::Notify& notify, const Arguments& arguments)
      : server_(server), admin_(admin), notify_(notify), arguments_(arguments) {}

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
      spdlog::error("reload: the old settings stay in force");
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
    auto plan = fill::make_plan(loaded.settings, error);
    if (!plan) {
      report.messages.push_back(arguments_.file + ": " + error);
      return report;
    }
    const auto& next = *plan->settings;
    const auto& present = server_.settings();
    if (auto failed = admin_.prepare(next.admin)) {
      report.messages.push_back(*failed);
      return report;
    }
    if (next.loops != present.loops)
      report.messages.push_back(arguments_.file + ": loops counts from the next start");
    if (next.cache.persist != present.cache.persist)
      report.messages.push_back(arguments_.file + ": cache.persist counts from the next start");
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
};

// SIGHUP reloads, SIGUSR1 opens the access log anew, the first SIGTERM or SIGINT drains, the second ends.
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
        spdlog::info("stopping: draining connections");
        notify_.stopping();
        server_.stop();
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
  spdlog::info("stopped");
  spdlog::shutdown();
  // What did not unwind in time may still refer to what would be destroyed now.
  if (!clean) {
    server.close_files();
    std::_Exit(0);
  }
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app{"larder: a caching reverse proxy in front of a JSON API", "larder"};
  app.require_subcommand(1);
  Arguments arguments;

  auto* serve_command = app.add_subcommand("serve", "Run in the foreground");
  serve_command->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
  serve_command->add_option("--listen", arguments.overrides.listen,
                            "Listen here instead: host:port, [::1]:port, unix:/path, fd:NAME");
  serve_command->add_option("--upstream", arguments.overrides.upstream,
                            "The API, instead: http://host:port or unix:/path");
  serve_command->add_option("--admin", arguments.overrides.admin,
                            "The admin listener, instead: host:port or unix:/path");
  auto* check_command = app.add_subcommand("check", "Validate the configuration file");
  check_command->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
  auto* explain_command = app.add_subcommand(
      "explain", "Say which route and key a request has, what is stored for it, or why nothing is");
  std::string admin_address;
  std::vector<std::string> question;
  explain_command->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
  explain_command->add_option("--admin", admin_address,
                              "The running larder's admin listener, instead of the file's");
  explain_command->add_option("request", question, "[METHOD] URL, or a path")->required()->expected(1, 2);
  auto* purge_command = app.add_subcommand(
      "purge",
      "Throw out what is stored: for a path (every query of it), a prefix of paths, a group, or all");
  policy::Purge what;
  std::string purged_path;
  std::string purged_prefix;
  std::string purged_group;
  bool purge_all = false;
  purge_command->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
  purge_command->add_option("--admin", admin_address,
                            "The running larder's admin listener, instead of the file's");
  auto* meant = purge_command->add_option_group("what");
  meant->add_option("path,--path", purged_path, "A path, such as /topics/");
  meant->add_option("--prefix", purged_prefix, "Every path that begins so");
  meant->add_option("--group", purged_group, "What belongs to the group");
  meant->add_flag("--all", purge_all, "Everything");
  meant->require_option(1);
  purge_command->add_flag("--soft", what.soft, "Serve it once more, while it is fetched anew");
  auto* reload_command = app.add_subcommand(
      "reload",
      "Let a running larder read its file again; what is wrong with that is said here, and changes nothing");
  reload_command->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
  reload_command->add_option("--admin", admin_address,
                             "The running larder's admin listener, instead of the file's");
  auto* status_command = app.add_subcommand("status", "How a running larder is doing, at a glance");
  bool json = false;
  status_command->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
  status_command->add_option("--admin", admin_address,
                             "The running larder's admin listener, instead of the file's");
  status_command->add_flag("--json", json, "As JSON, for programs");
  auto* dump_command = app.add_subcommand("dump-config", "Print the settings in force, defaults included");
  dump_command->add_option("-c,--config", arguments.file, "The configuration file")->capture_default_str();
  auto* version_command = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : bad_usage;
  }
  if (*version_command) {
    std::cout << "larder " << LARDER_VERSION << '\n';
    return 0;
  }
  if (*explain_command) {
    admin::Question asked{question.size() == 2 ? question[0] : "GET", question.back()};
    return explain(arguments, admin_address, std::move(asked));
  }
  if (*purge_command) {
    using What = policy::Purge::What;
    if (!purged_path.empty()) {
      what.what = What::path;
      what.text = purged_path;
    } else if (!purged_prefix.empty()) {
      what.what = What::prefix;
      what.text = purged_prefix;
    } else if (!purged_group.empty()) {
      what.what = What::group;
      what.text = purged_group;
    }
    if (what.what == What::all && !purge_all) {
      std::cerr << "larder: an empty name purges nothing; --all purges everything\n";
      return bad_usage;
    }
    return purge(arguments, admin_address, what);
  }
  if (*reload_command) return reload(arguments, admin_address);
  if (*status_command) return status(arguments, admin_address, json);
  if (*dump_command) return dump(arguments);
  return *check_command ? check(arguments) : serve(arguments);
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
