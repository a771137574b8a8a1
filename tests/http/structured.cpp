#include "http/structured.hpp"

#include "../catch.hpp"
#include "http/cache_control.hpp"

using namespace larder::http;

namespace {

std::string said(const BareItem& item) {
  struct Say {
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(const std::string& value) const { return "'" + value + "'"; }
    std::string operator()(const Token& value) const { return value.text; }
    std::string operator()(bool value) const { return value ? "?1" : "?0"; }
    std::string operator()(const OtherItem& value) const {
      constexpr const char* names[] = {"decimal", "bytes", "date", "display", "inner"};
      return std::string("<") + names[static_cast<int>(value.type)] + ">";
    }
  };
  return std::visit(Say{}, item);
}

std::vector<Field> lines(const std::vector<std::string>& values, std::string_view name) {
  std::vector<Field> fields;
  for (const auto& value : values) fields.push_back({FieldId::unknown, name, value});
  return fields;
}

std::string list(const std::vector<std::string>& values) {
  const auto fields = lines(values, "F");
  const auto members = parse_list(fields, "f");
  if (!members) return "invalid";
  std::string all;
  for (const auto& member : *members) all += said(member) + " ";
  return all;
}

std::string dictionary(const std::vector<std::string>& values) {
  const auto fields = lines(values, "F");
  const auto members = parse_dictionary(fields, "f");
  if (!members) return "invalid";
  std::string all;
  for (const auto& member : *members) all += member.key + "=" + said(member.value) + " ";
  return all;
}

struct Row {
  const char* section;
  std::vector<std::string> values;
  const char* expected;
};

const Row lists[] = {
    {"3.1: no line", {}, ""},
    {"3.1: an empty line", {""}, ""},
    {"3.1: members", {"a, \"b\",3 ,\t?1"}, "a 'b' 3 ?1 "},
    {"4.2: lines are one field", {"a", "b, c"}, "a b c "},
    {"4.2: blanks around it", {"  a  "}, "a "},
    {"4.2: but no tab before it", {"\ta"}, "invalid"},
    {"4.2: nor anything behind it", {"a;p=1 b"}, "invalid"},
    {"4.2: an empty line is an empty member, before", {"", "a"}, "invalid"},
    {"4.2: between", {"a", "", "b"}, "invalid"},
    {"4.2: and behind", {"a", ""}, "invalid"},
    {"4.2: a String over two lines has their comma inside", {"\"a", "b\""}, "'a, b' "},
    {"4.2.1: a trailing comma", {"a,"}, "invalid"},
    {"4.2.1: an empty member", {"a,,b"}, "invalid"},
    {"4.2.1: no comma", {"a b"}, "invalid"},
    {"3.1.1: an inner list", {"(a \"b\");p, c"}, "<inner> c "},
    {"4.2.1.2: an open one", {"(a b"}, "invalid"},
    {"4.2.1.2: commas in one", {"(a, b)"}, "invalid"},
    {"4.2.1.2: no blank between", {"(a\"b\")"}, "invalid"},
    {"4.2.1.2: blanks at its ends", {"(  a  b  )"}, "<inner> "},
    {"4.2.1.2: an empty one", {"()"}, "<inner> "},
    {"4.2.1.2: one in another", {"((a))"}, "invalid"},
    {"4.2.1.2: parameters of an item in it", {"(a;q=1 b;r)"}, "<inner> "},
    {"3.1.2: parameters", {"a;q=1;r=\"x\"; s ;t"}, "invalid"},
    {"3.1.2: they are dropped", {"a;q=1;r=\"x\"; s"}, "a "},
    {"4.2.3.2: a blank before a semicolon", {"a ;q=1"}, "invalid"},
    {"4.2.3.2: blanks around the sign", {"a;q= 1"}, "invalid"},
    {"4.2.3.2: an inner list as value", {"a;q=(1)"}, "invalid"},
    {"4.2.3.2: no key", {"a;"}, "invalid"},
    {"4.2.3.3: an upper-case key", {"a;Q=1"}, "invalid"},
    {"4.2.3.3: a key of other characters", {"a;*b_c-d.e2=1"}, "a "},
    {"3.3.1: Integers", {"0, -0, 42, -7, 999999999999999"}, "0 0 42 -7 999999999999999 "},
    {"3.3.1: 16 digits", {"1000000000000000"}, "invalid"},
    {"3.3.1: a plus", {"+1"}, "invalid"},
    {"3.3.1: a minus alone", {"-"}, "invalid"},
    {"3.3.1: leading zeros", {"000000000000042"}, "42 "},
    {"4.2.4: two minuses", {"--1"}, "invalid"},
    {"4.2.4: a sign inside", {"4-2"}, "invalid"},
    {"4.2.4: two points", {"1.5.4"}, "invalid"},
    {"4.2.4: no digit before the point", {"-.5"}, "invalid"},
    {"3.3.2: Decimals", {"1.5, -0.125, 999999999999.999"}, "<decimal> <decimal> <decimal> "},
    {"3.3.2: no fraction", {"1."}, "invalid"},
    {"3.3.2: four places", {"1.2345"}, "invalid"},
    {"3.3.2: thirteen digits", {"1000000000000.0"}, "invalid"},
    {"3.3.3: Strings", {R"("", "a\"b\\c d")"}, "'' 'a\"b\\c d' "},
    {"3.3.3: another escape", {R"("a\n")"}, "invalid"},
    {"3.3.3: an open one", {"\"a"}, "invalid"},
    {"3.3.3: no ASCII", {"\"\xC3\xA4\""}, "invalid"},
    {"3.3.3: a tab", {"\"a\tb\""}, "invalid"},
    {"3.3.3: DEL", {"\"a\x7F\""}, "invalid"},
    {"4.2.5: a backslash at the end", {"\"a\\"}, "invalid"},
    {"4.2.5: single quotes", {"'a'"}, "invalid"},
    {"3.3.4: Tokens", {"*a, A/b:c, x~!#"}, "*a A/b:c x~!# "},
    {"3.3.5: Byte Sequences", {":aGVsbG8=:, ::"}, "<bytes> <bytes> "},
    {"3.3.5: an open one", {":aGVsbG8="}, "invalid"},
    {"3.3.5: something else inside", {":aG Vs:"}, "invalid"},
    {"4.2.7: another alphabet", {":_-__:"}, "invalid"},
    {"4.2.7: padding left out", {":aGVsbG8:, :aGU:"}, "<bytes> <bytes> "},
    {"4.2.7: bits under the padding", {":iZ==:"}, "<bytes> "},
    {"4.2.7: a character alone is no byte", {":aGVsb:"}, "invalid"},
    {"4.2.7: half of the padding", {":iZ=:"}, "invalid"},
    {"4.2.7: too much of it", {":aGVsbG8==:"}, "invalid"},
    {"4.2.7: padding of nothing", {":====:"}, "invalid"},
    {"4.2.7: padding inside", {":aG==VsbG8=:"}, "invalid"},
    {"3.3.6: Booleans", {"?0, ?1"}, "?0 ?1 "},
    {"3.3.6: neither", {"?2"}, "invalid"},
    {"4.2.8: nothing", {"?"}, "invalid"},
    {"3.3.7: Dates", {"@1659578233, @-1"}, "<date> <date> "},
    {"3.3.7: with a fraction", {"@1.5"}, "invalid"},
    {"4.2.9: nothing", {"@"}, "invalid"},
    {"3.3.8: Display Strings", {"%\"f%c3%bc\""}, "<display> "},
    {"3.3.8: upper-case hex", {"%\"f%C3%BC\""}, "invalid"},
    {"4.2.10: half an escape", {"%\"%c\""}, "invalid"},
    {"4.2.10: an open one", {"%\"a"}, "invalid"},
    {"4.2.10: no quotes", {"%a"}, "invalid"},
    {"4.2.10: a backslash is itself", {R"(%"a\b%22")"}, "<display> "},
    {"3.3.8: four bytes", {"%\"%f0%9f%98%80 %f4%8f%bf%bf\""}, "<display> "},
    {"3.3.8: beyond U+10FFFF", {"%\"%f4%90%80%80\""}, "invalid"},
    {"3.3.8: no UTF-8", {"%\"%c3\""}, "invalid"},
    {"3.3.8: an overlong one", {"%\"%c0%80\""}, "invalid"},
    {"3.3.8: a surrogate", {"%\"%ed%a0%80\""}, "invalid"},
};

const Row dictionaries[] = {
    {"3.2: no line", {}, ""},
    {"3.2: members", {"a=1, b, c=\"x\";p=2"}, "a=1 b=?1 c='x' "},
    {"3.2: parameters of a true one", {"a;p=1, b"}, "a=?1 b=?1 "},
    {"3.2: over several lines", {"a=1", "b=2"}, "a=1 b=2 "},
    {"3.2: the last of one key, in its first place", {"a=1, b=2, a=3"}, "a=3 b=2 "},
    {"3.2: the last of one key, of another type", {"a=1;p, b, a"}, "a=?1 b=?1 "},
    {"3.2: an inner list", {"a=(1 2)"}, "a=<inner> "},
    {"3.2: keys are compared character by character", {"a, a-, aa, a"}, "a=?1 a-=?1 aa=?1 "},
    {"4.2: an empty line is an empty member", {"", "a=1"}, "invalid"},
    {"4.2.2: a blank before its parameters", {"a=1 ;p"}, "invalid"},
    {"4.2.2: upper case", {"A=1"}, "invalid"},
    {"4.2.2: no value", {"a="}, "invalid"},
    {"4.2.2: blanks around the sign", {"a =1"}, "invalid"},
    {"4.2.2: a trailing comma", {"a=1,"}, "invalid"},
    {"4.2.2: a number as key", {"1=a"}, "invalid"},
};

std::string directives(const std::vector<std::string>& targeted) {
  auto fields = lines(targeted, "CDN-Cache-Control");
  fields.push_back({FieldId::cache_control, "Cache-Control", "max-age=7"});
  const auto read = parse_response_cache_control(fields);
  std::string all = read.targeted ? "targeted" : "not";
  if (read.max_age) all += " max-age=" + std::to_string(read.max_age->count());
  if (read.s_maxage) all += " s-maxage=" + std::to_string(read.s_maxage->count());
  if (read.no_store) all += " no-store";
  if (read.no_cache) all += " no-cache";
  if (read.is_private) all += " private";
  if (read.is_public) all += " public";
  if (read.must_revalidate) all += " must-revalidate";
  for (const auto& name : read.private_fields) all += " private:" + name;
  for (const auto& name : read.no_cache_fields) all += " no-cache:" + name;
  return all;
}

const Row targeted[] = {
    {"9213 2.2: none: Cache-Control counts", {}, "not max-age=7"},
    {"9213 2.2: one that is there counts alone", {"max-age=60"}, "targeted max-age=60"},
    {"9213 2.2: also where it says nothing of the lifetime", {"public"}, "targeted public"},
    {"9213 2.2: an empty one is ignored", {""}, "not max-age=7"},
    {"9213 2.2: an invalid one too", {"max-age=60, ="}, "not max-age=7"},
    {"9213 2.2: as Cache-Control's syntax is not enough", {"Max-Age=60"}, "not max-age=7"},
    {"9213 2.1: an unknown directive alone is there", {"foo=1"}, "targeted"},
    {"9213 2.1: several directives",
     {"no-store, must-revalidate", "private"},
     "targeted no-store private must-revalidate"},
    {"9213 2.1: parameters mean nothing", {"max-age=60;foo=1, no-cache;bar"}, "targeted max-age=60 no-cache"},
    {"9213 2.1: a String is no duration", {"max-age=\"60\""}, "targeted"},
    {"9213 2.1: nor is a Decimal", {"max-age=60.0"}, "targeted"},
    {"9213 2.1: nor is nothing", {"max-age"}, "targeted"},
    {"9213 2.1: nor is a Token", {"max-age=a60"}, "targeted"},
    {"9213 2.1: a number is no flag", {"no-store=1"}, "targeted"},
    {"9213 2.1: nor is a String", {"no-store=\"1\""}, "targeted"},
    {"9213 2.1: field names are a String, and no Token", {"private=a, no-cache=b"}, "targeted"},
    {"9213 2.1: nor is a false one set", {"no-store=?0"}, "targeted"},
    {"9111 1.2.2: a negative duration is as stale", {"max-age=-5"}, "targeted max-age=0"},
    {"9111 1.2.2: too much is 2^31 s", {"s-maxage=999999999999"}, "targeted s-maxage=2147483648"},
    {"9213 2.1: the last one counts", {"max-age=60, max-age=5"}, "targeted max-age=5"},
    {"9111 5.2.2.7: field names in a String",
     {"private=\"A, b\", no-cache=\"c\""},
     "targeted private:a private:b no-cache:c"},
};

}  // namespace

TEST_CASE("lists are parsed as RFC 9651 requires") {
  for (const auto& row : lists) {
    INFO(row.section);
    CHECK(list(row.values) == row.expected);
  }
}

TEST_CASE("dictionaries are parsed as RFC 9651 requires") {
  for (const auto& row : dictionaries) {
    INFO(row.section);
    CHECK(dictionary(row.values) == row.expected);
  }
}

TEST_CASE("the number of members of a structured field is limited only by the size of a head") {
  // RFC 9651 3.1 and 3.2 require at least 1024 members; here there are more, and each key occurs twice.
  std::string list_of;
  std::string dictionary_of;
  for (int i = 0; i < 2000; ++i) {
    list_of += "\"g\", ";
    dictionary_of += "k" + std::to_string(i % 1000) + "=" + std::to_string(i) + ", ";
  }
  list_of += "\"g\"";
  dictionary_of += "last";
  const Field list_field{FieldId::unknown, "F", list_of};
  const auto members = parse_list({&list_field, 1}, "F");
  REQUIRE(members.has_value());
  CHECK(members->size() == 2001);
  const Field dictionary_field{FieldId::unknown, "F", dictionary_of};
  const auto dictionary = parse_dictionary({&dictionary_field, 1}, "F");
  REQUIRE(dictionary.has_value());
  REQUIRE(dictionary->size() == 1001);
  for (std::size_t i = 0; i < 1000; ++i) {
    REQUIRE((*dictionary)[i].key == "k" + std::to_string(i));
    REQUIRE(said((*dictionary)[i].value) == std::to_string(i + 1000));
  }
  CHECK(dictionary->back().key == "last");
}

TEST_CASE("CDN-Cache-Control replaces Cache-Control (RFC 9213)") {
  for (const auto& row : targeted) {
    INFO(row.section);
    CHECK(directives(row.values) == row.expected);
  }
}
