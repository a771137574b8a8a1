#include "support.hpp"

using namespace larder;
using test::Fields;
using test::not_json;
using test::nothing_kept;
using test::projected;
using test::wrong_shape;

TEST_CASE("only the named fields of a list's objects are kept") {
  CHECK(projected(R"([{"id":1,"slug":"a","body":"long"},{"body":"x","slug":"b","id":2}])", {"id", "slug"}) ==
        R"([{"id":1,"slug":"a"},{"slug":"b","id":2}])");
  CHECK(projected(R"([{"id":1}])", {"id"}) == R"([{"id":1}])");
  CHECK(projected(R"([{"a":1},{"b":[1,{"id":2}]},{"id":3},{}])", {"id"}) == R"([{},{},{"id":3},{}])");
  CHECK(projected("[]", {"id"}) == "[]");
}

TEST_CASE("one object at the top level is one item") {
  CHECK(projected(R"({"id":1,"x":2})", {"id"}) == R"({"id":1})");
  CHECK(projected("{}", {"id"}) == "{}");
}

TEST_CASE("the order is that of the source, and missing fields are not added") {
  CHECK(projected(R"([{"c":3,"b":2,"a":1},{"b":5}])", {"a", "b"}) == R"([{"b":2,"a":1},{"b":5}])");
}

TEST_CASE("a duplicate name is kept twice") {
  CHECK(projected(R"([{"id":1,"x":0,"id":2,"id":{"y":[]}}])", {"id"}) ==
        R"([{"id":1,"id":2,"id":{"y":[]}}])");
  CHECK(projected(R"({"data":[{"id":1,"x":1}],"data":{"id":2,"x":1}})", {"id"}, "data") ==
        R"({"data":[{"id":1}],"data":{"id":2}})");
}

TEST_CASE("values are copied byte for byte") {
  for (const auto* value : {"0",
                            "-0",
                            "-0.0",
                            "1.0",
                            "1.10",
                            "9007199254740993",
                            "18446744073709551616",
                            "-9223372036854775809",
                            "123456789012345678901234567890123456789012345678901234567890",
                            "1e999",
                            "-1E+400",
                            "1e-999",
                            "0.1e1",
                            "3.14159265358979323846264338327950288",
                            R"("")",
                            R"("\"\\\/\b\f\n\r\t")",
                            R"("\u00e9 é \uD83D\uDE00 😀")",
                            R"("\ud800")",
                            R"("a/b")",
                            "true",
                            "false",
                            "null",
                            "[]",
                            "{}",
                            "[ 1 ,\t2,\r\n3 ]",
                            R"({ "a" : [ 1 , { } ] , "a" : null })",
                            R"([[[["deep"]]]])"}) {
    INFO(value);
    const std::string text = value;
    CHECK(projected("[{\"x\":[1],\"v\":" + text + ",\"y\":{}}]", {"v"}) == "[{\"v\":" + text + "}]");
    CHECK(projected("[ { \"v\" : " + text + " \n} ]", {"v"}) == "[{\"v\":" + text + "}]");
    CHECK(projected("{\"m\" : \t" + text + " , \"d\":[]}", {"v"}, "d") == "{\"m\":" + text + ",\"d\":[]}");
  }
}

TEST_CASE("white space between kept tokens is dropped") {
  CHECK(
      projected(" \t\r\n[ { \"x\" : 1 , \"id\" : 2 , \"y\" : 3 , \"slug\" : \"a\" } , { \"id\" : 3 } ] \r\n",
                {"id", "slug"}) == R"([{"id":2,"slug":"a"},{"id":3}])");
  CHECK(projected("{ \"meta\" : { \"n\" : 1 } , \"data\" : [ { \"id\" : 1 , \"x\" : 2 } ] }", {"id"},
                  "data") == R"({"meta":{ "n" : 1 },"data":[{"id":1}]})");
}

