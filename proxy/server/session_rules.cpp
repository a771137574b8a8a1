// Session: the rules of its listener (ListenerRules): TLS, 421, redirect.
#include "server/reply.hpp"
#include "server/session.hpp"

namespace larder::server {

std::string_view answer_without_tls() {
  static const auto text = [] {
    std::string out;
    write_problem({400, "this port is for TLS; use https", {}}, false, {false, 1}, nullptr, out);
    return out;
  }();
  return text;
}

void Session::look_at_handshake() {
  if (!tls_->is_established() || arrival_.tls != nullptr) return;
  worker_.end_handshake(*this);
  auto& client = tls_->client();
  client.field = rules_->client_field;
  if (client.field.empty()) client.subject.clear();  // the API does not learn it
  arrival_.tls = &client;
  arrival_.is_http_2 = tls_->is_http_2();
}

std::optional<http::Refusal> Session::refusal_of_listener(const http::RequestHead& head) const noexcept {
  if (head.scheme) {
    const auto* forwarded = arrival_.trusted ? http::find(head.fields, "X-Forwarded-Proto") : nullptr;
    const auto is = forwarded == nullptr ? http::name_of(arrival_.scheme) : forwarded->value;
    if (!http::iequals(is, http::name_of(*head.scheme))) return http::Refusal::scheme_mismatch;
  }
  if (tls_ == nullptr || !rules_->tls->binds_host()) return std::nullopt;
  const auto host = head.authority.substr(0, head.authority.find(':'));
  if (rules_->tls->index_for(host) != tls_->certificate_index()) return http::Refusal::misdirected;
  return std::nullopt;
}

// A URL without a port: the one of this listener is not that of https.
Task<Session::Step> Session::redirect() {
  const auto& head = turn_->head;
  std::string location = "https://";
  const auto port = head.authority.rfind(':');
  const bool has_port =
      port != std::string_view::npos && head.authority.find(']', port) == std::string_view::npos;
  location.append(head.authority.substr(0, has_port ? port : head.authority.size())).append(head.path);
  if (head.has_query) location.append("?").append(head.query);
  policy::Outcome outcome;
  outcome.detail = policy::Detail::redirect;
  std::string out;
  write_redirect(location, outcome, out);
  record_refusal(308, out);
  const bool sent = co_await client_.write(out, worker_.settings().timeouts.write);
  co_return sent ? Step::linger : Step::close;
}

}  // namespace larder::server
