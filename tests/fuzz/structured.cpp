// Parses a field as a list and as a dictionary, in one line and over several lines.
#include "http/structured.hpp"

#include "support.hpp"

using namespace larder;

namespace {

// RFC 9651 4.1.3.1; for types whose value is not kept, an arbitrary value.
std::string written(const http::BareItem& item) {
  struct Write {
    std::string operator()(std::int64_t number) const {
      fuzz::must(number > -1'000'000'000'000'000 && number < 1'000'000'000'000'000,
                 "an Integer has 15 digits");
      return std::to_string(number);
    }
    std::string operator()(const std::string& text) const {
      std::string out = "\"";
      for (const char c : text) {
        fuzz::must(c >= 0x20 && c <= 0x7E, "a String is printable ASCII");
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
      return out + '"';
    }
    std::string operator()(const http::Token& token) const { return token.text; }
    std::string operator()(bool value) const { return value ? "?1" : "?0"; }
    std::string operator()(const http::OtherItem& other) const {
      constexpr const char* any[] = {"1.0", "::", "@0", "%\"\"", "()"};
      return any[static_cast<int>(other.type)];
    }
  };
  return std::visit(Write{}, item);
}

std::vector<std::string> written(const std::vector<http::BareItem>& list) {
  std::vector<std::string> members;
  for (const auto& member : list) members.push_back(written(member));
  return members;
}

std::vector<std::string> written(const std::vector<http::DictionaryMember>& dictionary) {
  std::vector<std::string> members;
  for (const auto& member : dictionary) members.push_back(member.key + "=" + written(member.value));
  return members;
}

std::vector<http::Field> lines(const std::vector<std::string>& values) {
  std::vector<http::Field> fields;
  for (const auto& value : values) fields.push_back({http::FieldId::unknown, "f", value});
  return fields;
}

template <class Parsed>
void check(const Parsed& read, Parsed (*parse)(http::Fields, std::string_view), std::string_view text) {
  const std::vector<http::Field> after_empty{{http::FieldId::unknown, "F", ""},
                                             {http::FieldId::unknown, "F", text}};
  fuzz::must(!parse(after_empty, "f"), "an empty line is an empty member");
  if (!read || read->empty()) return;
  const auto members = written(*read);
  const auto again = parse(lines(members), "F");
  fuzz::must(again && written(*again) == members, "written a member a line it is read the same");
  std::string joined;
  for (const auto& member : members) joined.append(joined.empty() ? "" : "\t,  ").append(member);
  const auto whole = parse(lines({joined}), "F");
  fuzz::must(whole && written(*whole) == members, "and written in one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const http::Field whole{http::FieldId::unknown, "F", text};
  const auto list = http::parse_list({&whole, 1}, "f");
  const auto dictionary = http::parse_dictionary({&whole, 1}, "f");
  check(list, http::parse_list, text);
  check(dictionary, http::parse_dictionary, text);
  // RFC 9651 4.2: lines are joined by commas: a list is doubled, a dictionary stays the same.
  const std::vector<http::Field> twice{whole, whole};
  if (list && !list->empty()) {
    const auto both = http::parse_list(twice, "F");
    fuzz::must(both && both->size() == 2 * list->size(), "two lines are one list");
  }
  if (dictionary && !dictionary->empty()) {
    const auto both = http::parse_dictionary(twice, "F");
    fuzz::must(both && written(*both) == written(*dictionary), "a key comes once");
    // 4.2.2: the last value of a key counts, at the position of the first.
    const auto changed = dictionary->front().key + "=?0";
    const auto other =
        http::parse_dictionary(std::vector<http::Field>{whole, {http::FieldId::unknown, "F", changed}}, "f");
    fuzz::must(other && other->size() == dictionary->size() && written(*other).front() == changed,
               "the last of one key counts");
  }
  return 0;
}
