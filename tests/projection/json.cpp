// Valid and invalid JSON (RFC 8259) in every position: kept, dropped, on the way to the items, in a list, or
// as the whole document.
#include "support.hpp"

using namespace larder;
using namespace std::string_literals;
using projection::ProjectionError;

namespace {

// Valid values, which are valid documents as well.
const std::vector<std::string> good_values{
    // Numbers
    "0"s, "-0"s, "1"s, "-1"s, "10"s, "1234567890"s, "0.0"s, "0.10"s, "-0.5"s, "1.5"s, "100.001"s, "0e0"s,
    "0E1"s, "1e1"s, "1E1"s, "1e+1"s, "1e-1"s, "1E+01"s, "1.5e10"s, "-1.5E-10"s, "0e00"s, "1e999"s, "-1e999"s,
    "1e-999"s, "9007199254740993"s, "18446744073709551615"s, "18446744073709551616"s, "-9223372036854775808"s,
    "123456789012345678901234567890"s, "0.000000000000000000000000000000000000001"s, "1e0000000000000000001"s,
    std::string(400, '9'), "0." + std::string(400, '3'),
    // Words
    "true"s, "false"s, "null"s,
    // Strings
    R"("")"s, R"("a")"s, R"("true")"s, R"("\"")"s, R"("\\")"s, R"("\/")"s, R"("\b")"s, R"("\f")"s, R"("\n")"s,
    R"("\r")"s, R"("\t")"s, R"("\u0000")"s, R"("\u001f")"s, R"("\u00e9")"s, R"("\u00E9")"s, R"("\uABCD")"s,
    R"("\uabcd")"s, R"("\uFFFF")"s, R"("\ud83d\ude00")"s, R"("\ud800")"s, R"("\udfff")"s,
    R"("\ude00\ud83d")"s, R"("\ud800\n")"s, R"("\ud800x")"s, R"("\\u00")"s, R"("\\\\")"s, R"("\\\"")"s,
    R"("\u0022")"s, R"("\u005c")"s, R"("/")"s, R"("'")"s, R"("{}[],:")"s, R"("//")"s, R"("a b")"s,
    "\"\x7f\""s, "\"\xc2\x80\""s, "\"\xc3\xa9\""s, "\"\xdf\xbf\""s, "\"\xe0\xa0\x80\""s, "\"\xe2\x82\xac\""s,
    "\"\xe2\x80\xa8\""s, "\"\xed\x9f\xbf\""s, "\"\xee\x80\x80\""s, "\"\xef\xbb\xbf\""s, "\"\xef\xbf\xbf\""s,
    "\"\xf0\x90\x80\x80\""s, "\"\xf4\x8f\xbf\xbf\""s, "\"" + std::string(200, 'x') + "\"",
    "\"" + std::string(63, 'x') + "\\n\"", "\"" + std::string(60, '\\') + "\"",
    // Containers
    "[]"s, "{}"s, "[ ]"s, "{ }"s, "[\t\r\n ]"s, "[1]"s, "[1,2]"s, "[ 1 , 2 ]"s, "[[]]"s, "[[],[]]"s, "[{}]"s,
    "[null,true,false,0,\"\",[],{}]"s, R"({"":0})"s, R"({"a":1})"s, R"({"a":1,"b":2})"s,
    R"({ "a" : 1 , "b" : 2 })"s, R"({"a":1,"a":1})"s, R"({"\n":1})"s, R"({"\ud800":1})"s,
    R"({"a":{"b":{"c":[]}}})"s, R"({"a":[],"b":{}})"s, "[1e1]"s, "[-0]"s, "[\"a\",\"b\"]"s,
    "[[[[[[[[]]]]]]]]"s, "[\n1\n,\n2\n]\n"s, "{\"a\"\r\n:\t1}"s};