TEST_CASE("names are compared unescaped and copied as they are") {
  CHECK(projected(R"([{"\u0069d":1,"i\u0064":2,"\u0069\u0064":3,"\\u0069d":4}])", {"id"}) ==
        R"([{"\u0069d":1,"i\u0064":2,"\u0069\u0064":3}])");
  CHECK(projected(R"([{"gr\u00f6\u00dfe":1,"größe":2,"gr\u00F6ße":3}])", {"größe"}) ==
        R"([{"gr\u00f6\u00dfe":1,"größe":2,"gr\u00F6ße":3}])");
  CHECK(projected(R"([{"\ud83d\ude00":1,"😀":2,"\uD83D":3,"\ude00\ud83d":4}])", {"😀"}) ==
        R"([{"\ud83d\ude00":1,"😀":2}])");
  // A high surrogate followed by something else is not a pair, whatever value the bits would give.
  CHECK(projected(R"([{"\ud83d\u0041":1,"\ud83d\ue000":2}])", {"\U00011841", "\U0001F800"}) == nothing_kept);
  CHECK(projected(R"([{"\u20ac":1,"\u007a":2}])", {"€", "z"}) == R"([{"\u20ac":1,"\u007a":2}])");
  CHECK(projected(R"([{"a\/b":1,"a\tb":2,"a\"b":3,"a\\b":4,"a\bb":5,"a\fb":6,"a\nb":7,"a\rb":8}])",
                  {"a/b", "a\tb", "a\"b", "a\\b", "a\bb", "a\fb", "a\nb", "a\rb"}) ==
        R"([{"a\/b":1,"a\tb":2,"a\"b":3,"a\\b":4,"a\bb":5,"a\fb":6,"a\nb":7,"a\rb":8}])");
  // The source bytes of one name equal the unescaped text of another.
  CHECK(projected(R"([{"a\nb":1}])", {"a\\nb"}) == nothing_kept);
}

TEST_CASE("names that differ in one byte are distinguished") {
  const Fields fields{"count_1", "abcdefgh", "abcdefghijklmnopq", "t", "st"};
  CHECK(projected(
            R"([{"count_2":1,"dount_1":1,"count_":1,"count_11":1,"abcdefgi":1,"bbcdefgh":1,"":1,"s":1,)"
            R"("abcdefgZijklmnopq":1,"st_":1,"ts":1,"count_1":2,"abcdefgh":2,"abcdefghijklmnopq":2,"t":2}])",
            fields) == R"([{"count_1":2,"abcdefgh":2,"abcdefghijklmnopq":2,"t":2}])");
}

TEST_CASE("a nested field names a member of a member") {
  CHECK(projected(R"([{"id":1,"domain":{"id":7,"slug":"core","name":"Core"}}])", {"id", "domain.slug"}) ==
        R"([{"id":1,"domain":{"slug":"core"}}])");
  CHECK(projected(R"([{"a":{"b":{"c":1,"d":2},"e":3},"b":4,"c":5}])", {"a.b.c"}) ==
        R"([{"a":{"b":{"c":1}}}])");
  CHECK(projected(R"([{"a":{"b":1,"c":2,"d":3}}])", {"a.b", "a.d"}) == R"([{"a":{"b":1,"d":3}}])");
  CHECK(projected(R"([{"domain":{"name":"Core"}}])", {"domain.slug"}) == nothing_kept);
}

TEST_CASE("a nested field applies through lists") {
  CHECK(projected(R"([{"tasks":[{"id":1,"t":"a"},{"t":"b"},{"id":3}],"x":[]}])", {"tasks.id"}) ==
        R"([{"tasks":[{"id":1},{},{"id":3}]}])");
  CHECK(projected(R"([{"a":[[{"b":1,"c":2}],[],[[{"c":3}]]]}])", {"a.b"}) ==
        R"([{"a":[[{"b":1}],[],[[{}]]]}])");
  CHECK(projected(R"([{"a":[{"b":[{"c":1,"x":2},3]}]}])", {"a.b.c"}) == R"([{"a":[{"b":[{"c":1},3]}]}])");
}

TEST_CASE("a nested field copies a value that is not an object") {
  for (const auto* value : {"null", "1e999", "\"text\"", "true", "[]", "[1, null]"}) {
    INFO(value);
    const auto one = "[{\"domain\":" + std::string(value) + "}]";
    const auto out = projected(one, {"domain.slug"});
    CHECK(out == (std::string(value) == "[1, null]" ? "[{\"domain\":[1,null]}]" : one));
  }
}

