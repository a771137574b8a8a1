#include "policy/forwarded.hpp"

#include "http/text.hpp"
#include "policy/key.hpp"

namespace larder::policy {

namespace {

std::string_view trim(std::string_view text) {
  return http::trim(text);
}

// Removes the next `name=value` from an element of Forwarded (RFC 7239 4). Semicolons inside quoted strings
// do not separate pairs.
bool next_pair(std::string_view& rest, std::string_view& pair) {
  if (rest.empty()) return false;
  bool quoted = false;
  std::size_t end = 0;
  for (; end < rest.size(); ++end) {
    if (rest[end] == '"') quoted = !quoted;
    if (quoted && rest[end] == '\\') ++end;
    if (!quoted && rest[end] == ';') break;
  }
  end = std::min(end, rest.size());
  pair = trim(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return true;
}

// The value of a Forwarded line without the parameters that hold addresses.
std::string original_of(std::string_view value) {
  std::string out;
  for (std::string_view rest = value, element; http::next_element(rest, element);) {
    std::string kept;
    for (std::string_view pairs = element, pair; next_pair(pairs, pair);) {
      const auto name = trim(pair.substr(0, pair.find('=')));
      if (pair.empty() || http::iequals(name, "for") || http::iequals(name, "by")) continue;
      kept.append(kept.empty() ? "" : ";").append(pair);
    }
    if (!kept.empty()) out.append(out.empty() ? "" : ",").append(kept);
  }
  return out;
}

std::string chain_of(http::Fields request, const Arrival& arrival) {
  std::string chain;
  for (const auto& line : request) {
    if (http::has_name(line, "X-Forwarded-For")) chain.append(chain.empty() ? "" : ", ").append(line.value);
  }
  if (!arrival.peer.empty()) chain.append(chain.empty() ? "" : ", ").append(arrival.peer);
  return chain;
}

void add(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

void append_forwarded_text(const http::Field& line, std::string& out) {
  const bool is_forwarded = line.id == http::FieldId::forwarded;
  const auto original = is_forwarded ? original_of(line.value) : std::string();
  if (is_forwarded && original.empty()) return;
  for (const char c : line.name) out += http::lower(c);
  out.append("=").append(is_forwarded ? std::string_view(original) : line.value).append("\n");
}

void append_client_text(const TlsClient& client, std::string& out) {
  if (!client.subject.empty()) out.append(client.field).append("=").append(client.subject).append("\n");
}

void append_forwarded_fields(http::Fields request, const Arrival& arrival, std::string_view host,
                             std::string& out) {
  if (const auto chain = chain_of(request, arrival); !chain.empty()) add("X-Forwarded-For", chain, out);
  if (arrival.tls != nullptr && !arrival.tls->subject.empty())
    add(arrival.tls->field, arrival.tls->subject, out);
  if (arrival.trusted) {
    if (http::find(request, "X-Forwarded-Proto") == nullptr)
      add("X-Forwarded-Proto", name_of(arrival.scheme), out);
    if (http::find(request, "X-Forwarded-Host") == nullptr) add("X-Forwarded-Host", host, out);
    return;
  }
  add("X-Forwarded-Proto", name_of(arrival.scheme), out);
  add("X-Forwarded-Host", host, out);
  if (arrival.port != 0) add("X-Forwarded-Port", std::to_string(arrival.port), out);
  if (!arrival.peer.empty()) add("X-Real-IP", arrival.peer, out);
}

std::optional<std::string> forwarded_value(std::string_view name, const RequestFacts& request) {
  const auto& arrival = request.arrival;
  if (http::iequals(name, "X-Forwarded-For")) {
    auto chain = chain_of(request.fields, arrival);
    return chain.empty() ? std::nullopt : std::optional(std::move(chain));
  }
  if (auto sent = normalised_value(request.fields, name)) return sent;
  if (http::iequals(name, "X-Forwarded-Proto")) return std::string(name_of(arrival.scheme));
  // The value larder sends is the Host, which is part of the primary key.
  if (http::iequals(name, "X-Forwarded-Host")) return std::string();
  if (arrival.trusted) return std::nullopt;
  if (http::iequals(name, "X-Forwarded-Port") && arrival.port != 0) return std::to_string(arrival.port);
  if (http::iequals(name, "X-Real-IP") && !arrival.peer.empty()) return std::string(arrival.peer);
  return std::nullopt;
}

}  // namespace larder::policy
