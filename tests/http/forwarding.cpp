// What becomes of a message on its way: interim responses.
#include "../catch.hpp"
#include "http/interim.hpp"

using namespace larder::http;

TEST_CASE("an interim response goes on without what belongs to its connection, and without a length") {
  ResponseHead head;
  const std::string bytes =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nContent-Length: 5\r\nConnection: close, "
      "X-Hop\r\n"
      "X-Hop: 1\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nlink: </b>\r\nUpgrade: x\r\n\r\n";
  // Both framings would be refused; each alone is not.
  for (const std::string without : {"Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
    auto one = bytes;
    one.erase(one.find(without), without.size());
    REQUIRE(read_response(one, {}, Method::get, head).state == GateResult::State::complete);
    std::string out = "something";
    write_interim(head, out);
    CHECK(out == "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\n\r\n");
  }
}