const std::vector<std::string> bad_values{
    // Numbers
    "-"s, "+1"s, "+"s, "--1"s, "01"s, "00"s, "-01"s, "-00"s, "1."s, "-1."s, ".5"s, "-.5"s, "0.e1"s, "1.e1"s,
    "1e"s, "1E"s, "1e+"s, "1e-"s, "1e+-1"s, "1e1.5"s, "1.5.5"s, "1..5"s, "1e1e1"s, "0x10"s, "0b1"s, "0o7"s,
    "1_000"s, "1a"s, "1 2"s, "1-"s, "1-2"s, "1+2"s, "- 1"s, "1 .5"s, "1,"s, ",1"s, "NaN"s, "Infinity"s,
    "-Infinity"s, "inf"s, "-a"s, "1f"s, "1L"s, "1e 5"s, "0 0"s, "\xef\xbc\x91"s, "1\xc2\xa0"s, "0\0"s, "1\""s,
    "1\"a\""s, "1[]"s, "1{}"s, "1\\n"s,
    // Words
    "t"s, "tru"s, "true1"s, "truee"s, "true "s + "e", "tru e"s, "True"s, "TRUE"s, "fals"s, "falsee"s,
    "False"s, "nul"s, "nulll"s, "Null"s, "NULL"s, "none"s, "undefined"s, "true\"a\""s, "true[]"s, "null\0"s,
    "a"s, "nullnull"s,
    // Strings
    "\""s, "\"a"s, "a\""s, "'a'"s, "`a`"s, R"("\)"s, R"("\")"s, R"("\x41")"s, R"("\a")"s, R"("\v")"s,
    R"("\0")"s, R"("\1")"s, R"("\'")"s, R"("\e")"s, R"("\U0041")"s, R"("\u")"s, R"("\u0")"s, R"("\u00")"s,
    R"("\u004")"s, R"("\u004g")"s, R"("\u 041")"s, R"("\u+041")"s, R"("\u-041")"s, R"("\u00 1")"s,
    R"("\u{41}")"s, R"("\ud83d\u")"s, R"("\ud83d\ude0")"s, R"("\ud83d\x")"s, "\"\\\n\""s, "\"\\\xc3\xa9\""s,
    "\"\\\0\""s, "\"\n\""s, "\"\t\""s, "\"\r\""s, "\"\0\""s, "\"a\0b\""s, "\"\x1f\""s, "\"\x01\""s,
    "\"\x08\""s, "\"a\nb\""s, R"("a"b)"s, R"("a""b")"s, R"("a" "b")"s, R"("a"1)"s, R"("a"true)"s, R"(\"a\")"s,
    R"(\n)"s, "\"" + std::string(61, '\\') + "\"", "\"" + std::string(63, 'x') + "\\x\"",
    "\"" + std::string(64, 'x') + "\\u12\"",
    // UTF-8
    "\"\x80\""s, "\"\xbf\""s, "\"\xc3\""s, "\"\xc3(\""s, "\"\xc0\x80\""s, "\"\xc1\xbf\""s,
    "\"\xe0\x80\x80\""s, "\"\xe0\x9f\xbf\""s, "\"\xe2\x82\""s, "\"\xe2(\xa1\""s, "\"\xed\xa0\x80\""s,
    "\"\xed\xbf\xbf\""s, "\"\xf0\x9f\x98\""s, "\"\xf0\x80\x80\x80\""s, "\"\xf0\x8f\xbf\xbf\""s,
    "\"\xf4\x90\x80\x80\""s, "\"\xf5\x80\x80\x80\""s, "\"\xff\""s, "\"\xfe\""s, "\"\xf8\x88\x80\x80\x80\""s,
    "\"\xe9\""s, "\xc3\xa9"s, "\xff"s,
    // Containers
    "["s, "]"s, "{"s, "}"s, "[]]"s, "[[]"s, "{}}"s, "[}"s, "{]"s, "[1}"s, R"({"a":1])"s, "[1"s, "[1,"s, "[,"s,
    "[,1]"s, "[1,]"s, "[1,,2]"s, "[,]"s, "[1 2]"s, "[1:2]"s, "[\"a\":1]"s, "[1;2]"s, "[]1"s, "[],"s, "[][]"s,
    "{}{}"s, "{}[]"s, "[]\"\""s, "{,}"s, R"({"a":1,})"s, R"({,"a":1})"s, R"({"a":1,,"b":2})"s, R"({"a"})"s,
    R"({"a":})"s, R"({"a",1})"s, R"({"a" 1})"s, R"({:1})"s, R"({"a"::1})"s, R"({"a":1:2})"s,
    R"({"a":1 "b":2})"s, R"({"a":1;"b":2})"s, R"({1:1})"s, R"({a:1})"s, R"({'a':1})"s, R"({null:1})"s,
    R"({[]:1})"s, R"({{}:1})"s, R"({"a":1)"s, R"({"a":)"s, R"({"a")"s, R"({"a)"s, R"({"a":1,)"s,
    R"({"a":1,"b"})"s, R"({"a""b":1})"s, R"({"a"b:1})"s, R"({"\x":1})"s, R"({"a\":1})"s, "{\"a\n\":1}"s,
    "{\"\xff\":1}"s, "[tru]"s, "[01]"s, "[1.]"s, "[\"\\u12\"]"s, "[[1,]]"s, R"([{"a":1,}])"s,
    R"({"a":[1,]})"s, R"({"a":{"b":1,}})"s, "[[[[]]]"s, "[[[[]]]]]"s, "[1]x"s, "x[1]"s, "[1]]"s, "[\"a\",]"s,
    // Comments, and characters that are not white space in JSON
    "[1]//"s, "//\n[1]"s, "/**/[1]"s, "[1/**/]"s, "#\n1"s, "[\f1]"s, "[1\f]"s, "[\v1]"s, "[1\v,2]"s, "[\0]"s,
    "[1]\0"s, "[\xc2\xa0]"s, "[\xe2\x80\xa8]"s, "[\xe3\x80\x80]"s,
    "[1,\x1a"
    "2]"s,
    "[\"a\"\f,1]"s, "[\x0c]"s, "[1\x1a 2]"s, "[\x7f]"s};