TEST_CASE("a name that is kept as a whole stays whole if nested names are added") {
  const auto* json = R"([{"domain":{"id":7,"slug":{"a":1}},"x":1}])";
  const auto* whole = R"([{"domain":{"id":7,"slug":{"a":1}}}])";
  CHECK(projected(json, {"domain", "domain.slug"}) == whole);
  CHECK(projected(json, {"domain.slug", "domain"}) == whole);
  CHECK(projected(json, {"domain.slug.b", "domain.slug"}) == R"([{"domain":{"slug":{"a":1}}}])");
  CHECK(projected(json, {"domain.slug.b"}) == nothing_kept);
}

TEST_CASE("items names the list in an envelope whose other members are kept") {
  CHECK(projected(R"({"total":2,"data":[{"id":1,"x":1},{"id":2}],"links":{"id":3,"next":[1]}})", {"id"},
                  "data") == R"({"total":2,"data":[{"id":1},{"id":2}],"links":{"id":3,"next":[1]}})");
  CHECK(projected(R"({"data":{"id":1,"x":1}})", {"id"}, "data") == R"({"data":{"id":1}})");
  CHECK(projected(R"({"p":1,"a":{"q":2,"b":[{"id":1,"x":1}],"r":3}})", {"id"}, "a.b") ==
        R"({"p":1,"a":{"q":2,"b":[{"id":1}],"r":3}})");
  CHECK(projected(R"({"\u0064ata":[{"id":1,"x":1}]})", {"id"}, "data") == R"({"\u0064ata":[{"id":1}]})");
}

TEST_CASE("items with a star treats every member of an object as an item") {
  CHECK(projected(R"({"n":1,"workstreams":{"a":{"id":1,"x":1},"b":{"x":2},"c":[{"id":3,"x":3}]}})", {"id"},
                  "workstreams.*") == R"({"n":1,"workstreams":{"a":{"id":1},"b":{},"c":[{"id":3}]}})");
  CHECK(projected(R"({"workstreams":{}})", {"id"}, "workstreams.*") == R"({"workstreams":{}})");
  CHECK(projected(R"({"a":{"b":{"k":{"id":1,"x":2}},"z":0}})", {"id"}, "a.b.*") ==
        R"({"a":{"b":{"k":{"id":1}},"z":0}})");
}

TEST_CASE("a document without a list or object where the rule requires one has the wrong shape") {
  for (const auto* json : {"1", "\"text\"", "null", "true", " 1e999 ", "[1]", "[null]", "[{},2]", "[[]]",
                           "[[{}]]", R"([{"id":1},"x"])", R"([{"id":1},null,{"id":2}])"}) {
    INFO(json);
    CHECK(projected(json, {"id"}) == wrong_shape);
  }
  for (const auto* json : {"[]", "{}", R"([{"data":[]}])", R"({"Data":[]})", R"({"data":null})",
                           R"({"data":1})", R"({"data":[1]})", R"({"data":[[]]})", R"({"x":{"data":[]}})",
                           R"({"data":[{"id":1}],"data":null})"}) {
    INFO(json);
    CHECK(projected(json, {"id"}, "data") == wrong_shape);
  }
  for (const auto* json : {R"({"w":[]})", R"({"w":{"a":1}})", R"({"w":{"a":{},"b":null}})",
                           R"({"w":{"a":[1]}})", R"({"w":null})", "{}"}) {
    INFO(json);
    CHECK(projected(json, {"id"}, "w.*") == wrong_shape);
  }
  CHECK(projected(R"({"a":[{"b":[]}]})", {"id"}, "a.b") == wrong_shape);
  CHECK(projected(R"({"a":{"c":[]}})", {"id"}, "a.b") == wrong_shape);
}

TEST_CASE("wrong_shape is reported only for a document that is well-formed to its end") {
  for (const auto* json :
       {"[1,]", "[{},2", "[null,{\"a\":01}]", "[[]] x", "1 2", "\"a\" \"b\"", "tru", "-", "01"}) {
    INFO(json);
    CHECK(projected(json, {"id"}) == not_json);
  }
  CHECK(projected(R"({"data":1,"x":tru})", {"id"}, "data") == not_json);
  CHECK(projected(R"({"data":[],})", {"id"}, "data") == not_json);
}

