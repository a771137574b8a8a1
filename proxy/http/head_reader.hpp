// Shared parts of parsing request heads and response heads. Internal to the gate.
#pragma once

#include "http/gate.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace larder::http::detail {

using BeastError = boost::system::error_code;
using BeastView = boost::beast::string_view;

/// Finds the end of a head, or the reason why it is refused. Only line ends and control characters are
/// checked here: Beast, which parses the grammar afterwards, accepts folded lines, and bare LF must be
/// refused before.
struct HeadBounds {
  GateResult::State state = GateResult::State::need_more;
  std::size_t skipped = 0;  // bytes of an empty line before the start line
  std::size_t size = 0;     // bytes of the head, with `skipped` and the empty line at the end
  std::optional<Refusal> refusal;
};
[[nodiscard]] HeadBounds find_head(std::string_view bytes, const Limits& limits, Refusal long_start_line,
                                   std::size_t start_line_limit) noexcept;

/// The framing fields of a request or response (RFC 9112 6.1 to 6.3).
struct FramingFields {
  std::optional<std::uint64_t> length;
  bool chunked = false;
  bool unknown_coding = false;  // an unregistered transfer coding, and no other
  std::optional<Refusal> refusal;
};
[[nodiscard]] FramingFields read_framing(Fields fields, int minor_version) noexcept;

/// The Connection field: whether the connection persists (RFC 9112 9.3), whether `upgrade` is listed, and
/// whether anything else is listed.
struct ConnectionFields {
  bool keep_alive = true;
  bool upgrade = false;
  bool others = false;
};
[[nodiscard]] ConnectionFields read_connection(Fields fields, int minor_version) noexcept;

[[nodiscard]] inline std::string_view view(BeastView text) noexcept {
  return {text.data(), text.size()};
}

/// Beast's parser for a head without body. Stores views into the bytes instead of copying the fields.
template <bool is_request>
class HeadParser : public boost::beast::http::basic_parser<is_request> {
 public:
  HeadParser(const Limits& limits, std::vector<Field>& fields) : limits_(limits), fields_(fields) {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());  // limits.head is enforced by find_head
    this->body_limit(boost::none);
    this->eager(false);
  }

  Method method = Method::unknown;
  std::string_view method_name;
  std::string_view target;
  std::string_view reason;
  int status = 0;
  int version = 0;           // 10 or 11
  std::string_view dropped;  // see RequestHead::dropped_field
  std::optional<Refusal> refusal;

 private:
  void refuse(Refusal why, BeastError& error) {
    refusal = why;
    error = boost::beast::http::make_error_code(boost::beast::http::error::bad_field);
  }
  void on_request_impl(Method verb, BeastView name, BeastView request_target, int http_version,
                       BeastError& error) override {
    error = {};
    method = verb;
    method_name = view(name);
    target = view(request_target);
    version = http_version;
  }
  void on_response_impl(int code, BeastView phrase, int http_version, BeastError& error) override {
    error = {};
    status = code;
    reason = view(phrase);
    version = http_version;
  }
  void on_field_impl(FieldId id, BeastView name, BeastView value, BeastError& error) override {
    error = {};
    if (fields_.size() == limits_.fields) return refuse(Refusal::too_many_fields, error);
    if (name.size() + value.size() > limits_.field) return refuse(Refusal::field_too_large, error);
    if constexpr (is_request) {
      // No field name that Beast knows has an underscore.
      if (id == FieldId::unknown && !limits_.underscores && name.find('_') != BeastView::npos) {
        if (dropped.empty()) dropped = view(name);
        return;
      }
    }
    fields_.push_back({id, view(name), view(value)});
  }
  void on_header_impl(BeastError& error) override { error = {}; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, BeastError& error) override { error = {}; }
  std::size_t on_body_impl(BeastView body, BeastError& error) override {
    error = {};
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, BeastView, BeastError& error) override { error = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, BeastError& error) override {
    error = {};
    return body.size();
  }
  void on_finish_impl(BeastError& error) override { error = {}; }

  const Limits& limits_;
  std::vector<Field>& fields_;
};

/// The reason why Beast refused the head, as precisely as the head allows.
[[nodiscard]] Refusal explain(const BeastError& error, std::string_view head, int minor_version);

}  // namespace larder::http::detail
