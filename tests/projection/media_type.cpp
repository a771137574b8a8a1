#include "support.hpp"

using larder::projection::is_json_type;

TEST_CASE("media types of JSON are recognised") {
  for (const auto* type : {"application/json", "Application/JSON", "application/json; charset=utf-8",
                           "application/json;charset=utf-8", " application/json ", "application/json ;q=1",
                           "application/problem+json", "application/vnd.api+json",
                           "application/hal+JSON; profile=\"a;b\"", "image/x+json", "application/a+b+json",
                           "application/json;", "text/json", "Text/JSON;charset=utf-8"}) {
    INFO(type);
    CHECK(is_json_type(type));
  }
  for (const auto* type : {"",
                           ";",
                           "json",
                           "/json",
                           "application/",
                           "application/jsonp",
                           "application/json5",
                           "application/jso",
                           "text/plain",
                           "text/jsonp",
                           "image/json",
                           "application/x-json",
                           "application/+json",
                           "application/ json",
                           "+json",
                           "application/json, text/html",
                           "application/json/x",
                           "application/x/y+json",
                           "application/json-seq",
                           "text/plain; x=application/json",
                           "a b/c+json",
                           "/x+json",
                           "application/x+json+xml"}) {
    INFO(type);
    CHECK_FALSE(is_json_type(type));
  }
}
