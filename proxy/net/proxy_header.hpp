// The header of the PROXY protocol, versions 1 and 2, with which a balancer says who its client is.
//
// (HAProxy, "The PROXY protocol", 2020/03/05.) Only the client's address is read; what the balancer says
// beyond it (TLVs) is skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace larder {

struct ProxyHeader {
  enum class State : std::uint8_t {
    need_more,  // so far, all bytes belong to the header
    complete,
    invalid,  // it is not a header, or longer than `max_size`
  };
  static constexpr std::size_t max_size = 4096;

  State state = State::need_more;
  std::size_t size = 0;  // bytes of the header, when complete
  /// The client's numeric address; empty: that of the connection applies (LOCAL, UNKNOWN, a Unix socket).
  std::string address;
};

/// Reads a header at the front of `bytes`. Never throws but std::bad_alloc.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes);

}  // namespace larder
