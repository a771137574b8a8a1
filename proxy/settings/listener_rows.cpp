// The rows of the table for listeners, and the row `listen`.
#include "settings/address.hpp"
#include "settings/mapping.hpp"
#include "settings/rows.hpp"

namespace larder::settings {

namespace {

using L = Listener;
using T = ListenerTls;
using C = CertificateFiles;
using enum Fingerprint;

// What differs from the defaults, as a mapping on one line.
template <class Target>
std::string flow_mapping(const std::vector<Row<Target>>& rows, const Target& target) {
  std::string out;
  std::string group;
  for (const auto& row : rows) {
    const auto value = row.show(target);
    if (value.empty() || value == row.default_value()) continue;
    const auto dot = row.name.find('.');
    const auto first = dot == std::string::npos ? std::string() : row.name.substr(0, dot);
    if (first != group && !group.empty()) out += "}";
    if (!out.empty()) out += ", ";
    if (first != group && !first.empty()) out += first + ": {";
    out += (first.empty() ? row.name : row.name.substr(dot + 1)) + ": " + value;
    group = first;
  }
  return "{" + out + (group.empty() ? "}" : "}}");
}

void read_certificate(Report& report, const YAML::Node& node, std::vector<C>& into) {
  if (!node.IsMap())
    return report.error(
        node, "an element of certificates must be a mapping; write - {certificate: FILE, key: FILE}");
  C files;
  Places places;
  Mapping<C> mapping(certificate_rows(), files, places, report);
  const auto before = report.errors();
  each_key(node, report, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    mapping.member(key, at, value, level_called("in a certificate"), "");
  });
  if (report.errors() == before && (files.certificate.empty() || files.key.empty()))
    return report.error(node, "an element of certificates requires certificate and key");
  into.push_back(std::move(files));
}

Row<L> certificates_row() {
  Form form;
  form.name = "mappings";
  form.list = true;
  form.mapping = Form::Mapping::certificate;
  Row<L> row(
      "tls.certificates", form, excluded,
      "Further certificates. A client's SNI chooses the first one whose subjectAltName matches; without SNI, "
      "and for other names, it is tls.certificate, or else the first of these.");
  row.set = [](Report& report, const YAML::Node& node, L& listener) {
    auto& into = listener.tls.certificates;
    if (!node.IsSequence()) return read_certificate(report, node, into);
    if (node.size() == 0)
      return report.error(node, "tls.certificates is an empty list; remove the key instead");
    for (const auto& element : node) read_certificate(report, element, into);
  };
  row.show = [](const L& listener) {
    std::string out;
    for (const auto& files : listener.tls.certificates)
      out += (out.empty() ? "" : ", ") + flow_mapping(certificate_rows(), files);
    return out.empty() ? out : "[" + out + "]";
  };
  return row;
}

std::vector<Row<L>> make_rows() {
  const auto tls = [](auto member) { return at(&L::tls, member); };
  const auto file = [](std::string name, auto access, std::string meaning) {
    return value_row<L>(std::move(name), excluded, access, file_paths(), std::move(meaning));
  };
  const auto address = value_row<L>("address", excluded, at(&L::address), listen_addresses(),
                                    "The address on which clients connect. Required.");
  return {
      address,
      file("tls.certificate", at(&L::tls, &T::first, &C::certificate),
           "Certificate chain in PEM, the server's certificate first. With it, clients of this listener use "
           "TLS. A "
           "reload reads the files again; connections that exist keep what they have."),
      file("tls.key", at(&L::tls, &T::first, &C::key),
           "Private key of tls.certificate, in PEM, without a passphrase."),
      file("tls.ocsp", at(&L::tls, &T::first, &C::ocsp),
           "OCSP response for tls.certificate, in DER, which is sent to clients that request it. It is read "
           "again on a "
           "reload; larder does not fetch it."),
      certificates_row(),
      file("tls.client_ca", tls(&T::client_ca),
           "Certificates, in PEM, of the authorities whose client certificates are accepted. With it, "
           "clients are asked "
           "for one."),
      value_row<L>(
          "tls.client_auth", excluded, tls(&T::requires_client),
          choices<bool>({{"require", true}, {"request", false}}),
          "Whether a client without a certificate is refused (require) or served (request). One with a "
          "certificate that cannot be verified is always refused."),
      value_row<L>(
          "tls.client_field", excluded, tls(&T::client_field), field_names(),
          "Request field in which the API receives the subject of the client's verified certificate (RFC "
          "4514). It is part of the cache key, and is removed from the requests of all clients on every "
          "listener."),
      value_row<L>("tls.min_version", excluded, tls(&T::allows_tls_1_2),
                   choices<bool>({{"1.2", true}, {"1.3", false}}),
                   "The oldest version of TLS that is accepted."),
      value_row<L>("tls.ktls", excluded, tls(&T::ktls), choices<bool>({{"true", true}, {"false", false}}),
                   "Lets the kernel encrypt, where it can; otherwise there is no difference."),
      value_row<L>("hsts", excluded, at(&L::hsts), durations(0ms, std::chrono::hours{24 * 366 * 3}),
                   "Time that browsers use https only for this host (Strict-Transport-Security: max-age). "
                   "Requires tls; 0s "
                   "is not sent."),
      value_row<L>(
          "http2", excluded, at(&L::http2),
          choices<Http2>({{"auto", Http2::automatic}, {"true", Http2::on}, {"false", Http2::off}}),
          "HTTP/2. auto: with tls, for clients that choose it (ALPN). true: without tls as well, for "
          "clients that begin with it (prior knowledge, h2c)."),
      value_row<L>(
          "proxy_protocol", excluded, at(&L::proxy_protocol),
          choices<bool>({{"true", true}, {"false", false}}),
          "true: each connection begins with a header of the PROXY protocol (version 1 or 2), in which "
          "a balancer on this host says who its client is. The client's address takes the place of the "
          "peer's. Connections without the header are closed. For balancers on other hosts, see "
          "proxy_protocol.from."),
      list_row<L>("proxy_protocol.from", excluded, at(&L::proxy_from), networks(),
                  "The balancers. Connections of other peers are closed."),
      value_row<L>("redirect", excluded, at(&L::redirects_to_https),
                   choices<bool>({{"https", true}, {"off", false}}),
                   "https: every request is answered with 308 to the same URL under https."),
  };
}

void finish_listener(Report& report, const YAML::Node& node, const L& listener) {
  const auto& tls = listener.tls;
  if (tls.first.certificate.empty() != tls.first.key.empty())
    return report.error(node, tls.first.key.empty() ? "tls.certificate requires tls.key"
                                                    : "tls.key requires tls.certificate");
  if (!tls.is_on()) {
    const bool is_written = !tls.first.ocsp.empty() || !tls.client_ca.empty() || !tls.client_field.empty() ||
                            tls.ktls || !tls.requires_client || !tls.allows_tls_1_2;
    if (is_written) return report.error(node, "tls requires tls.certificate and tls.key");
    if (listener.hsts > Millis{0})
      return report.error(node, "hsts: is for listeners with tls; browsers ignore it otherwise (RFC 6797)");
  }
  if (listener.proxy_protocol && !is_local(listener.address))
    return report.error(node,
                        "proxy_protocol: true is for balancers on this host; write proxy_protocol: {from: "
                        "[NETWORK]} with the addresses of yours");
  if (tls.client_ca.empty() && (!tls.client_field.empty() || !tls.requires_client))
    return report.error(node, "tls.client_auth and tls.client_field require tls.client_ca");
  if (listener.redirects_to_https && listener.http2 == Http2::on)
    return report.error(node, "redirect: https is for HTTP/1; remove http2: true");
  if (tls.is_on() && listener.redirects_to_https)
    return report.error(node, "redirect: https is for listeners without tls; it would redirect to itself");
}

std::optional<L> read_listener(Report& report, const YAML::Node& node) {
  L listener;
  if (!node.IsMap()) {
    auto address = read_value(report, node, "listen", listen_addresses());
    if (address) listener.address = std::move(*address);
    return address ? std::optional(std::move(listener)) : std::nullopt;
  }
  Places places;
  Mapping<L> mapping(listener_rows(), listener, places, report);
  const auto before = report.errors();
  each_key(node, report, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
    mapping.member(key, at, value, level_called("in a listener"), "");
  });
  if (report.errors() == before && places.count("address") == 0)
    report.error(node, "a listener requires an address; write address: 127.0.0.1:8080");
  if (report.errors() == before) finish_listener(report, node, listener);
  return report.errors() == before ? std::optional(std::move(listener)) : std::nullopt;
}

