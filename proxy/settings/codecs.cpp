#include "settings/codecs.hpp"

#include "http/host.hpp"
#include "http/target.hpp"
#include "http/text.hpp"
#include "settings/misnomers.hpp"

#include <algorithm>

namespace larder::settings {

namespace {

Form form_of(Form::Kind kind, std::string name, std::string range, std::uint64_t least = 0,
             std::uint64_t greatest = 0) {
  Form form;
  form.kind = kind;
  form.name = std::move(name);
  form.range = std::move(range);
  form.least = least;
  form.greatest = greatest;
  return form;
}

// A text that matches the regular expression.
Form text_of(std::string name, std::string pattern, std::string range = {}) {
  auto form = form_of(Form::Kind::text, std::move(name), std::move(range));
  form.pattern = std::move(pattern);
  return form;
}

constexpr const char* token = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

bool is_unreserved(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), http::is_unreserved);
}

// A text for which `is_fine` holds; otherwise the message says what is `wanted`.
template <class Check>
Codec<std::string> texts_that(Form form, Check is_fine, const std::string& wanted) {
  const auto read = [is_fine, wanted](const std::string& text,
                                      std::string& error) -> std::optional<std::string> {
    if (is_fine(text)) return text;
    error = in_quotes(text) + " is not " + wanted;
    return std::nullopt;
  };
  return {std::move(form), read, [](const std::string& text) { return yaml_text(text); }};
}

Codec<std::string> in_lower_case(Codec<std::string> codec) {
  codec.read = [read = codec.read](const std::string& text, std::string& error) {
    auto name = read(text, error);
    if (name) std::transform(name->begin(), name->end(), name->begin(), http::lower);
    return name;
  };
  return codec;
}

