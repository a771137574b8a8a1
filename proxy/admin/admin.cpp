#include "admin/admin.hpp"

#include "admin/explain.hpp"
#include "admin/json.hpp"
#include "admin/metrics.hpp"
#include "admin/page.hpp"
#include "admin/purge.hpp"
#include "admin/reload.hpp"
#include "admin/status.hpp"
#include "http/target.hpp"
#include "net/spawn.hpp"
#include "server/client.hpp"
#include "server/reply.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <unistd.h>

namespace larder::admin {

namespace {

constexpr Millis timeout{10'000};
constexpr std::size_t max_connections = 64;
constexpr std::uint64_t max_body = 64 * 1024;

void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 200:
      return "OK";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    default:
      return server::reason_of(status);
  }
}

// `fields`: more field lines, each with its end.
std::string answer(int status, std::string_view type, std::string_view body,
                   const server::Persistence& persistence, std::string_view fields = {}) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(reason_of(status)).append("\r\nContent-Type: ").append(type);
  out.append(
      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
  out.append("Cross-Origin-Resource-Policy: same-origin\r\n").append(fields).append("Content-Length: ");
  out.append(std::to_string(body.size())).append("\r\n");
  server::append_connection(persistence, out);
  return out.append("\r\n").append(body);
}

// RFC 9457.
std::string problem(int status, std::string_view sentence, const server::Persistence& persistence,
                    std::string_view fields = {}) {
  Object body;
  body.text("type", "about:blank");
  body.text("title", reason_of(status));
  body.number("status", status);
  body.text("detail", sentence);
  return answer(status, "application/problem+json", body.take() + "\n", persistence, fields);
}

// What is here, and who may ask for it.
struct Resource {
  std::string_view path;
  bool changes = false;      // wants POST, JSON, and no page of another site behind it
  bool for_anybody = false;  // says nothing that the token protects
  bool any_host = false;     // asked for by programs under whatever name
};
constexpr Resource resources[] = {
    {"/", false, true},
    {"/healthz", false, true, true},
    {"/readyz", false, true, true},
    {"/metrics", false, false, true},
    {"/api/status"},
    {"/api/history"},
    {"/api/entries"},
    {"/api/explain"},
    {"/api/purge", true},
    {"/api/reload", true},
};

std::string all_paths() {
  std::string out;
  for (const auto& one : resources) out.append(out.empty() ? "" : ", ").append(one.path);
  return out;
}

}  // namespace