std::string show_listener(const L& listener) {
  const auto address = listen_addresses().write(listener.address);
  const auto mapping = flow_mapping(listener_rows(), listener);
  return mapping == "{address: " + address + "}" || mapping == "{}" ? address : mapping;
}

void read_listeners(Report& report, const YAML::Node& node, Settings& settings) {
  std::vector<L> listeners;
  std::vector<std::string> written;
  const auto read = [&](const YAML::Node& element) {
    if (element.IsSequence() || element.IsNull())
      return report.error(element, element.IsNull()
                                       ? "listen: an element has no value; remove it"
                                       : "listen: an element must be a single value or a mapping");
    auto listener = read_listener(report, element);
    if (!listener) return;
    auto text = show_listener(*listener);
    if (std::find(written.begin(), written.end(), text) != written.end())
      return report.error(element, "listen: " + in_quotes(text) + " is listed twice; remove one");
    written.push_back(std::move(text));
    listeners.push_back(std::move(*listener));
  };
  if (!node.IsSequence())
    read(node);
  else if (node.size() == 0)
    report.error(node, "listen is an empty list; remove the key instead");
  else
    for (const auto& element : node) read(element);
  settings.listen = std::move(listeners);
  settings.client_fields.clear();
  for (const auto& listener : settings.listen)
    if (!listener.tls.client_field.empty()) settings.client_fields.push_back(listener.tls.client_field);
}

}  // namespace

