#include "http/structured.hpp"

#include "http/text.hpp"

#include <algorithm>
#include <map>

namespace larder::http {

namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool is_alpha(char c) noexcept {
  return is_lower(lower(c));
}
bool is_lower_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

// RFC 3629.
bool is_utf8(std::string_view bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto at = [&](std::size_t k) { return static_cast<unsigned char>(bytes[k]); };
    const auto lead = at(i);
    const std::size_t more = lead < 0x80                   ? 0
                             : lead >= 0xC2 && lead < 0xE0 ? 1
                             : (lead & 0xF0u) == 0xE0      ? 2
                             : lead >= 0xF0 && lead < 0xF5 ? 3
                                                           : 4;
    if (more == 4 || bytes.size() - i <= more) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((at(i + k) & 0xC0u) != 0x80) return false;
    }
    if (lead == 0xE0 && at(i + 1) < 0xA0) return false;
    if (lead == 0xED && at(i + 1) >= 0xA0) return false;
    if (lead == 0xF0 && at(i + 1) < 0x90) return false;
    if (lead == 0xF4 && at(i + 1) >= 0x90) return false;
    i += more + 1;
  }
  return true;
}

// RFC 4648 4. Padding may be missing, and the unused bits may be set (RFC 9651 4.2.7); padding that is
// present must be complete and at the end.
bool is_base64(std::string_view text) noexcept {
  const auto padding = std::min(text.find('='), text.size());
  if (text.substr(padding).find_first_not_of('=') != std::string_view::npos) return false;
  const auto in_group = padding % 4;  // number of characters in the last group of four
  return in_group != 1 && (padding == text.size() || text.size() - padding == (4 - in_group) % 4);
}