bool is_json(std::string_view document, std::string_view items = {}) {
  return test::project(document, test::rule({"kept", "on.way"}, items)).error != ProjectionError::not_json;
}

// Documents that have the value in every possible position, marked with `_`.
const std::vector<std::string> places{"_",
                                      " _ ",
                                      "\r\n\t_\n",
                                      "[_]",
                                      "[{},_]",
                                      "[{\"dropped\":_}]",
                                      "[{\"dropped\":_,\"kept\":1}]",
                                      "[{\"dropped\":[1,_,2]}]",
                                      "[{\"dropped\":{\"x\":{\"y\":_}}}]",
                                      "[{\"kept\":_}]",
                                      "{\"kept\":_,\"dropped\":1}",
                                      "[ { \"kept\" : [ _ , 1 ] } ]",
                                      "[{\"kept\":{\"x\":[_]}}]",
                                      "[{\"on\":_}]",
                                      "[{\"on\":{\"way\":_,\"dropped\":1}}]",
                                      "[{\"on\":{\"dropped\":_}}]",
                                      "[{\"on\":[_,{\"way\":[_]}]}]"};
const std::vector<std::string> places_in_envelopes{
    "{\"data\":_}", "{\"data\":[_]}", "{\"data\":[],\"other\":_}", "{\"other\":_,\"data\":[{\"kept\":1}]}",
    "{\"other\":{\"x\":[_]},\"data\":[{\"dropped\":_}]}"};

std::string put(std::string place, const std::string& value) {
  for (std::size_t at = 0; (at = place.find('_', at)) != std::string::npos; at += value.size()) {
    place.replace(at, 1, value);
  }
  return place;
}

}  // namespace

TEST_CASE("valid JSON is accepted in every position") {
  for (const auto& value : good_values) {
    for (const auto& place : places) {
      INFO(place << " " << value);
      CHECK(is_json(put(place, value)));
    }
    for (const auto& place : places_in_envelopes) {
      INFO(place << " " << value);
      CHECK(is_json(put(place, value), "data"));
      CHECK(is_json(put(place, value), "data.*"));
    }
  }
}

TEST_CASE("invalid JSON is refused in every position") {
  for (const auto& value : bad_values) {
    for (const auto& place : places) {
      INFO(place << " " << value);
      CHECK_FALSE(is_json(put(place, value)));
    }
    for (const auto& place : places_in_envelopes) {
      INFO(place << " " << value);
      CHECK_FALSE(is_json(put(place, value), "data"));
    }
  }
}

TEST_CASE("an invalid JSON document is refused") {
  for (const auto& document : {""s,
                               " "s,
                               "\n"s,
                               "\t\r\n "s,
                               "\0"s,
                               ","s,
                               ":"s,
                               "\\"s,
                               "\\\\"s,
                               "\xef\xbb\xbf"s,
                               "\xef\xbb\xbf[]"s,
                               "\xef\xbb\xbf{\"kept\":1}"s,
                               "\xfe\xff\0["s,
                               "[]\xef\xbb\xbf"s,
                               "[]\xff"s,
                               "[]\xc3"s,
                               "[]\xe2\x82"s,
                               "[]\0"s,
                               "\0[]"s,
                               "[] []"s,
                               "{} {}"s,
                               "[]\n[]"s,
                               "1\n2"s,
                               "[],[]"s,
                               "[\"\\\"]"s,
                               "[\"]"s,
                               "[\\]"s,
                               "[\"a\\"s,
                               "[\"a\\u"s,
                               "[\"a\\u12"s,
                               "[]\\"s,
                               "[]\\u"s,
                               "[]\\u123"s,
                               "<html>"s,
                               "callback([])"s,
                               ")]}',\n[]"s,
                               "[1]\x1a"s,
                               "\x1e[]\n"s}) {
    INFO(document);
    CHECK_FALSE(is_json(document));
  }
}

TEST_CASE("no proper prefix of a document is a valid document") {
  const auto document =
      R"([ {"kept" : "a\u00e9\n", "on":{"way":[1.5e-3,true,null,false],"x":{}},"dropped":["é",-0,{"a":"\\"}]}, {} ])"s;
  REQUIRE(is_json(document));
  for (std::size_t size = 0; size < document.size(); ++size) {
    INFO(size);
    CHECK_FALSE(is_json(document.substr(0, size)));
  }
}

TEST_CASE("an additional byte outside strings is refused unless it is white space") {
  const auto document = R"([{"kept":1,"on":{"way":[2]}},{"dropped":{"x":[true]}}])"s;
  bool in_string = false;
  for (std::size_t at = 0; at <= document.size(); ++at) {
    if (!in_string) {
      for (const char byte : "x,:[]{}\"\\\f\x7f\xe9+."s) {
        INFO(at << " " << byte);
        CHECK_FALSE(is_json(std::string(document).insert(at, 1, byte)));
      }
    }
    if (at < document.size() && document[at] == '"') in_string = !in_string;
  }
}
