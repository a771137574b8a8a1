// A file and its additional files.
#include "support.hpp"

using namespace larder;
using namespace larder::settings;

namespace {

Loaded load_all(const std::string& first, const std::vector<std::string>& added) {
  std::vector<Source> sources;
  for (std::size_t i = 0; i < added.size(); ++i)
    sources.push_back({"conf.d/" + std::to_string(i + 1), added[i]});
  return load(Source{"f", first}, sources);
}

}  // namespace

TEST_CASE("a key of a later file replaces the earlier one, and other keys are kept") {
  const auto loaded = load_all(
      "listen: [127.0.0.1:1, 127.0.0.1:2]\n"
      "cache: {memory: 1GiB, max_body: 2MiB}\n"
      "upstream: {url: http://api:1, connections: 3}\n",
      {"cache: {memory: 2GiB}\nlisten: 127.0.0.1:3\n", "cache: {memory: 3GiB}\n", "",
       "upstream: http://api:2\n"});
  CHECK(test::lines_of(loaded).empty());
  REQUIRE(loaded.settings);
  const auto& settings = *loaded.settings;
  CHECK(settings.cache.memory == 3ull << 30);
  CHECK(settings.cache.max_body == 2u << 20);
  REQUIRE(settings.listen.size() == 1);
  CHECK(to_string(settings.listen[0].address) == "127.0.0.1:3");
  CHECK(settings.upstream.url == "http://api:2");
  CHECK(settings.upstream.connections == 3);
  CHECK(loaded.files == std::vector<std::string>{"f", "conf.d/1", "conf.d/2", "conf.d/3", "conf.d/4"});
}

TEST_CASE("routes of additional files come before those of the first file, in the order of the files") {
  const auto loaded = load_all("routes:\n  - {path: /c, ttl: 1s}\n  - {path: /**, cache: standard}\n",
                               {"routes:\n  - {path: /a, ttl: 1s}\n",
                                "routes:\n  - {path: /b, ttl: 1s}\n  - {path: /b/**, ttl: 2s}\n"});
  CHECK(test::lines_of(loaded).empty());
  REQUIRE(loaded.settings);
  std::vector<std::string> names;
  for (const auto& route : loaded.settings->routes) {
    CHECK(route.index == names.size());
    names.push_back(route.name + " " + route.place);
  }
  CHECK(names == std::vector<std::string>{"/a conf.d/1:2:5", "/b conf.d/2:2:5", "/b/** conf.d/2:3:5",
                                          "/c f:2:5", "/** f:3:5"});
  CHECK(loaded.settings->route_for("/b/x")->name == "/b/**");
}

TEST_CASE("each problem has the name of its file, and they are in the order of the files") {
  const auto loaded =
      load_all("routes:\n  - {path: /a, ttl: 1s}\n  - {path: /c, ttl: 1}\n",
               {"lissen: 1\ncache: {max_body: 1GiB}\n", "routes:\n  - {path: /a, ttl: 2s}\n", "listen: [\n"});
  CHECK(test::lines_of(loaded) == std::vector<std::string>{
                                      "f:3:21: ttl: '1' has no unit; write 1s (the units are ms s m h)",
                                      "conf.d/1:1:1: unknown key 'lissen'; did you mean 'listen'?",
                                      "conf.d/3:2:1: not YAML: end of sequence flow not found",
                                  });
  const auto whole = load_all("routes:\n  - {path: /a, ttl: 1s}\n",
                              {"cache: {max_body: 1GiB}\n", "routes:\n  - {path: /a, ttl: 2s}\n"});
  CHECK(test::lines_of(whole) ==
        std::vector<std::string>{
            "f:2:6: unreachable route: '/a' in conf.d/2:2 already matches it; remove one",
            "conf.d/1:1:9: cache.max_body (1GiB) exceeds cache.memory (256MiB); lower cache.max_body or "
            "raise cache.memory",
        });
}

TEST_CASE("the position of a list element is that in the file that applies") {
  const auto loaded =
      load_all("listen: [127.0.0.1:2, '127.0.0.1:3']\n", {"listen: ['[::1]:4']\nadmin: '[::1]:4'\n"});
  CHECK(test::lines_of(loaded) ==
        std::vector<std::string>{"conf.d/1:2:1: admin: [::1]:4 is also a client listener; give the admin "
                                 "listener a separate address"});
}