class Admin::Connection {
 public:
  Connection(Admin& admin, Socket socket)
      : admin_(admin), client_(admin.server_.first_loop(), std::move(socket), {}) {
    admin_.connections_.push_back(this);
  }
  ~Connection() { std::erase(admin_.connections_, this); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Task<void> run() {
    const http::Limits limits;
    http::RequestHead head;
    for (bool open = true; open;) {
      const auto unread = client_.unread();
      const auto result = unread.empty() ? http::GateResult{} : http::read_request(unread, limits, head);
      if (result.state == http::GateResult::State::need_more) {
        const auto read = co_await client_.read(timeout);
        open = read == server::Client::Read::some;
        continue;
      }
      std::string out;
      if (result.state == http::GateResult::State::refused) {
        server::write_problem(
            {http::status_of(*result.refusal), std::string(http::describe(*result.refusal)), {}}, nullptr,
            http::is_for_head(unread), {false, 1}, out);
        open = false;
      } else {
        const std::string bytes(unread.substr(0, result.head_size));
        client_.consume(result.head_size);
        (void)http::read_request(bytes, limits, head);
        const auto body = co_await read_body(head.framing, head.expect_continue);
        open = head.keep_alive && body.has_value();
        out = co_await respond(head, body, {open, head.minor_version});
        if (head.method == http::Method::head) out.erase(out.find("\r\n\r\n") + 4);
      }
      open = co_await client_.write(out, timeout) && open;
    }
    client_.close();
  }

  void close() noexcept { client_.close(); }

 private:
  // nullopt where it is none that is taken here.
  Task<std::optional<std::string>> read_body(http::Framing framing, bool expect_continue) {
    if (framing.kind == http::Framing::Kind::none) co_return std::string();
    if (framing.kind != http::Framing::Kind::length || framing.length > max_body) co_return std::nullopt;
    if (expect_continue && client_.unread().empty() &&
        !co_await client_.write("HTTP/1.1 100 Continue\r\n\r\n", timeout))  // RFC 9110 10.1.1
      co_return std::nullopt;
    const auto size = static_cast<std::size_t>(framing.length);
    std::string body;
    for (;;) {
      const auto piece = client_.unread().substr(0, size - body.size());
      body += piece;
      client_.consume(piece.size());
      if (body.size() == size) co_return body;
      if (co_await client_.read(timeout) != server::Client::Read::some) co_return std::nullopt;
    }
  }

  // The arguments outlive the task.
  Task<std::string> respond(const http::RequestHead& head, const std::optional<std::string>& body,
                            server::Persistence persistence) {
    const auto* const found = std::find_if(std::begin(resources), std::end(resources),
                                           [&](const auto& one) { return one.path == head.path; });
    if (found == std::end(resources))
      co_return problem(404, "there is no " + std::string(head.path) + "; the paths are " + all_paths(),
                        persistence);
    if (found->changes && head.method != http::Method::post)
      co_return problem(405, "this path accepts only POST", persistence, "Allow: POST\r\n");
    if (!found->changes && head.method != http::Method::get && head.method != http::Method::head)
      co_return problem(405, "this path accepts only GET", persistence, "Allow: GET, HEAD\r\n");
    if (const auto refused = against_asking(head, *found)) {
      const std::string_view challenge =
          refused->status == 401 ? "WWW-Authenticate: Bearer realm=\"larder\"\r\n" : "";  // RFC 9110 11.6.1
      co_return problem(refused->status, refused->text, persistence, challenge);
    }

    auto& server = admin_.server_;
    const auto text = [&](const std::string& said) { return answer(200, "text/plain", said, persistence); };
    const auto json = [&](const std::string& said) {
      return answer(200, "application/json", said, persistence);
    };
    if (found->path == "/") {
      const auto page = status_page();
      co_return answer(200, "text/html; charset=utf-8", page.html, persistence, page.fields);
    }
    if (found->path == "/healthz") co_return text("alive\n");
    if (found->path == "/readyz") co_return readiness(persistence);
    if (found->path == "/metrics")
      co_return answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(server), persistence);
    if (found->path == "/api/status") co_return json(status_json(server));
    if (found->path == "/api/history") co_return json(admin_.history_.json(totals_of(server)));
    if (found->path == "/api/entries") {
      auto question = entries_question(head);
      const auto entries = co_await entries_json(server, std::move(question.prefix), question.most);
      co_return json(entries);
    }
    if (found->path == "/api/explain") co_return explain_answer(head, persistence);
    Answer answered;
    if (found->path == "/api/reload")
      answered = reload();
    else
      answered = co_await purge(server, body);
    if (answered.status == 200 || answered.status == 422)
      co_return answer(answered.status, "application/json", answered.text, persistence);
    co_return problem(answered.status, answered.text, persistence);
  }

  // A name that somebody else's DNS led here would let their page read and change what is here; where there
  // is a token, their page does not know it.
  std::optional<Answer> against_asking(const http::RequestHead& head, const Resource& resource) const {
    const auto& token = admin_.server_.settings().admin_token;
    if (!token.empty() && !resource.for_anybody && !has_token(head, token)) {
      return Answer{401, "the token of admin_token is required: send Authorization: Bearer TOKEN"};
    }
    if (token.empty() && !resource.any_host && !has_own_name(head)) {
      return Answer{403, "Host must be an IP address or localhost"};
    }
    return resource.changes ? against_change(head) : std::nullopt;
  }

  std::string readiness(const server::Persistence& persistence) {
    const auto not_yet = [&](const std::string& why) { return answer(503, "text/plain", why, persistence); };
    auto& server = admin_.server_;
    if (server.is_draining()) return not_yet("draining\n");
    const auto warming = server.warming();
    if (warming > 0 && server.settings().cache.warm_before_ready)
      return not_yet("warming: " + std::to_string(warming) + " left\n");
    return answer(200, "text/plain", "serving\n", persistence);
  }

