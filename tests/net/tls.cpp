// TLS over a pair of connected sockets, driven step by step.
#include "certificates.hpp"
#include "net/tls_layer.hpp"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace larder;

namespace {

using State = Io::State;

constexpr std::string_view plain_answer = "HTTP/1.1 400 Bad Request\r\n\r\n";

struct Client {
  tls::SslContext context{SSL_CTX_new(::TLS_client_method())};
  SSL_SESSION* session = nullptr;  // the first

  explicit Client(const std::string& ca) {
    REQUIRE(SSL_CTX_load_verify_locations(context.get(), ca.c_str(), nullptr) == 1);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context.get(), this);
    SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl, SSL_SESSION* made) {
      auto& self = *static_cast<Client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
      if (self.session == nullptr) self.session = SSL_SESSION_dup(made);
      return 0;
    });
  }
  ~Client() { forget(); }
  void forget() { SSL_SESSION_free(std::exchange(session, nullptr)); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
};

std::shared_ptr<const tls::ServerContext> context_of(const tls::ServerOptions& options,
                                                     std::shared_ptr<tls::TicketKeys> tickets = nullptr) {
  if (!tickets) tickets = std::make_shared<tls::TicketKeys>();
  auto made = tls::ServerContext::make(options, std::move(tickets));
  if (const auto* error = std::get_if<std::string>(&made)) FAIL(*error);
  return std::get<0>(made);
}

// A server's connection and a client's.
struct Pair {
  Loop loop{0, 4096, Millis{10}};
  std::unique_ptr<Transport> server;
  std::unique_ptr<Transport> client;
  tls::Layer* server_layer = nullptr;
  tls::Layer* client_layer = nullptr;

  Pair(const std::shared_ptr<const tls::ServerContext>& context, Client* with, const char* name = nullptr,
       int buffer = 0) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    if (buffer > 0)
      for (const int end : ends) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    server = std::make_unique<Transport>(loop, Socket(loop.executor(), StreamProtocol(AF_UNIX, 0), ends[0]));
    client = std::make_unique<Transport>(loop, Socket(loop.executor(), StreamProtocol(AF_UNIX, 0), ends[1]));
    auto layer =
        std::make_unique<tls::Layer>(loop, ends[0], context, context->new_connection(), plain_answer);
    server_layer = layer.get();
    server->set_layer(std::move(layer));
    if (with == nullptr) return;
    tls::Ssl ssl(SSL_new(with->context.get()));
    SSL_set_connect_state(ssl.get());
    if (name != nullptr) SSL_set_tlsext_host_name(ssl.get(), name);
    if (with->session != nullptr) {
      // A copy, because OpenSSL gives a session up when its connection fails.
      auto* copy = SSL_SESSION_dup(with->session);
      SSL_set_session(ssl.get(), copy);
      SSL_SESSION_free(copy);
    }
    auto its = std::make_unique<tls::Layer>(loop, ends[1], nullptr, std::move(ssl));
    client_layer = its.get();
    client->set_layer(std::move(its));
  }
  // As far as it goes; false if either side fails.
  bool shake_hands() {
    for (int i = 0; i < 10; ++i) {
      const auto of_client = client_layer->handshake();
      const auto of_server = server_layer->handshake();
      if (of_client.state == State::failed || of_server.state == State::failed) return false;
      if (of_client.state == State::some && of_server.state == State::some) return true;
    }
    return false;
  }
};

std::string read_all(Transport& from, State& end) {
  std::string all;
  std::array<char, 1000> room;
  for (;;) {
    const auto io = from.read_some(room);
    end = io.state;
    if (io.state != State::some) return all;
    all.append(room.data(), io.bytes);
  }
}

std::size_t write(Transport& to, std::string_view first, std::string_view second = {},
                  std::string_view third = {}) {
  const std::array<asio::const_buffer, 3> pieces{asio::buffer(first), asio::buffer(second),
                                                 asio::buffer(third)};
  const auto io = to.write_some(pieces);
  return io.state == State::some ? io.bytes : 0;
}

}  // namespace

