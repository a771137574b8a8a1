#include "admin/admin.hpp"

#include "admin/json.hpp"
#include "admin/resources.hpp"
#include "net/spawn.hpp"
#include "net/tls_layer.hpp"
#include "server/client.hpp"
#include "server/reply.hpp"
#include "server/session.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <unistd.h>

namespace larder::admin {

namespace {

constexpr Millis client_timeout{10'000};
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

// `fields`: further field lines, each terminated by CRLF.
std::string response(int status, std::string_view type, std::string_view body,
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
  return response(status, "application/problem+json", body.str() + "\n", persistence, fields);
}

std::string all_paths() {
  std::string out;
  for (const auto& one : resources()) out.append(out.empty() ? "" : ", ").append(one.path);
  return out;
}

}  // namespace

class Admin::Connection {
 public:
  Connection(Admin& admin, Socket socket)
      : admin_(admin), client_(admin.server_.first_loop(), std::move(socket), {}) {
    if (const auto& context = admin.rules_->tls) {
      auto ssl = context->new_connection();
      if (!ssl) throw std::bad_alloc();
      client_.transport().set_layer(
          std::make_unique<tls::Layer>(admin.server_.first_loop(), client_.transport().descriptor(), context,
                                       std::move(ssl), server::answer_without_tls()));
    }
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
        const auto read = co_await client_.read(client_timeout);
        open = read == server::Client::Read::some;
        continue;
      }
      std::string out;
      if (result.state == http::GateResult::State::refused) {
        server::write_problem(
            {http::status_of(*result.refusal), std::string(http::describe(*result.refusal)), {}},
            http::is_for_head(unread), {false, 1}, nullptr, out);
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
      open = co_await client_.write(out, client_timeout) && open;
    }
    client_.close();
  }

  void close() noexcept { client_.close(); }

 private:
  // nullopt if the body has no Content-Length or is too large.
  Task<std::optional<std::string>> read_body(http::Framing framing, bool expect_continue) {
    if (framing.kind == http::Framing::Kind::none) co_return std::string();
    if (framing.kind != http::Framing::Kind::length || framing.length > max_body) co_return std::nullopt;
    if (expect_continue && client_.unread().empty() &&
        !co_await client_.write("HTTP/1.1 100 Continue\r\n\r\n", client_timeout))  // RFC 9110 10.1.1
      co_return std::nullopt;
    const auto size = static_cast<std::size_t>(framing.length);
    std::string body;
    for (;;) {
      const auto piece = client_.unread().substr(0, size - body.size());
      body += piece;
      client_.consume(piece.size());
      if (body.size() == size) co_return body;
      if (co_await client_.read(client_timeout) != server::Client::Read::some) co_return std::nullopt;
    }
  }

  // The arguments must outlive the task.
  Task<std::string> respond(const http::RequestHead& head, const std::optional<std::string>& body,
                            server::Persistence persistence) {
    const auto* const resource = find_resource(head.path);
    if (resource == nullptr)
      co_return problem(404, "there is no " + std::string(head.path) + "; the paths are " + all_paths(),
                        persistence);
    if (resource->changes && head.method != http::Method::post)
      co_return problem(405, "this path accepts only POST", persistence, "Allow: POST\r\n");
    if (!resource->changes && head.method != http::Method::get && head.method != http::Method::head)
      co_return problem(405, "this path accepts only GET", persistence, "Allow: GET, HEAD\r\n");
    if (const auto refused = why_refused(head, *resource)) {
      const std::string_view challenge =
          refused->status == 401 ? "WWW-Authenticate: Bearer realm=\"larder\"\r\n" : "";  // RFC 9110 11.6.1
      co_return problem(refused->status, refused->text, persistence, challenge);
    }
    const Request request{head, body ? &*body : nullptr};
    const auto reply = co_await resource->handler(admin_.context_, request);
    if (reply.type.empty()) co_return problem(reply.status, reply.text, persistence, reply.fields);
    co_return response(reply.status, reply.type, reply.text, persistence, reply.fields);
  }

  // DNS rebinding: a page of another site, under a name that resolves to this address, could read and change
  // data here. With a token required that is not possible, as the page does not know it.
  std::optional<Answer> why_refused(const http::RequestHead& head, const Resource& resource) const {
    const auto& token = admin_.server_.settings().admin_token;
    if (!token.empty() && !resource.for_anyone && !has_token(head, token)) {
      return Answer{401, "the token of admin_token is required: send Authorization: Bearer TOKEN"};
    }
    if (token.empty() && !resource.any_host && !has_own_name(head)) {
      return Answer{403, "Host must be an IP address or localhost"};
    }
    return resource.changes ? against_change(head) : std::nullopt;
  }

  Admin& admin_;
  server::Client client_;
};

Admin::Admin(server::Server& server)
    : server_(server), context_{server, history_, {}}, timer_(server.first_loop().executor()) {
  spawn(server.first_loop(), "history", keep_history());
}

Admin::~Admin() {
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

std::optional<std::string> Admin::listen(const settings::Settings& settings) {
  if (auto error = prepare(settings)) return error;
  commit();
  return std::nullopt;
}

std::optional<std::string> Admin::prepare(const settings::Settings& settings) {
  Next next;
  if (const auto& address = settings.admin) {
    next.key = to_string(*address);
    auto rules = server::make_rules(settings.admin_listener(), tickets_);
    if (auto* error = std::get_if<std::string>(&rules)) return std::move(*error);
    next.rules = std::move(std::get<0>(rules));
    if (next.key != key_) {
      auto bound = server::bind(*address, false);
      if (auto* error = std::get_if<std::string>(&bound)) return std::move(*error);
      next.bound = std::get<server::Bound>(std::move(bound));
    }
  }
  next_ = std::move(next);
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
  rules_ = next_->rules;
  if (next_->key != key_) {
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
  }
  if (rules_) name_ = server::name_under(*rules_, name_);
  server_.set_admin_certificates(rules_ && rules_->tls ? rules_->tls->certificates()
                                                       : std::vector<tls::CertificateInfo>());
  next_.reset();
}

void Admin::accept_on(const server::Bound& bound) {
  name_ = bound.name;
  unix_path_ = bound.unix_path;
  auto& loop = server_.first_loop();
  acceptor_ =
      std::make_shared<server::Acceptor>(loop.executor(), StreamProtocol(bound.family, 0), bound.descriptor);
  const auto accepted = [this](Socket socket, const server::Peer&) { begin(std::move(socket)); };
  asio::co_spawn(loop.executor(),
                 server::accept_loop(
                     loop, *acceptor_, accepted, [](const Error&) { return false; }, [] { return true; }),
                 [kept = acceptor_](const std::exception_ptr& error) { rethrow(error); });
}

void Admin::begin(Socket socket) {
  if (connections_.size() >= max_connections) return;  // the socket's destructor closes it
  std::unique_ptr<Connection> connection;
  try {
    connection = std::make_unique<Connection>(*this, std::move(socket));
  } catch (const std::bad_alloc&) {
    return;  // only this connection is lost
  }
  const auto live = [](std::unique_ptr<Connection> its) -> Task<void> { co_await its->run(); };
  spawn(server_.first_loop(), "admin connection", live(std::move(connection)));
}

Task<void> Admin::keep_history() {
  while (!closed_) {
    history_.note(totals_of(server_), system_now().mono);
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
