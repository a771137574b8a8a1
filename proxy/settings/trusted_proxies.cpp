#include "settings/trusted_proxies.hpp"

#include "settings/scalar.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace larder::settings {

namespace {

constexpr unsigned ipv4_offset = 96;  // bits before an IPv4 address in its IPv4-mapped form

struct Parsed {
  std::array<std::uint8_t, 16> bytes{};
  bool is_ipv4 = false;
};

std::optional<Parsed> parse_address(std::string_view text) {
  const std::string copy(text);
  Parsed out;
  if (::inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  out.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  out.is_ipv4 = true;
  if (::inet_pton(AF_INET, copy.c_str(), out.bytes.data() + ipv4_offset / 8) == 1) return out;
  return std::nullopt;
}

bool same_prefix(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b,
                 unsigned bits) noexcept {
  const auto whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFFu << (8 - bits % 8));
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

}  // namespace

std::optional<Network> parse_network(std::string_view text, std::string& error) {
  Network network;
  network.text = text;
  if (text == "unix") {
    network.unix_sockets = true;
    return network;
  }
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) {
    error =
        in_quotes(text) + " is not an address, a network or unix; write 10.0.0.0/8, 192.0.2.7, ::1 or unix";
    return std::nullopt;
  }
  const unsigned most = address->is_ipv4 ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (failed != std::errc() || end != digits.data() + digits.size() || bits > most) {
      error = in_quotes(text) + ": the prefix length must be from 0 to " + std::to_string(most);
      return std::nullopt;
    }
  }
  network.address = address->bytes;
  network.prefix = bits + (address->is_ipv4 ? ipv4_offset : 0);
  std::array<std::uint8_t, 16> base{};
  for (unsigned bit = 0; bit < network.prefix; ++bit)
    base[bit / 8] =
        static_cast<std::uint8_t>(base[bit / 8] | (network.address[bit / 8] & (0x80u >> (bit % 8))));
  if (base != network.address) {
    error = in_quotes(text) + " has bits set after its prefix; write the network's first address";
    return std::nullopt;
  }
  return network;
}

bool contains(const std::vector<Network>& networks, std::string_view peer) {
  if (peer.empty())
    return std::any_of(networks.begin(), networks.end(), [](const Network& one) { return one.unix_sockets; });
  const auto address = parse_address(peer.substr(0, peer.find('%')));  // without an IPv6 zone
  return address && std::any_of(networks.begin(), networks.end(), [&](const Network& one) {
           return !one.unix_sockets && same_prefix(one.address, address->bytes, one.prefix);
         });
}

std::vector<Network> default_trusted_proxies() {
  std::vector<Network> networks;
  std::string ignored;
  for (const std::string_view text : {"127.0.0.0/8", "::1", "unix"})
    networks.push_back(*parse_network(text, ignored));
  return networks;
}

}  // namespace larder::settings