const std::vector<Row<Listener>>& listener_rows() {
  static const auto rows = make_rows();
  return rows;
}

const std::vector<Row<CertificateFiles>>& certificate_rows() {
  static const std::vector<Row<C>> rows = {
      value_row<C>("certificate", excluded, at(&C::certificate), file_paths(),
                   "As tls.certificate. Required."),
      value_row<C>("key", excluded, at(&C::key), file_paths(), "As tls.key. Required."),
      value_row<C>("ocsp", excluded, at(&C::ocsp), file_paths(), "As tls.ocsp."),
  };
  return rows;
}

Row<Settings> listen_row() {
  auto form = listen_addresses().form;
  form.list = true;
  form.mapping = Form::Mapping::listener;
  form.range =
      "host:port, [::1]:port, :port (every IPv4 and IPv6 address), unix:/path, fd:NAME; or a mapping, see "
      "Listeners";
  Row<Settings> row("listen", form, excluded,
                    "Addresses on which clients connect. fd:NAME is a socket passed by the service manager.");
  row.set = read_listeners;
  row.show = [](const Settings& settings) {
    std::string out;
    for (const auto& listener : settings.listen) out += (out.empty() ? "" : ", ") + show_listener(listener);
    return settings.listen.size() > 1 ? "[" + out + "]" : out;
  };
  return row;
}

bool is_for_admin(std::string_view name) noexcept {
  return name == "address" || name == "tls.certificate" || name == "tls.key" || name == "tls.min_version";
}

Row<Settings> admin_row() {
  auto form = listen_addresses().form;
  form.mapping = Form::Mapping::admin;
  form.range =
      "host:port, [::1]:port or unix:/path, or a mapping with address and tls (certificate, key, "
      "min_version); "
      "an address that other hosts can reach requires admin_token";
  Row<Settings> row(
      "admin", form, excluded,
      "Address of the admin listener: health, metrics, status page, purge. If absent, there is no admin "
      "listener.");
  row.set = [](Report& report, const YAML::Node& node, Settings& settings) {
    if (!node.IsMap()) {
      if (auto address = read_value(report, node, "admin", listen_addresses()))
        settings.admin = std::move(*address);
      settings.admin_tls = {};
      return;
    }
    auto listener = read_listener(report, node);
    if (!listener) return;
    for (const auto& one : listener_rows()) {
      if (!is_for_admin(one.name) && one.show(*listener) != one.default_value())
        return report.error(node, "admin: " + one.name + " is for listeners of clients; remove it");
    }
    settings.admin = std::move(listener->address);
    settings.admin_tls = std::move(listener->tls);
  };
  row.show = [](const Settings& settings) {
    return settings.admin ? show_listener(settings.admin_listener()) : std::string();
  };
  return row;
}

}  // namespace larder::settings