  struct EntriesQuestion {
    std::string prefix;
    std::size_t most = 1000;
  };
  static EntriesQuestion entries_question(const http::RequestHead& head) {
    EntriesQuestion question;
    http::QueryPiece piece;
    for (auto rest = head.query; http::next_query_piece(rest, piece);) {
      const auto value = http::decode_query(piece.value);
      if (piece.name == "prefix") question.prefix = value;
      if (piece.name == "limit" && !value.empty() && value.size() < 6 &&
          value.find_first_not_of("0123456789") == std::string::npos)
        question.most = std::stoul(value);
    }
    return question;
  }

  Answer reload() {
    if (!admin_.reload_) return {501, "reload is not available"};
    const auto report = admin_.reload_();
    return {report.ok ? 200 : 422, reload_json(report)};
  }

  std::string explain_answer(const http::RequestHead& head, const server::Persistence& persistence) {
    Question question;
    http::QueryPiece piece;
    for (auto rest = head.query; http::next_query_piece(rest, piece);) {
      if (piece.name == "url") question.url = http::decode_query(piece.value);
      if (piece.name == "method") question.method = http::decode_query(piece.value);
    }
    auto& shared = admin_.server_.shared();
    const Live live{shared.store, shared.invalidations, shared.fills, Loop::now()};
    std::string error = "url is missing; write /api/explain?url=URL with a URL or a path";
    std::optional<std::string> json;
    if (!question.url.empty()) json = explain(admin_.server_.settings(), question, &live, error);
    if (json) return answer(200, "application/json", *json, persistence);
    return problem(400, error, persistence);
  }

  Admin& admin_;
  server::Client client_;
};

Admin::Admin(server::Server& server) : server_(server), timer_(server.first_loop().executor()) {
  spawn(server.first_loop(), "history", keep_history());
}

Admin::~Admin() {
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

std::optional<std::string> Admin::listen(const settings::ListenAddress& address) {
  if (auto error = prepare(address)) return error;
  commit();
  return std::nullopt;
}

std::optional<std::string> Admin::prepare(const std::optional<settings::ListenAddress>& address) {
  const auto key = address ? to_string(*address) : std::string();
  if (key == key_) return std::nullopt;
  next_.emplace();
  next_->key = key;
  if (!address) return std::nullopt;
  auto bound = server::bind(*address, false);
  if (auto* error = std::get_if<std::string>(&bound)) {
    next_.reset();
    return std::move(*error);
  }
  next_->bound = std::get<server::Bound>(std::move(bound));
  return std::nullopt;
}

void Admin::give_up() {
  if (next_ && next_->bound) {
    ::close(next_->bound->descriptor);
    if (!next_->bound->unix_path.empty()) ::unlink(next_->bound->unix_path.c_str());
  }
  next_.reset();
}

void Admin::commit() {
  if (!next_) return;
  if (acceptor_) {
    Error ignored;
    acceptor_->close(ignored);
    acceptor_.reset();
  }
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  key_ = next_->key;
  name_.clear();
  unix_path_.clear();
  if (next_->bound) accept_on(*next_->bound);
  next_.reset();
}

void Admin::accept_on(const server::Bound& bound) {
  name_ = bound.name;
  unix_path_ = bound.unix_path;
  auto& loop = server_.first_loop();
  acceptor_ =
      std::make_shared<server::Acceptor>(loop.executor(), StreamProtocol(bound.family, 0), bound.descriptor);
  const auto accepted = [this](Socket socket, const server::Peer&) { begin(std::move(socket)); };
  asio::co_spawn(loop.executor(), server::accept_loop(loop, *acceptor_, accepted),
                 [kept = acceptor_](const std::exception_ptr& error) { rethrow(error); });
}

void Admin::begin(Socket socket) {
  if (connections_.size() >= max_connections) return;  // closes it
  auto connection = std::make_unique<Connection>(*this, std::move(socket));
  const auto live = [](std::unique_ptr<Connection> its) -> Task<void> { co_await its->run(); };
  spawn(server_.first_loop(), "admin connection", live(std::move(connection)));
}

Task<void> Admin::keep_history() {
  while (!closed_) {
    history_.note(totals_of(server_), Loop::now().mono);
    timer_.expires_after(History::shortest);
    co_await timer_.async_wait(as_result);
  }
}

void Admin::close() {
  closed_ = true;
  timer_.cancel();
  if (acceptor_) {
    Error ignored;
    acceptor_->close(ignored);
  }
  for (auto* connection : connections_) connection->close();
}

}  // namespace larder::admin