// The parsing algorithms of RFC 9651 4.2. Each removes what it parses from the front of `rest`, or returns
// nullopt.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest(text) {}

  std::string_view rest;

  [[nodiscard]] bool at(char c) const noexcept { return !rest.empty() && rest.front() == c; }
  bool take(char c) noexcept {
    if (!at(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  void skip_blanks() noexcept {
    while (take(' ')) {
    }
  }
  // OWS
  void skip_white_space() noexcept {
    while (at(' ') || at('\t')) rest.remove_prefix(1);
  }

  // 4.2.3.3
  std::optional<std::string_view> key() {
    if (rest.empty() || !(is_lower(rest.front()) || rest.front() == '*')) return std::nullopt;
    return take_while(
        [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*'; });
  }

  // 4.2.3.2: validated and discarded.
  bool parameters() {
    while (take(';')) {
      skip_blanks();
      if (!key()) return false;
      if (take('=') && !bare_item()) return false;
    }
    return true;
  }

  // 4.2.3
  std::optional<BareItem> item() {
    auto bare = bare_item();
    if (!bare || !parameters()) return std::nullopt;
    return bare;
  }

  // 4.2.1.1
  std::optional<BareItem> item_or_inner_list() {
    if (!take('(')) return item();
    for (;;) {
      skip_blanks();
      if (take(')')) {
        if (!parameters()) return std::nullopt;
        return OtherItem{OtherItem::Type::inner_list};
      }
      if (!item()) return std::nullopt;
      if (!at(' ') && !at(')')) return std::nullopt;
    }
  }

  // 4.2.1, 4.2.2: reads the separator between members; true if another member follows.
  std::optional<bool> next_member() {
    skip_white_space();
    if (rest.empty()) return false;
    if (!take(',')) return std::nullopt;
    skip_white_space();
    if (rest.empty()) return std::nullopt;  // a trailing comma
    return true;
  }

 private:
  template <class Accepts>
  std::string_view take_while(Accepts accepts) {
    const auto end =
        static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), accepts) - rest.begin());
    const auto taken = rest.substr(0, end);
    rest.remove_prefix(end);
    return taken;
  }

  // 4.2.3.1
  std::optional<BareItem> bare_item() {
    if (rest.empty()) return std::nullopt;
    const char c = rest.front();
    if (c == '-' || is_digit(c)) return number();
    if (c == '"') return string();
    if (c == '*' || is_alpha(c)) return token();
    if (c == ':') return bytes();
    if (c == '?') return boolean();
    if (c == '@') return date();
    if (c == '%') return display_string();
    return std::nullopt;
  }

  // 4.2.4: an Integer of at most 15 digits, or a Decimal of at most 12 and 3.
  std::optional<BareItem> number() {
    const bool negative = take('-');
    const auto whole = take_while(is_digit);
    if (whole.empty()) return std::nullopt;
    if (take('.')) {
      const auto fraction = take_while(is_digit);
      if (whole.size() > 12 || fraction.empty() || fraction.size() > 3) return std::nullopt;
      return OtherItem{OtherItem::Type::decimal};
    }
    if (whole.size() > 15) return std::nullopt;
    const auto value = static_cast<std::int64_t>(*parse_digits(whole));
    return negative ? -value : value;
  }

  // 4.2.5
  std::optional<BareItem> string() {
    rest.remove_prefix(1);
    std::string text;
    while (!rest.empty()) {
      const char c = rest.front();
      rest.remove_prefix(1);
      if (c == '"') return text;
      if (c == '\\') {
        if (!at('"') && !at('\\')) return std::nullopt;
        text += rest.front();
        rest.remove_prefix(1);
      } else if (c < 0x20 || c > 0x7E) {
        return std::nullopt;
      } else {
        text += c;
      }
    }
    return std::nullopt;
  }

  // 4.2.6
  std::optional<BareItem> token() {
    return Token{std::string(
        take_while([](char c) { return c == ':' || c == '/' || is_token(std::string_view(&c, 1)); }))};
  }

  // 4.2.7
  std::optional<BareItem> bytes() {
    rest.remove_prefix(1);
    const auto content =
        take_while([](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/' || c == '='; });
    if (!take(':') || !is_base64(content)) return std::nullopt;
    return OtherItem{OtherItem::Type::bytes};
  }

  // 4.2.8
  std::optional<BareItem> boolean() {
    rest.remove_prefix(1);
    if (take('1')) return true;
    if (take('0')) return false;
    return std::nullopt;
  }

  // 4.2.9
  std::optional<BareItem> date() {
    rest.remove_prefix(1);
    const auto value = rest.empty() || !(at('-') || is_digit(rest.front())) ? std::nullopt : number();
    if (!value || !std::holds_alternative<std::int64_t>(*value)) return std::nullopt;
    return OtherItem{OtherItem::Type::date};
  }

  // 4.2.10
  std::optional<BareItem> display_string() {
    rest.remove_prefix(1);
    if (!take('"')) return std::nullopt;
    std::string decoded;
    while (!rest.empty()) {
      const char c = rest.front();
      rest.remove_prefix(1);
      if (c == '"') {
        if (!is_utf8(decoded)) return std::nullopt;
        return OtherItem{OtherItem::Type::display_string};
      }
      if (c < 0x20 || c > 0x7E) return std::nullopt;
      if (c != '%') {
        decoded += c;
        continue;
      }
      if (rest.size() < 2 || !is_lower_hex(rest[0]) || !is_lower_hex(rest[1])) return std::nullopt;
      const auto digit = [](char d) { return is_digit(d) ? d - '0' : d - 'a' + 10; };
      decoded += static_cast<char>(digit(rest[0]) * 16 + digit(rest[1]));
      rest.remove_prefix(2);
    }
    return std::nullopt;
  }
};

// RFC 9651 4.2: all lines joined, without surrounding spaces. An empty line yields an extra comma (RFC 9110
// 5.2).
std::string_view whole_value(Fields fields, std::string_view name, std::string& scratch) {
  std::string_view value;
  std::size_t lines = 0;
  for (const auto& line : fields) {
    if (!has_name(line, name)) continue;
    if (++lines == 1) {
      value = line.value;  // the common case needs no copy
      continue;
    }
    if (lines == 2) scratch = value;
    scratch.append(", ").append(line.value);
    value = scratch;
  }
  const auto begin = std::min(value.find_first_not_of(' '), value.size());
  return value.substr(begin, value.find_last_not_of(' ') + 1 - begin);
}

}  // namespace

std::optional<std::vector<BareItem>> parse_list(Fields fields, std::string_view name) {
  std::string scratch;
  Parser parser(whole_value(fields, name, scratch));
  std::vector<BareItem> members;
  if (parser.rest.empty()) return members;
  for (;;) {
    auto member = parser.item_or_inner_list();
    if (!member) return std::nullopt;
    members.push_back(std::move(*member));
    const auto more = parser.next_member();
    if (!more) return std::nullopt;
    if (!*more) return members;
  }
}

std::optional<std::vector<DictionaryMember>> parse_dictionary(Fields fields, std::string_view name) {
  std::string scratch;
  Parser parser(whole_value(fields, name, scratch));
  std::vector<DictionaryMember> members;
  std::map<std::string_view, std::size_t> places;  // index by key: a field may have thousands of members
  if (parser.rest.empty()) return members;
  for (;;) {
    auto key = parser.key();
    if (!key) return std::nullopt;
    std::optional<BareItem> member;
    if (parser.take('='))
      member = parser.item_or_inner_list();
    else if (parser.parameters())
      member = true;
    if (!member) return std::nullopt;
    const auto [place, is_new] = places.try_emplace(*key, members.size());
    if (is_new)
      members.push_back({std::string(*key), std::move(*member)});
    else
      members[place->second].value = std::move(*member);
    const auto more = parser.next_member();
    if (!more) return std::nullopt;
    if (!*more) return members;
  }
}

}  // namespace larder::http
