// Measures the time for one document: larder's projector, simdjson's DOM parser (the lower bound for anything
// that validates the whole document), and an On-Demand loop that finds the same members without validating
// what it skips (the limit).
//
//   lean FILE ITEMS FIELD ...     ITEMS is the member that contains the list, or - for the top level
//
// Prints one line for each: name, median in microseconds, minimum, maximum, and bytes of output (0 if it has
// none). Rounds alternate.
#include "projection/projector.hpp"

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

using namespace larder;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int rounds = 15;
constexpr double min_round = 0.02;  // seconds

struct Contestant {
  const char* name;
  std::function<std::size_t()> once;  // bytes of output
  std::size_t size = 0;
  std::size_t repeats = 1;
  std::vector<double> times{};
};

double seconds(const Contestant& one) {
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < one.repeats; ++i) (void)one.once();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const auto document = simdjson::padded_string::load(argv[1]).value();
  const std::string_view json(document.data(), document.size());
  const std::string items = argv[2];
  const std::vector<std::string> fields(argv + 3, argv + argc);
  std::string error;
  const auto rule = projection::ProjectionRule::compile(fields, items == "-" ? "" : items, error);
  if (!rule) return 2;

  projection::Workspace workspace;
  simdjson::dom::parser dom;
  simdjson::ondemand::parser ondemand;
  std::string out;
  std::vector<Contestant> all{
      {"larder",
       [&] {
         if (projection::project(json, *rule, {}, workspace, out)) std::abort();
         return out.size();
       }},
      {"simdjson DOM",
       [&] {
         simdjson::dom::element root;
         if (dom.parse(document).get(root) != simdjson::SUCCESS) std::abort();
         return std::size_t{0};
       }},
      {"simdjson On-Demand",
       [&] {
         out.clear();
         auto root = ondemand.iterate(document).value();
         simdjson::ondemand::array list;
         const auto failed = items == "-" ? root.get_array().get(list) : root[items].get_array().get(list);
         if (failed != simdjson::SUCCESS) std::abort();
         for (auto item : list) {
           auto object = item.get_object().value();
           for (auto member : object) {
             const auto key = member.unescaped_key().value();
             if (std::find(fields.begin(), fields.end(), key) == fields.end()) continue;
             const std::string_view value = member.value().raw_json_token().value();
             out.append(key).append(":").append(value).append(",");
           }
         }
         return out.size();
       }},
  };
  for (auto& one : all) {
    one.size = one.once();
    const auto once = seconds(one);
    one.repeats = std::max<std::size_t>(1, static_cast<std::size_t>(min_round / std::max(once, 1e-7)));
  }
  for (int round = 0; round < rounds; ++round) {
    for (auto& one : all) one.times.push_back(seconds(one) / static_cast<double>(one.repeats) * 1e6);
  }
  for (auto& one : all) {
    std::sort(one.times.begin(), one.times.end());
    std::printf("%s\t%.1f\t%.1f\t%.1f\t%zu\n", one.name, one.times[rounds / 2], one.times.front(),
                one.times.back(), one.size);
  }
}
