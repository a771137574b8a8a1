#include "admin/command.hpp"

#include "admin/ask.hpp"
#include "admin/check.hpp"
#include "admin/purge.hpp"
#include "admin/reload.hpp"
#include "admin/snapshot.hpp"
#include "admin/terminal.hpp"
#include "http/target.hpp"
#include "settings/load.hpp"

#include <cstdlib>
#include <iostream>

namespace larder::admin {

namespace {

std::string token_of_environment() {
  const char* token = std::getenv("LARDER_ADMIN_TOKEN");
  return token == nullptr ? std::string() : std::string(token);
}

// On failure prints the reason, sets `code` to the exit code and returns nullopt.
std::optional<Listener> listener_of(const AdminTarget& whom, int& code) {
  const auto loaded = settings::load_file(whom.file);
  auto token = loaded.admin_token;
  if (token.empty()) token = token_of_environment();
  code = bad_usage;
  if (!whom.admin.empty()) {
    std::string error;
    constexpr std::string_view https = "https://";
    const bool uses_tls = whom.admin.starts_with(https);
    auto address =
        settings::parse_listen(std::string_view(whom.admin).substr(uses_tls ? https.size() : 0), error);
    if (address && !uses_tls) return Listener{std::move(*address), std::move(token)};
    const auto* tcp = address ? std::get_if<settings::TcpAddress>(&*address) : nullptr;
    if (tcp != nullptr) {
      auto context = tls::ClientContext::make({{}, {}, {}, tcp->host, true});
      if (const auto* failure = std::get_if<std::string>(&context))
        error = *failure;
      else
        return Listener{*address, std::move(token), std::get<0>(context)};
    }
    std::cerr << "--admin: " << error << '\n';
    return std::nullopt;
  }
  // If the file is invalid, the running larder refuses it, so that its log and status page report it too.
  if (loaded.admin && loaded.admin_tls.is_on()) {
    // The certificate of the file itself: it need not be for the address.
    auto context = tls::ClientContext::make({loaded.admin_tls.all().front().certificate, {}, {}, {}, true});
    if (const auto* failure = std::get_if<std::string>(&context)) {
      std::cerr << whom.file << ": admin: " << *failure << '\n';
      return std::nullopt;
    }
    return Listener{*loaded.admin, std::move(token), std::get<0>(context)};
  }
  if (loaded.admin) return Listener{*loaded.admin, std::move(token)};
  if (!loaded.settings) {
    print(loaded.problems);
    return std::nullopt;
  }
  code = could_not_run;
  std::cerr << "larder: " << whom.file
            << " sets no admin listener; set admin there, or give its address with --admin\n";
  return std::nullopt;
}

std::string why_not(const Listener& listener, const AdminResponse& reply) {
  const auto address = to_string(listener.address);
  const auto there = address + ": ";
  if (reply.status == 0)
    return "no response from " + address + ": " + reply.body +
           "; is larder running, and is this its admin listener?";
  if (reply.status == 401)
    return there +
           "the token is missing or wrong; set LARDER_ADMIN_TOKEN, or use -c with the file that has "
           "admin_token";
  return there + "not an admin listener of this version of larder; check the address";
}

int complain(const std::string& sentence) {
  std::cerr << "larder: " << sentence << '\n';
  return could_not_run;
}

std::string with_end(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

bool show_explanation(const std::string& json, bool as_json) {
  if (!as_json) return print_explanation(json, std::cout);
  std::cout << with_end(json);
  return true;
}

}  // namespace

int explain_command(const AdminTarget& whom, const Question& question, bool json) {
  const auto loaded = settings::load_file(whom.file);
  std::string error;
  std::string why = "no admin listener is configured";
  if (!whom.admin.empty() || loaded.admin) {
    int code = fine;
    const auto listener = listener_of(whom, code);
    if (!listener) return code;
    const auto target = "/api/explain?method=" + http::encode_query(question.method) +
                        "&url=" + http::encode_query(question.url);
    const auto reply = ask(*listener, "GET", target);
    if (reply.status == 200 && show_explanation(reply.body, json)) return fine;
    why = why_not(*listener, reply);
    if (!whom.admin.empty() && (reply.status == 0 || reply.status == 401)) return complain(why);
  }
  if (!loaded.settings) {
    print(loaded.problems);
    return bad_usage;
  }
  const auto explained = explain(*loaded.settings, question, nullptr, error);
  if (!explained) {
    std::cerr << "larder: " << error << '\n';
    return bad_usage;
  }
  (void)show_explanation(*explained, json);
  (json ? std::cerr : std::cout) << "(from " << whom.file << " only: " << why << ")\n";
  return fine;
}

int purge_command(const AdminTarget& whom, const policy::Purge& what, bool json) {
  int code = fine;
  const auto listener = listener_of(whom, code);
  if (!listener) return code;
  const auto reply = ask(*listener, "POST", "/api/purge", purge_json(what));
  if (reply.status == 0 || reply.status == 401) return complain(why_not(*listener, reply));
  std::string said;
  const bool done = read_purge_answer(reply.status, reply.body, said);
  if (!done) return complain(said);
  std::cout << (json ? with_end(reply.body) : said + "\n");
  return fine;
}

int reload_command(const AdminTarget& whom, bool json) {
  int code = fine;
  const auto listener = listener_of(whom, code);
  if (!listener) return code;
  const auto reply = ask(*listener, "POST", "/api/reload", "{}");
  const auto report = read_reload_json(reply.body);
  if (!report) return complain(why_not(*listener, reply));
  if (json) {
    std::cout << with_end(reply.body);
    return report->ok ? fine : bad_usage;
  }
  for (const auto& message : report->messages) std::cerr << message << '\n';
  if (report->ok)
    std::cout << "reloaded\n";
  else
    std::cerr << "larder: reload failed: the previous settings stay in force\n";
  return report->ok ? fine : bad_usage;
}

int status_command(const AdminTarget& whom, bool json) {
  int code = fine;
  const auto listener = listener_of(whom, code);
  if (!listener) return code;
  const auto reply = ask(*listener, "GET", "/api/status");
  const auto snapshot = reply.status == 200 ? read_snapshot(reply.body) : std::nullopt;
  if (!snapshot) return complain(why_not(*listener, reply));
  if (json)
    std::cout << with_end(reply.body);
  else
    print_status(*snapshot, std::cout);
  return fine;
}

int top_command(const AdminTarget& whom, std::chrono::milliseconds interval, std::size_t frames) {
  int code = fine;
  const auto listener = listener_of(whom, code);
  if (!listener) return code;
  const auto look = [&](std::string& why) {
    const auto reply = ask(*listener, "GET", "/api/status");
    auto snapshot = reply.status == 200 ? read_snapshot(reply.body) : std::nullopt;
    if (!snapshot) why = why_not(*listener, reply);
    return snapshot;
  };
  std::string trouble;
  auto now = look(trouble);
  if (!now) return complain(trouble);
  Snapshot before;  // empty: the first frame shows totals since the start
  {
    Terminal terminal;
    auto order = Order::rate;
    std::string frame;
    for (std::size_t shown = 1;; ++shown) {
      const auto screen = terminal.size();
      frame = top_frame(before, *now, order, {screen.columns, screen.lines - (terminal.is_screen() ? 1 : 0)});
      if (terminal.is_screen())
        frame += trouble.empty() ? "q quits; sort by: r requests, a API time, n name" : "larder: " + trouble;
      terminal.show(frame);
      if (shown == frames) break;
      const auto key = terminal.key(interval);
      if (key == Terminal::ended) break;
      if (key == 'r') order = Order::rate;
      if (key == 'a') order = Order::api_time;
      if (key == 'n') order = Order::name;
      if (key != Terminal::nothing) continue;  // a key changed the order only: show the same figures again
      trouble.clear();
      if (auto next = look(trouble))
        before = std::exchange(*now, std::move(*next));
      else if (!terminal.is_screen())
        return complain(trouble);
    }
  }
  return fine;
}

}  // namespace larder::admin
