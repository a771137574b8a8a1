// Tests of durations, sizes, addresses and misspelt words.
#include "settings/address.hpp"
#include "settings/scalar.hpp"
#include "support.hpp"

using namespace larder::settings;

TEST_CASE("durations and sizes are a whole number and a unit, and are written in the shortest form") {
  std::string error;
  CHECK(parse_duration("250ms", error) == Millis{250});
  CHECK(parse_duration("90s", error) == Millis{90'000});
  CHECK(parse_duration("5m", error) == Millis{300'000});
  CHECK(parse_duration("2h", error) == Millis{7'200'000});
  CHECK(parse_duration("0s", error) == Millis{0});
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(120s) == "2m");
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(0ms) == "0ms");
  CHECK(parse_size("1B", error) == 1u);
  CHECK(parse_size("64KiB", error) == 65'536u);
  CHECK(parse_size("8GiB", error) == std::uint64_t{8} << 30);
  CHECK(format_size(65'536) == "64KiB");
  CHECK(format_size(1'000) == "1000B");
  CHECK(format_size(std::uint64_t{2048} << 30) == "2048GiB");
}

TEST_CASE("an overflowing number is reported as too large") {
  std::string error;
  for (const auto* text : {"9223372036854775808ms", "9223372036854775807h", "99999999999999999999999s"}) {
    CHECK_FALSE(parse_duration(text, error));
    CHECK(error == in_quotes(text) + " is too large; write a smaller value");
  }
  CHECK(parse_duration("9223372036854775807ms", error));
  CHECK_FALSE(parse_size("8589934592GiB", error));
  CHECK_FALSE(parse_number("18446744073709551616", error));
}

TEST_CASE("a word with one or two wrong letters is recognised, and a different word is not") {
  const Words words = {"ttl", "fields", "fields_param", "stale_while_revalidate", "key"};
  CHECK(nearest("tll", words) == "ttl");
  CHECK(nearest("tlt", words) == "ttl");
  CHECK(nearest("field", words) == "fields");
  CHECK(nearest("FIELDS", words) == "fields");
  CHECK(nearest("fields-param", words) == "fields_param");
  CHECK(nearest("stale_while_validate", words) == "stale_while_revalidate");
  CHECK(nearest("cache", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest("k", words).empty());
  CHECK(nearest(std::string(1'000'000, 'k'), words).empty());
}

TEST_CASE("user input is shown without control characters and truncated") {
  CHECK(in_quotes("a'b") == "'a'b'");
  CHECK(in_quotes("a\x1b[31m\n") == "'a\\x1B[31m\\x0A'");
  CHECK(in_quotes(std::string(61, 'a')) == "'" + std::string(60, 'a') + "...'");
  CHECK(in_quotes(std::string(59, 'a') + "\xC3\xA9") == "'" + std::string(59, 'a') + "...'");
  CHECK(in_quotes(std::string(100, '\x80')) == "'...'");
}

TEST_CASE("a text that YAML would interpret is written in quotes") {
  CHECK(yaml_text("/topics/**") == "/topics/**");
  CHECK(yaml_text("127.0.0.1:80") == "127.0.0.1:80");
  CHECK(yaml_text("[::1]:80") == "\"[::1]:80\"");
  CHECK(yaml_text(":80") == "\":80\"");
  CHECK(yaml_text("/t/{id}") == "\"/t/{id}\"");
  CHECK(yaml_text("a: b") == "\"a: b\"");
  CHECK(yaml_text("") == "\"\"");
  CHECK(yaml_text("null") == "\"null\"");
  CHECK(yaml_text("a\"\\\n") == "\"a\\\"\\\\\\x0A\"");
}

TEST_CASE("an address is written as it was read") {
  for (const auto* text : {"127.0.0.1:80", "localhost:0", ":8080", "[::1]:65535", "[2001:db8::1]:80",
                           "api_1.internal:80", "unix:/run/larder.sock", "unix:@larder", "fd:web"}) {
    std::string error;
    const auto address = parse_listen(text, error);
    INFO(text << " " << error);
    REQUIRE(address);
    CHECK(to_string(*address) == text);
  }
  std::string error;
  CHECK(parse_listen("unix:/" + std::string(106, 'a'), error));
  CHECK_FALSE(parse_listen("unix:/" + std::string(107, 'a'), error));
  CHECK_FALSE(parse_listen(std::string_view("unix:/a\0b", 9), error));
  CHECK_FALSE(parse_listen("", error));
}

TEST_CASE("a listener on all addresses is reached through any address of the host") {
  const auto meets = [](const char* upstream, const char* listener) {
    std::string error;
    return reaches(parse_upstream(upstream, error).value().address, parse_listen(listener, error).value());
  };
  CHECK(meets("http://127.0.0.1:80", ":80"));
  CHECK(meets("http://localhost:80", "0.0.0.0:80"));
  CHECK(meets("http://[::1]:80", "[::]:80"));
  CHECK(meets("http://0.0.0.0:80", "0.0.0.0:80"));
  CHECK(meets("http://LOCALHOST:80", "127.0.0.1:80"));
  CHECK(meets("http://api:80", "api:80"));
  CHECK(meets("unix:/run/a", "unix:/run/a"));
  CHECK_FALSE(meets("http://api:80", ":80"));
  CHECK_FALSE(meets("http://127.0.0.1:80", "127.0.0.2:80"));
  CHECK_FALSE(meets("http://127.0.0.1:80", ":81"));
  CHECK_FALSE(meets("http://127.0.0.1:80", "unix:/run/a"));
}

TEST_CASE("only loopback and Unix sockets are local") {
  const auto local = [](const char* text) {
    std::string error;
    return is_local(parse_listen(text, error).value());
  };
  for (const auto* text : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "[0:0::1]:1",
                           "[::ffff:127.0.0.1]:1", "unix:/a"})
    CHECK(local(text));
  for (const auto* text : {":1", "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.example.org:1", "[::2]:1", "fd:a"})
    CHECK_FALSE(local(text));
}
