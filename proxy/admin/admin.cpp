#include "admin/admin.hpp"

#include "admin/explain.hpp"
#include "admin/metrics.hpp"
#include "admin/purge.hpp"
#include "admin/reload.hpp"
#include "admin/status.hpp"
#include "http/target.hpp"
#include "server/client.hpp"
#include "server/reply.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <unistd.h>

namespace larder::admin {

namespace {

constexpr Millis patience{10'000};
constexpr std::size_t most_connections = 64;
constexpr std::uint64_t most_body = 64 * 1024;

void rethrow(const std::exception_ptr& error) {
  if (error) std::rethrow_exception(error);
}

std::string answer(int status, std::string_view reason, std::string_view type, std::string_view body,
                   bool keep_alive) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out.append(reason).append("\r\nContent-Type: ").append(type);
  out.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: ");
  out.append(std::to_string(body.size())).append(keep_alive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n");
  return out.append(body);
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
        const auto read = co_await client_.read(patience);
        open = read == server::Client::Read::some;
        continue;
      }
      std::string out;
      if (result.state == http::GateResult::State::refused) {
        server::write_problem(
            {http::status_of(*result.refusal), std::string(http::describe(*result.refusal)), {}}, nullptr,
            false, {false, 1}, out);
        open = false;
      } else {
        const std::string bytes(unread.substr(0, result.head_size));
        client_.consume(result.head_size);
        (void)http::read_request(bytes, limits, head);
        const auto body = co_await read_body(head.framing);
        open = head.keep_alive && body.has_value();
        if (head.method == http::Method::post && head.path == "/api/purge") {
          const auto answered = co_await purge(admin_.server_, head, body);
          out = change_answer(head, answered, open);
        } else if (head.method == http::Method::get && head.path == "/api/entries") {
          auto question = entries_question(head);
          const auto json = co_await entries_json(admin_.server_, std::move(question.prefix), question.most);
          out = answer(200, "OK", "application/json", json, open);
        } else {
          out = respond(head, open);
        }
      }
      open = co_await client_.write(out, patience) && open;
    }
    client_.close();
  }

  void close() noexcept { client_.close(); }

 private:
  // nullopt where it is none that is taken here.
  Task<std::optional<std::string>> read_body(http::Framing framing) {
    if (framing.kind == http::Framing::Kind::none) co_return std::string();
    if (framing.kind != http::Framing::Kind::length || framing.length > most_body) co_return std::nullopt;
    const auto size = static_cast<std::size_t>(framing.length);
    std::string body;
    for (;;) {
      const auto piece = client_.unread().substr(0, size - body.size());
      body += piece;
      client_.consume(piece.size());
      if (body.size() == size) co_return body;
      if (co_await client_.read(patience) != server::Client::Read::some) co_return std::nullopt;
    }
  }

  std::string change_answer(const http::RequestHead& head, const Answer& answered, bool keep_alive) {
    if (answered.status == 200 || answered.status == 422) {
      const auto reason = answered.status == 200 ? "OK" : "Unprocessable Content";
      return answer(answered.status, reason, "application/json", answered.text, keep_alive);
    }
    std::string out;
    server::write_problem({answered.status, answered.text, {}}, nullptr, false,
                          {keep_alive, head.minor_version}, out);
    return out;
  }

  std::string respond(const http::RequestHead& head, bool keep_alive) {
    const server::Persistence persistence{keep_alive, head.minor_version};
    std::string out;
    const bool changes = head.path == "/api/purge" || head.path == "/api/reload";
    if (head.method != (changes ? http::Method::post : http::Method::get)) {
      server::write_problem({405, changes ? "this path answers POST" : "this path answers GET", {}}, nullptr,
                            false, persistence, out);
      return out;
    }
    if (head.path == "/api/reload") return change_answer(head, reload(head), keep_alive);
    if (head.path == "/healthz") return answer(200, "OK", "text/plain", "alive\n", keep_alive);
    if (head.path == "/readyz") {
      if (admin_.server_.is_draining())
        return answer(503, "Service Unavailable", "text/plain", "draining\n", keep_alive);
      const auto warming = admin_.server_.warming();
      if (warming > 0 && admin_.server_.settings().cache.warm_before_ready)
        return answer(503, "Service Unavailable", "text/plain",
                      "warming: " + std::to_string(warming) + " left\n", keep_alive);
      return answer(200, "OK", "text/plain", "serving\n", keep_alive);
    }
    if (head.path == "/metrics") {
      return answer(200, "OK", "text/plain; version=0.0.4; charset=utf-8", metrics_text(admin_.server_),
                    keep_alive);
    }
    if (head.path == "/api/status")
      return answer(200, "OK", "application/json", status_json(admin_.server_), keep_alive);
    if (head.path == "/api/explain") return explain_answer(head, persistence);
    const auto missing = "there is no " + std::string(head.path) +
                         " here; there are /healthz, /readyz, /metrics, /api/status, /api/entries, "
                         "/api/explain, /api/purge and /api/reload";
    server::write_problem({404, missing, {}}, nullptr, false, persistence, out);
    return out;
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

  Answer reload(const http::RequestHead& head) {
    if (auto refused = against_change(head)) return std::move(*refused);
    if (!admin_.reload_) return {501, "nothing to reload"};
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
    const Live live{shared.store, shared.writes, shared.fills, Loop::now()};
    std::string error = "/api/explain?url=URL wants a URL or a path";
    std::optional<std::string> json;
    if (!question.url.empty()) json = explain(admin_.server_.settings(), question, &live, error);
    if (json) return answer(200, "OK", "application/json", *json, persistence.keep_alive);
    std::string out;
    server::write_problem({400, error, {}}, nullptr, false, persistence, out);
    return out;
  }

  Admin& admin_;
  server::Client client_;
};

Admin::Admin(server::Server& server) : server_(server) {}

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
  const auto accepted = [this](Socket socket, const std::string&) { begin(std::move(socket)); };
  asio::co_spawn(loop.executor(), server::accept_loop(loop, *acceptor_, accepted),
                 [kept = acceptor_](const std::exception_ptr& error) { rethrow(error); });
}

void Admin::begin(Socket socket) {
  if (connections_.size() >= most_connections) return;  // closes it
  auto connection = std::make_unique<Connection>(*this, std::move(socket));
  const auto live = [](std::unique_ptr<Connection> its) -> Task<void> { co_await its->run(); };
  asio::co_spawn(server_.first_loop().executor(), live(std::move(connection)),
                 [](const std::exception_ptr&) {});
}

void Admin::close() {
  if (acceptor_) {
    Error ignored;
    acceptor_->close(ignored);
  }
  for (auto* connection : connections_) connection->close();
}

}  // namespace larder::admin
