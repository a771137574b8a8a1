// The header of the PROXY protocol.
#include "net/proxy_header.hpp"

#include "catch.hpp"

#include <string>

using larder::ProxyHeader;
using larder::read_proxy_header;
using State = ProxyHeader::State;

namespace {

std::string v2(unsigned command, unsigned family, const std::string& content) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(content.size() >> 8u);
  header += static_cast<char>(content.size() & 0xFFu);
  return header + content;
}

const std::string ipv4("\xC0\x00\x02\x01\x0A\x00\x00\x01\xDC\x04\x01\xBB", 12);

// Its address where it is complete, else the state; each shorter part of it needs more.
std::string read(const std::string& header) {
  const auto whole = read_proxy_header(header + "GET / HTTP/1.1");
  if (whole.state == State::invalid) return "invalid";
  if (whole.state == State::need_more) return "need more";
  CHECK(whole.size == header.size());
  for (std::size_t size = 0; size < header.size(); ++size) {
    CAPTURE(size);
    CHECK(read_proxy_header(header.substr(0, size)).state == State::need_more);
  }
  return whole.address.empty() ? "the connection's" : whole.address;
}

}  // namespace

TEST_CASE("version 1 of the PROXY protocol") {
  CHECK(read("PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n") == "192.0.2.1");
  CHECK(read("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n") == "2001:db8::1");
  CHECK(read("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 443\r\n") == "192.0.2.1");
  CHECK(read("PROXY UNKNOWN\r\n") == "the connection's");
  CHECK(read("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n") == "the connection's");
  for (const auto* wrong :
       {"GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 56324\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 443 x\r\n", "PROXY TCP4 2001:db8::1 ::1 1 443\r\n",
        "PROXY TCP6 192.0.2.1 10.0.0.1 1 443\r\n", "PROXY TCP4 192.0.2.300 10.0.0.1 1 443\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n", "PROXY TCP4 192.0.2.1 10.0.0.1 -1 443\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 01 443\r\n", "PROXY TCP4  192.0.2.1 10.0.0.1 1 443\r\n",
        "PROXY UDP4 192.0.2.1 10.0.0.1 1 443\r\n", "PROXY \r\n", "PROXYTCP4 a\r\n"}) {
    CAPTURE(wrong);
    CHECK(read(wrong) == "invalid");
  }
  CHECK(read("PROXY TCP4 " + std::string(200, '1')) == "invalid");
}

TEST_CASE("version 2 of the PROXY protocol") {
  CHECK(read(v2(0x21, 0x11, ipv4)) == "192.0.2.1");
  CHECK(read(v2(0x21, 0x21,
                std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) + std::string(20, '\0'))) ==
        "2001:db8::1");
  CHECK(read(v2(0x21, 0x11, ipv4 + std::string(100, 't'))) == "192.0.2.1");  // TLVs
  CHECK(read(v2(0x20, 0x00, "")) == "the connection's");                     // LOCAL
  CHECK(read(v2(0x20, 0x11, ipv4)) == "the connection's");
  CHECK(read(v2(0x21, 0x00, "")) == "the connection's");
  CHECK(read(v2(0x21, 0x31, std::string(216, '/'))) == "the connection's");  // Unix sockets
  CHECK(read(v2(0x11, 0x11, ipv4)) == "invalid");                            // another version
  CHECK(read(v2(0x22, 0x11, ipv4)) == "invalid");                            // another command
  CHECK(read(v2(0x21, 0x41, ipv4)) == "invalid");
  CHECK(read(v2(0x21, 0x13, ipv4)) == "invalid");
  CHECK(read(v2(0x21, 0x11, ipv4.substr(1))) == "invalid");
  CHECK(read(v2(0x21, 0x21, ipv4)) == "invalid");
  CHECK(read(v2(0x21, 0x11, ipv4 + std::string(5000, 't'))) == "invalid");  // longer than anybody needs
}
