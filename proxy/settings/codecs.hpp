// Codecs: the syntax of values, how they are parsed and how they are written. Internal to this module.
#pragma once

#include "settings/scalar.hpp"
#include "settings/table.hpp"

#include <optional>
#include <utility>

namespace larder::settings {

template <class Value>
struct Codec {
  Form form;
  /// Parses a value; nullopt and a message in `error`, with the remedy, if the text is invalid.
  std::function<std::optional<Value>(const std::string& text, std::string& error)> read;
  std::function<std::string(const Value&)> write;
};

constexpr Millis one_year = std::chrono::hours{24 * 365};

/// `no_zero`: the remedy in the message for zero, for keys where users are likely to try that.
[[nodiscard]] Codec<Millis> durations(Millis least, Millis greatest = one_year,
                                      const std::string& no_zero = {});
/// The allowed words, and which of them a wrong one probably means: `off, json; did you mean 'json'?`
[[nodiscard]] std::string remedy_for_word(std::string_view written, const Words& allowed);
/// The same, or `off`, which is 0.
[[nodiscard]] Codec<Millis> or_off(Codec<Millis> codec);
[[nodiscard]] Codec<std::uint64_t> sizes(std::uint64_t least, std::uint64_t greatest);
/// `word`: a word for one number outside the range, such as `auto` for 0.
[[nodiscard]] Codec<std::uint64_t> numbers(std::uint64_t least, std::uint64_t greatest,
                                           std::optional<std::pair<std::string, std::uint64_t>> word = {});
[[nodiscard]] Codec<ListenAddress> listen_addresses();
/// The paths of requests. With `bound`, `{=name}` is allowed.
[[nodiscard]] Codec<http::PathPattern> path_patterns(bool bound = false);
/// Names of query parameters, limited to characters that need no percent-encoding.
[[nodiscard]] Codec<std::string> parameter_names();
/// Field names of at most RequestFields::max_length characters, converted to lower case.
[[nodiscard]] Codec<std::string> field_names();
/// Names of cookies, which are case-sensitive.
[[nodiscard]] Codec<std::string> cookie_names();
/// Protocols that an Upgrade field may name (RFC 9110 7.8), in lower case, without version.
[[nodiscard]] Codec<std::string> protocols();
[[nodiscard]] Codec<Network> networks();
/// Names of JSON members, joined by dots.
[[nodiscard]] Codec<std::string> member_paths();
/// The path to the list in a JSON document: `data`, `workstreams.*`.
[[nodiscard]] Codec<std::string> item_places();
[[nodiscard]] Codec<std::string> file_paths();
/// A host with an optional port, as in a Host field.
[[nodiscard]] Codec<std::string> authorities();
/// At least 16 characters that need no escaping in a field.
[[nodiscard]] Codec<std::string> secrets();
/// Printable ASCII with spaces, not empty.
[[nodiscard]] Codec<std::string> lines(std::string name, const std::string& example);

template <class Value>
using Choices = std::vector<std::pair<std::string, Value>>;

template <class Value>
[[nodiscard]] Codec<Value> choices(Choices<Value> known) {
  Form form;
  form.kind = Form::Kind::choice;
  for (const auto& choice : known) form.words.push_back(choice.first);
  const Words words(form.words.begin(), form.words.end());
  form.name = joined(words);
  const auto read = [known, list = form.words](const std::string& text,
                                               std::string& error) -> std::optional<Value> {
    for (const auto& [word, value] : known) {
      if (text == word) return value;
    }
    error = in_quotes(text) + " is none of " + remedy_for_word(text, Words(list.begin(), list.end()));
    return std::nullopt;
  };
  const auto write = [known](const Value& value) {
    for (const auto& choice : known) {
      if (choice.second == value) return choice.first;
    }
    return std::string();
  };
  return {std::move(form), read, write};
}

}  // namespace larder::settings