bool is_member_path(std::string_view text) {
  const bool empty_segment =
      text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos;
  return !empty_segment && text.find('*') == std::string_view::npos &&
         std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

Codec<Millis> durations(Millis least, Millis greatest, const std::string& no_zero) {
  const auto range = format_duration(least) + " to " + format_duration(greatest);
  const auto read = [=](const std::string& text, std::string& error) -> std::optional<Millis> {
    const auto value = parse_duration(text, error);
    if (!value) return std::nullopt;
    if (*value >= least && *value <= greatest) return value;
    error =
        in_quotes(text) + (*value == Millis{0} && !no_zero.empty() ? " " + no_zero : " is outside " + range);
    return std::nullopt;
  };
  const auto number = [](Millis value) { return static_cast<std::uint64_t>(value.count()); };
  return {form_of(Form::Kind::duration, "duration", range, number(least), number(greatest)), read,
          format_duration};
}

std::string remedy_for_word(std::string_view written, const Words& allowed) {
  auto meant = nearest(written, allowed);
  if (const auto other = meant_word(written, allowed); !other.empty()) meant = other;
  if (!meant.empty()) return joined(allowed) + "; did you mean " + in_quotes(meant) + "?";
  const bool compresses = std::find(allowed.begin(), allowed.end(), "auto") != allowed.end();
  if (compresses && is_coding_name(written))
    return joined(allowed) + "; to choose codings, write compression: {codings: [" + std::string(written) +
           "]}";
  return joined(allowed);
}

Codec<Millis> or_off(Codec<Millis> codec) {
  codec.form.name = "duration or off";
  codec.form.words = {"off"};
  codec.read = [read = codec.read](const std::string& text, std::string& error) -> std::optional<Millis> {
    if (text == "off") return Millis{0};
    auto value = read(text, error);
    const auto meant = value ? std::string_view() : meant_word(text, {"off"});
    if (!meant.empty()) error = in_quotes(text) + " is neither a duration nor off; did you mean 'off'?";
    return value;
  };
  codec.write = [write = codec.write](const Millis& value) {
    return value == Millis{0} ? std::string("off") : write(value);
  };
  return codec;
}

Codec<std::uint64_t> sizes(std::uint64_t least, std::uint64_t greatest) {
  const auto range = format_size(least) + " to " + format_size(greatest);
  const auto read = [=](const std::string& text, std::string& error) -> std::optional<std::uint64_t> {
    const auto value = parse_size(text, error);
    if (!value || (*value >= least && *value <= greatest)) return value;
    error = in_quotes(text) + " is outside " + range;
    return std::nullopt;
  };
  return {form_of(Form::Kind::size, "size", range, least, greatest), read, format_size};
}

Codec<std::uint64_t> numbers(std::uint64_t least, std::uint64_t greatest,
                             std::optional<std::pair<std::string, std::uint64_t>> word) {
  const auto range = std::to_string(least) + " to " + std::to_string(greatest);
  const auto read = [=](const std::string& text, std::string& error) -> std::optional<std::uint64_t> {
    if (word && text == word->first) return word->second;
    const auto value = parse_number(text, error);
    if (value && *value >= least && *value <= greatest) return value;
    if (word)
      error = in_quotes(text) + " is neither " + word->first + " nor a number from " + range;
    else if (value)
      error = in_quotes(text) + " is outside " + range;
    return std::nullopt;
  };
  const auto write = [word](std::uint64_t value) {
    return word && value == word->second ? word->first : std::to_string(value);
  };
  auto form =
      form_of(Form::Kind::number, word ? "number or " + word->first : "number", range, least, greatest);
  if (word) form.words.push_back(word->first);
  return {std::move(form), read, write};
}

Codec<ListenAddress> listen_addresses() {
  const auto read = [](const std::string& text, std::string& error) { return parse_listen(text, error); };
  const auto write = [](const ListenAddress& address) { return yaml_text(to_string(address)); };
  return {form_of(Form::Kind::text, "address", ""), read, write};
}

Codec<http::PathPattern> path_patterns(bool bound) {
  const auto read = [bound](const std::string& text, std::string& error) {
    auto pattern = http::PathPattern::parse(text, error);
    if (pattern && !bound && pattern->has_bound_names()) {
      const auto name = pattern->bound_names().front();
      error = "{=" + name +
              "} is allowed only in invalidated_by, for a placeholder of the route's path; write {" + name +
              "}";
      pattern.reset();
    }
    if (!pattern) error = in_quotes(text) + ": " + error;
    return pattern;
  };
  const auto write = [](const http::PathPattern& pattern) {
    return pattern.text().empty() ? std::string() : yaml_text(pattern.text());
  };
  return {text_of("path", "^/[^?# \\x00-\\x1f]*$"), read, write};
}

Codec<std::string> parameter_names() {
  return texts_that(text_of("name", "^[-._~0-9A-Za-z]+$"), is_unreserved,
                    "the name of a query parameter; use only letters, digits and - . _ ~");
}

Codec<std::string> field_names() {
  auto codec = texts_that(
      text_of("field name", token), [](const std::string& text) { return http::is_token(text); },
      "a field name (RFC 9110 5.1), such as accept-language");
  codec.read = [read = codec.read](const std::string& text, std::string& error) {
    auto name = read(text, error);
    if (!name || name->size() <= RequestFields::max_length) return name;
    error = in_quotes(text) + " has " + std::to_string(text.size()) +
            " characters; use a field whose name has at most " + std::to_string(RequestFields::max_length);
    return std::optional<std::string>();
  };
  return in_lower_case(std::move(codec));
}

Codec<std::string> cookie_names() {
  return texts_that(
      text_of("cookie name", token), [](const std::string& text) { return http::is_token(text); },
      "the name of a cookie (RFC 6265 4.1.1), such as session");
}

Codec<std::string> protocols() {
  return in_lower_case(texts_that(
      text_of("protocol", token), [](const std::string& text) { return http::is_token(text); },
      "the name of a protocol, without a version: websocket"));
}

Codec<Network> networks() {
  const auto read = [](const std::string& text, std::string& error) { return parse_network(text, error); };
  const auto write = [](const Network& network) { return yaml_text(network.text); };
  return {form_of(Form::Kind::text, "network", ""), read, write};
}

Codec<std::string> member_paths() {
  return texts_that(text_of("name", "^[^.*]+(\\.[^.*]+)*$"), is_member_path,
                    "a member; write a name, or names joined by dots: domain.slug");
}

Codec<std::string> item_places() {
  const auto is_place = [](std::string_view text) {
    if (text.ends_with(".*")) text.remove_suffix(2);
    return is_member_path(text);
  };
  return texts_that(
      form_of(Form::Kind::text, "place", ""), is_place,
      "the location of a list; write a member such as data, or workstreams.* for every member of an object");
}

Codec<std::string> file_paths() {
  const auto is_absolute = [](std::string_view text) {
    return text.starts_with('/') && !text.ends_with('/') && text.find('\0') == std::string_view::npos;
  };
  return texts_that(text_of("file", "^/.*[^/]$"), is_absolute,
                    "an absolute path of a file, such as /var/cache/larder/cache.db");
}

Codec<std::string> authorities() {
  return texts_that(
      form_of(Form::Kind::text, "host", ""), [](const std::string& text) { return http::is_authority(text); },
      "a host as clients send it, with the port unless it is 80; write for example hub.example or "
      "localhost:8080");
}

Codec<std::string> secrets() {
  const auto is_good = [](std::string_view text) {
    return text.size() >= 16 && text.size() <= 256 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  };
  auto codec = texts_that(text_of("secret", "^[!-~]{16,256}$", "16 to 256 visible characters"), is_good, {});
  codec.read = [is_good](const std::string& text, std::string& error) -> std::optional<std::string> {
    if (is_good(text)) return text;
    error =
        "a secret must be 16 to 256 visible ASCII characters without spaces; generate one with openssl rand "
        "-hex 32";
    return std::nullopt;
  };
  return codec;
}

Codec<std::string> lines(std::string name, const std::string& example) {
  const auto is_line = [](std::string_view text) {
    return !text.empty() && text.front() != ' ' && text.back() != ' ' &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  };
  return texts_that(text_of(std::move(name), "^[!-~]([ -~]*[!-~])?$"), is_line,
                    "one line of visible ASCII, such as " + example);
}

}  // namespace larder::settings
