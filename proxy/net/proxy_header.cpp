#include "net/proxy_header.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace larder {

namespace {

namespace ip = boost::asio::ip;
using State = ProxyHeader::State;

constexpr std::string_view v1_begin = "PROXY ";
constexpr std::size_t v1_max = 107;
constexpr std::string_view v2_begin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v2_fixed = 16;

ProxyHeader invalid() {
  return {State::invalid, 0, {}};
}

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && at == end && number <= 65535 && (text.size() == 1 || text.front() != '0');
}

std::string text_of(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

// "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"
ProxyHeader read_v1(std::string_view bytes) {
  const auto end = bytes.substr(0, v1_max).find("\r\n");
  if (end == std::string_view::npos)
    return {bytes.size() < v1_max ? State::need_more : State::invalid, 0, {}};
  std::vector<std::string_view> words;
  for (auto rest = bytes.substr(v1_begin.size(), end - v1_begin.size());;) {
    const auto space = rest.find(' ');
    words.push_back(rest.substr(0, space));
    if (space == std::string_view::npos) break;
    rest.remove_prefix(space + 1);
  }
  if (words.front() == "UNKNOWN") return {State::complete, end + 2, {}};
  if (words.size() != 5 || (words[0] != "TCP4" && words[0] != "TCP6")) return invalid();
  boost::system::error_code error;
  const auto source = ip::make_address(std::string(words[1]), error);
  if (error || source.is_v4() != (words[0] == "TCP4")) return invalid();
  const auto destination = ip::make_address(std::string(words[2]), error);
  if (error || destination.is_v4() != source.is_v4() || !is_port(words[3]) || !is_port(words[4]))
    return invalid();
  return {State::complete, end + 2, text_of(source)};
}

template <class Address>
std::string address_at(std::string_view bytes) {
  typename Address::bytes_type raw{};
  std::copy_n(bytes.begin(), raw.size(), raw.begin());
  return text_of(ip::address(Address(raw)));
}

ProxyHeader read_v2(std::string_view bytes) {
  if (bytes.size() < v2_fixed) return {};
  const auto byte = [&bytes](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const auto command = byte(12);
  const auto family = byte(13) >> 4u;
  const auto protocol = byte(13) & 0xFu;
  const std::size_t length = static_cast<std::size_t>(byte(14)) << 8u | byte(15);
  if ((command != 0x20 && command != 0x21) || family > 3 || protocol > 2) return invalid();
  if (v2_fixed + length > ProxyHeader::max_size) return invalid();
  if (bytes.size() < v2_fixed + length) return {};
  ProxyHeader header{State::complete, v2_fixed + length, {}};
  if (command == 0x20 || protocol == 0) return header;  // LOCAL, or unspecified
  const auto addresses = bytes.substr(v2_fixed, length);
  if (family == 1 && length < 12) return invalid();
  if (family == 2 && length < 36) return invalid();
  if (family == 1) header.address = address_at<ip::address_v4>(addresses);
  if (family == 2) header.address = address_at<ip::address_v6>(addresses);
  return header;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view bytes) {
  const auto begins = [&bytes](std::string_view with) {
    const auto size = std::min(bytes.size(), with.size());
    return bytes.substr(0, size) == with.substr(0, size);
  };
  if (!begins(v1_begin) && !begins(v2_begin)) return {State::invalid, 0, {}};
  if (bytes.size() < v2_begin.size() && begins(v2_begin) && !bytes.empty() && bytes.front() != 'P') return {};
  if (bytes.size() < v1_begin.size()) return {};
  return begins(v1_begin) ? read_v1(bytes) : read_v2(bytes);
}

}  // namespace larder