TEST_CASE("TLS carries bytes both ways, and its end is an end") {
  test::Authority authority;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  Client with(authority.ca());
  Pair pair(context_of({{{certificate, key, {}}}}), &with, "a.example");
  REQUIRE(pair.shake_hands());
  CHECK(pair.server_layer->client().version == "TLSv1.3");
  CHECK(pair.loop.counters().tls_1_3.value() == 1);
  State end{};
  CHECK(write(*pair.client, "GET ", "/x", " HTTP/1.1") == 15);
  CHECK(read_all(*pair.server, end) == "GET /x HTTP/1.1");
  CHECK(end == State::want_read);
  CHECK(write(*pair.server, "head", std::string(40'000, 'b'), "tail") == 40'008);
  CHECK(read_all(*pair.client, end) == "head" + std::string(40'000, 'b') + "tail");
  CHECK(pair.client->is_reusable());  // although tickets have come
  pair.server->close();
  CHECK_FALSE(pair.client->is_reusable());
  CHECK(read_all(*pair.client, end).empty());
  CHECK(end == State::end);
}

TEST_CASE("TLS says whether there is more to read without another read") {
  test::Authority authority;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  Client with(authority.ca());
  Pair pair(context_of({{{certificate, key, {}}}}), &with);
  REQUIRE(pair.shake_hands());
  std::array<char, 100> room;
  (void)pair.server->read_some(room);
  (void)write(*pair.client, "one");
  (void)write(*pair.client, "two");
  auto io = pair.server->read_some(room);
  CHECK((io.bytes == 3 && io.more));
  io = pair.server->read_some(room);
  CHECK((io.bytes == 3 && !io.more));
}

TEST_CASE("a writer that has to wait goes on where it was") {
  test::Authority authority;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  Client with(authority.ca());
  Pair pair(context_of({{{certificate, key, {}}}}), &with, nullptr, 4096);
  REQUIRE(pair.shake_hands());
  std::string sent(300'000, ' ');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  std::string got;
  State end{};
  std::size_t waits = 0;
  for (std::size_t at = 0; at < sent.size();) {
    const auto rest = std::string_view(sent).substr(at);
    const auto written = write(*pair.server, rest.substr(0, 100), rest.substr(100));
    at += written;
    if (written == 0) ++waits;
    got += read_all(*pair.client, end);
  }
  got += read_all(*pair.client, end);
  CHECK(waits > 0);
  CHECK((got == sent));
}

TEST_CASE("an end without close_notify is an end for a server and a failure for a client") {
  test::Authority authority;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  Client with(authority.ca());
  for (const bool by_client : {true, false}) {
    Pair pair(context_of({{{certificate, key, {}}}}), &with);
    REQUIRE(pair.shake_hands());
    auto& from = by_client ? *pair.client : *pair.server;
    auto& to = by_client ? *pair.server : *pair.client;
    State end{};
    (void)read_all(to, end);
    ::shutdown(from.descriptor(), SHUT_WR);
    CHECK(read_all(to, end).empty());
    CHECK(end == (by_client ? State::end : State::failed));
    (void)read_all(from, end);
  }
}

TEST_CASE("a plain HTTP request to a TLS port gets a readable answer") {
  test::Authority authority;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  Pair pair(context_of({{{certificate, key, {}}}}), nullptr);
  State end{};
  (void)write(*pair.client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(read_all(*pair.server, end).empty());
  CHECK(end == State::failed);
  CHECK(read_all(*pair.client, end) == plain_answer);
  CHECK(end == State::end);
  CHECK(pair.loop.counters().tls_failures.value() == 1);
}

TEST_CASE("the server name chooses the certificate; without one, and for unknown names, it is the first") {
  test::Authority authority;
  const auto a = authority.make("a", "DNS:a.example");
  const auto b = authority.make("b", "DNS:b.example,DNS:*.b.example");
  const auto context = context_of({{{a.certificate, a.key, {}}, {b.certificate, b.key, {}}}});
  CHECK(context->binds_host());
  Client with(authority.ca());
  const std::vector<std::pair<const char*, std::string>> cases = {
      {nullptr, "a"},       {"a.example", "a"},     {"b.example", "b"},
      {"x.B.example", "b"}, {"x.y.b.example", "a"}, {"c.example", "a"}};
  for (const auto& [name, expected] : cases) {
    INFO((name == nullptr ? "" : name));
    Pair pair(context, &with, name);
    REQUIRE(pair.shake_hands());
    char text[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(pair.client_layer->ssl())),
                              NID_commonName, text, sizeof text);
    CHECK(std::string(text) == expected);
    CHECK(pair.server_layer->certificate_index() == (expected == "a" ? 0 : 1));
  }
}

TEST_CASE(
    "a session is resumed by a context that was made later with the same ticket keys, and by no other") {
  test::Authority authority;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  const auto tickets = std::make_shared<tls::TicketKeys>();
  Client with(authority.ca());
  const auto resumes = [&](const std::shared_ptr<tls::TicketKeys>& keys) {
    Pair pair(context_of({{{certificate, key, {}}}}, keys), &with, "a.example");
    REQUIRE(pair.shake_hands());
    State end{};
    (void)read_all(*pair.client, end);  // tickets
    return pair.server_layer->is_resumed();
  };
  CHECK_FALSE(resumes(tickets));
  CHECK(resumes(tickets));
  CHECK_FALSE(resumes(std::make_shared<tls::TicketKeys>()));
}

TEST_CASE("ticket keys are replaced after a period and forgotten after three") {
  tls::TicketKeys keys;
  const policy::MonoTime start{std::chrono::hours{100}};
  const auto first = *keys.current(start);
  const auto* name = first.name.data();
  CHECK(keys.current(start + tls::TicketKeys::period - Millis{1})->name == first.name);
  CHECK(keys.find(name, start)->second);
  const auto later = start + tls::TicketKeys::period;
  CHECK(keys.current(later)->name != first.name);
  CHECK_FALSE(keys.find(name, later)->second);  // still known, but the ticket is renewed
  CHECK_FALSE(keys.find(name, start + 3 * tls::TicketKeys::period));
  (void)keys.current(later + tls::TicketKeys::period);
  (void)keys.current(later + 2 * tls::TicketKeys::period);
  CHECK_FALSE(keys.find(name, later));
}

TEST_CASE("clients are asked for certificates as configured, and their verified subject is known") {
  test::Authority authority;
  test::Authority other;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  const auto mine = authority.make("client", {});
  const auto foreign = other.make("foreign", {});
  for (const bool required : {true, false}) {
    INFO(required);
    tls::ServerOptions options{{{certificate, key, {}}}, authority.ca(), required};
    const auto context = context_of(options);
    const auto subject_of = [&](const test::Authority::Files* files) -> std::optional<std::string> {
      Client with(authority.ca());
      if (files != nullptr) {
        SSL_CTX_use_certificate_chain_file(with.context.get(), files->certificate.c_str());
        SSL_CTX_use_PrivateKey_file(with.context.get(), files->key.c_str(), SSL_FILETYPE_PEM);
      }
      Pair pair(context, &with);
      if (!pair.shake_hands()) return std::nullopt;
      return pair.server_layer->client().subject;
    };
    CHECK(subject_of(&mine) == "CN=client");
    CHECK_FALSE(subject_of(&foreign));
    CHECK(subject_of(nullptr) == (required ? std::nullopt : std::optional<std::string>("")));
  }
}

TEST_CASE("what is wrong with a file is said with its name") {
  test::Authority authority;
  const auto a = authority.make("a", "DNS:a.example");
  const auto b = authority.make("b", "DNS:b.example");
  const auto text = authority.path("text");
  std::ofstream(text) << "no certificate\n";
  const auto error_of = [](const tls::ServerOptions& options) {
    auto made = tls::ServerContext::make(options, std::make_shared<tls::TicketKeys>());
    const auto* error = std::get_if<std::string>(&made);
    return error == nullptr ? std::string() : *error;
  };
  CHECK(error_of({{{a.certificate, b.key, {}}}}) ==
        "the key " + b.key + " is not that of the certificate " + a.certificate);
  CHECK(error_of({{{"/nowhere", a.key, {}}}}) ==
        "cannot read the certificate /nowhere: No such file or directory");
  CHECK(error_of({{{text, a.key, {}}}}) == "cannot read the certificate " + text + ": no start line");
  CHECK(error_of({{{a.certificate, "/nowhere", {}}}}) ==
        "cannot read the key /nowhere: No such file or directory");
  CHECK(error_of({{{a.certificate, a.key, {}}}, text}) ==
        "cannot read the certificates of client_ca " + text + ": no certificate or crl found");
  CHECK(error_of({{{a.certificate, a.key, "/nowhere"}}}) ==
        "cannot read the OCSP response /nowhere: No such file or directory");
  const auto infos = context_of({{{b.certificate, b.key, {}}}})->certificates();
  CHECK(infos.front().names == std::vector<std::string>{"b.example"});
  const auto left = infos.front().expires - system_now().wall;
  CHECK(left > std::chrono::minutes{59});
  CHECK(left <= std::chrono::minutes{60});
}

// A session that began without a certificate must not be a way around the demand for one.
TEST_CASE("a session is not resumed where clients are authenticated in another way") {
  test::Authority authority;
  test::Authority other;
  const auto [certificate, key] = authority.make("a", "DNS:a.example");
  const auto tickets = std::make_shared<tls::TicketKeys>();
  const auto mine = authority.make("client", {});
  const auto with_ca = [&](const std::string& ca, bool required) {
    return context_of({{{certificate, key, {}}}, ca, required}, tickets);
  };
  Client with(authority.ca());
  // Whether the session is resumed; nullopt if the handshake fails.
  const auto visit = [&](const std::shared_ptr<const tls::ServerContext>& context) -> std::optional<bool> {
    Pair pair(context, &with, "a.example");
    if (!pair.shake_hands()) return std::nullopt;
    State end{};
    (void)read_all(*pair.server, end);
    (void)read_all(*pair.client, end);
    return pair.server_layer->is_resumed();
  };
  CHECK(visit(with_ca({}, true)) == false);
  CHECK(visit(with_ca({}, true)) == true);
  CHECK(visit(with_ca(authority.ca(), true)) == std::nullopt);  // there is no certificate

  SSL_CTX_use_certificate_chain_file(with.context.get(), mine.certificate.c_str());
  SSL_CTX_use_PrivateKey_file(with.context.get(), mine.key.c_str(), SSL_FILETYPE_PEM);
  with.forget();
  CHECK(visit(with_ca(authority.ca(), true)) == false);
  Pair pair(with_ca(authority.ca(), true), &with, "a.example");
  REQUIRE(pair.shake_hands());
  CHECK(pair.server_layer->is_resumed());
  CHECK(pair.server_layer->client().subject == "CN=client");
  State end{};
  (void)read_all(*pair.client, end);
  CHECK(visit(with_ca(other.ca(), true)) == std::nullopt);  // of an authority that is not accepted here
}