TEST_CASE("a document in which no item has any of the fields is not projected") {
  for (const auto* json :
       {R"({"items":[{"id":1}],"total":3})", R"([{"a":1},{"b":2}])", R"({"a":{"id":1}})", R"([{"ID":1},{}])"})
    CHECK(projected(json, {"id"}) == nothing_kept);
  CHECK(projected(R"({"w":{"k":[{"a":1}],"l":[]}})", {"id"}, "w.*") == nothing_kept);
  CHECK(projected(R"({"w":{"k":[{"a":1}],"l":[{"id":1}]}})", {"id"}, "w.*") ==
        R"({"w":{"k":[{}],"l":[{"id":1}]}})");
  // Without items, or without members, there is nothing to tell.
  for (const auto* json : {"[]", "{}", "[{},{}]"}) CHECK(projected(json, {"id"}) == json);
  CHECK(projected(R"({"data":[]})", {"id"}, "data") == R"({"data":[]})");
}

TEST_CASE("a member of which nothing is kept does not count as kept") {
  CHECK(projected(R"([{"domain":{"name":"a"}}])", {"domain.slug"}) == nothing_kept);
  CHECK(projected(R"([{"tags":[{"a":1},{"b":2}]}])", {"tags.c"}) == nothing_kept);
  CHECK(projected(R"([{"domain":{"name":"a"}},{"domain":{"slug":1}}])", {"domain.slug"}) ==
        R"([{"domain":{}},{"domain":{"slug":1}}])");
  // What is not an object, or has no members, is kept as it is.
  for (const auto* json : {R"([{"domain":null}])", R"([{"domain":{}}])", R"([{"domain":[]}])"})
    CHECK(projected(json, {"domain.slug"}) == json);
}

TEST_CASE("an empty list of fields keeps empty items") {
  CHECK(projected(R"([{"id":1},{}])", {}) == "[{},{}]");
}

TEST_CASE("projecting a projected document does not change it") {
  const Fields fields{"id", "domain.slug", "tasks.id"};
  for (const auto* json :
       {R"([ {"id" : 1, "domain" : {"slug":"a","x":1}, "tasks" : [ {"id":2,"y":[ ]} , 3 ], "z":{} } ])",
        R"({"id":[ 1 , { "a" : 2 } ],"tasks":null,"domain":[[]]})", "[]"}) {
    const auto once = projected(json, fields);
    CHECK(projected(once, fields) == once);
    const auto enveloped =
        projected("{ \"n\" : [ 1 ] , \"data\" : " + std::string(json) + "}", fields, "data");
    CHECK(projected(enveloped, fields, "data") == enveloped);
  }
}

TEST_CASE("a list is projected item by item") {
  const std::vector<std::string> items{R"({"id":1,"x":[1,2]})", R"({})", R"({"x":"]","id":{"id":2}})",
                                       R"({"\u0069d":"\n"})"};
  std::string list, wanted;
  for (const auto& item : items) {
    list += (list.empty() ? "[" : ",") + item;
    wanted += (wanted.empty() ? "[" : ",") + projected(item, {"id"});
  }
  CHECK(projected(list + "]", {"id"}) == wanted + "]");
}

TEST_CASE("a workspace can be reused after any result") {
  projection::Workspace workspace;
  const auto rule = test::rule({"id"});
  for (int round = 0; round < 3; ++round) {
    CHECK(test::project(R"([{"id":1,"x":2}])", rule, {}, &workspace).out == R"([{"id":1}])");
    CHECK(test::project(R"([{"id":1,"x":2)", rule, {}, &workspace).error ==
          projection::ProjectionError::not_json);
    CHECK(test::project("[[", rule, {1, 100}, &workspace).error == projection::ProjectionError::not_json);
    CHECK(
        test::project("[{\"id\":" + std::string(40, '[') + std::string(40, ']') + "}]", rule, {}, &workspace)
            .out.size() == 89);
    CHECK(test::project("null", rule, {}, &workspace).error == projection::ProjectionError::wrong_shape);
  }
  auto moved = std::move(workspace);
  CHECK(test::project(R"([{"id":1,"x":2}])", rule, {}, &moved).out == R"([{"id":1}])");
}
