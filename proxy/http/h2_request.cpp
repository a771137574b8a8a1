#include "http/h2_request.hpp"

#include "http/text.hpp"

#include <algorithm>
#include <array>

namespace larder::http {

namespace {

// RFC 9113 8.2.1: not a character that ends a line, and no space around.
bool is_field_value(std::string_view value) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (!value.empty() && (is_space(value.front()) || is_space(value.back()))) return false;
  return value.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos;
}

bool is_lower_token(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return is_token_char(c) && (c < 'A' || c > 'Z'); });
}

// Without what would separate it from the next part of a line.
bool is_word(std::string_view value) noexcept {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F;
  });
}

// RFC 9113 8.2.2.
bool is_of_connection(std::string_view name) noexcept {
  static constexpr std::array names{std::string_view("connection"), std::string_view("keep-alive"),
                                    std::string_view("proxy-connection"),
                                    std::string_view("transfer-encoding"), std::string_view("upgrade")};
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void H2Request::clear() {
  for (auto* part :
       {&method_, &scheme_, &path_, &authority_, &protocol_, &host_, &cookies_, &fields_, &text_})
    part->clear();
  size_ = count_ = 0;
  is_https_ = has_authority_ = has_host_ = has_path_ = has_length_ = has_regular_ = false;
  fault_ = Fault::none;
}

H2Request::Fault H2Request::add(std::string_view name, std::string_view value, const Limits& limits) {
  if (fault_ != Fault::none) return fault_;
  size_ += name.size() + value.size() + 4;
  // Crumbs of one cookie are one field.
  if (!name.starts_with(':') && (name != "cookie" || cookies_.empty())) ++count_;
  if (size_ > limits.head || count_ > limits.fields) return fault_ = Fault::too_large;
  return fault_ = name.starts_with(':') ? add_pseudo(name, value) : add_regular(name, value);
}

H2Request::Fault H2Request::add_pseudo(std::string_view name, std::string_view value) {
  if (has_regular_ || !is_word(value)) return Fault::malformed;
  const auto once = [value](std::string& part, bool& has) {
    if (std::exchange(has, true)) return Fault::malformed;
    part = value;
    return Fault::none;
  };
  const auto first = [value](std::string& part) {
    if (!part.empty()) return Fault::malformed;
    part = value;
    return Fault::none;
  };
  if (name == ":method") return is_token(value) ? first(method_) : Fault::malformed;
  if (name == ":scheme") return first(scheme_);
  if (name == ":path") return once(path_, has_path_);
  if (name == ":authority") return once(authority_, has_authority_);
  if (name == ":protocol") return is_token(value) ? first(protocol_) : Fault::malformed;
  return Fault::malformed;
}

H2Request::Fault H2Request::add_regular(std::string_view name, std::string_view value) {
  has_regular_ = true;
  if (!is_lower_token(name) || !is_field_value(value) || is_of_connection(name)) return Fault::malformed;
  if (name == "te") return iequals(value, "trailers") ? Fault::none : Fault::malformed;
  if (name == "host") {
    if (std::exchange(has_host_, true)) return Fault::malformed;
    host_ = value;
    return Fault::none;
  }
  if (name == "cookie") {
    cookies_.append(cookies_.empty() ? "" : "; ").append(value);
    return Fault::none;
  }
  if (name == "content-length") has_length_ = true;
  fields_.append(name).append(": ").append(value).append("\r\n");
  return Fault::none;
}

H2Request::Fault H2Request::finish(bool ends) {
  if (fault_ != Fault::none) return fault_;
  const bool is_connect = method_ == "CONNECT";
  const bool is_plain_connect = is_connect && protocol_.empty();
  if (method_.empty() || (!is_connect && !protocol_.empty())) return Fault::malformed;
  // RFC 9113 8.5; the gate refuses the method.
  if (is_plain_connect != (scheme_.empty() || !has_path_)) return Fault::malformed;
  // Others are for gateways to other protocols (RFC 9113 8.3.1), which larder is not.
  is_https_ = iequals(scheme_, name_of(Scheme::https));
  if (!is_plain_connect && !is_https_ && !iequals(scheme_, name_of(Scheme::http))) return Fault::malformed;
  if (is_plain_connect) path_ = authority_;
  if (!is_plain_connect && !path_.starts_with('/') && !(path_ == "*" && method_ == "OPTIONS"))
    return Fault::malformed;
  // RFC 9113 8.3.1: they must not differ.
  if (has_authority_ && has_host_ && !iequals(authority_, host_)) return Fault::malformed;

  text_ = protocol_.empty() ? std::string_view(method_) : std::string_view("GET");
  text_.append(" ").append(path_).append(" HTTP/1.1\r\n");
  if (has_authority_ || has_host_)
    text_.append("Host: ").append(has_authority_ ? authority_ : host_).append("\r\n");
  text_ += fields_;
  if (!cookies_.empty()) text_.append("cookie: ").append(cookies_).append("\r\n");
  if (!protocol_.empty())
    text_.append("Connection: Upgrade\r\nUpgrade: ").append(protocol_).append("\r\n");
  else if (!ends && !has_length_)
    text_ += "Transfer-Encoding: chunked\r\n";
  text_ += "\r\n";
  return Fault::none;
}

}  // namespace larder::http
