// Model: simdjson finds the structure and checks UTF-8 and the insides of strings for control characters, in
// one pass over the bytes. This walk then visits every value once, in the order of the document. On-Demand
// checks what it is asked for and nothing it skips, so nothing is skipped: a dropped value is walked as a
// kept one is, and its scalars are held against the grammar here (RFC 8259).
#include "lean/projector.hpp"

#include "lean/rule.hpp"

#include <simdjson.h>

#include <cstring>

namespace larder::lean {

namespace {

namespace od = simdjson::ondemand;
using Node = ProjectionRule::Node;
using Kind = Node::Kind;
using Failure = std::optional<ProjectionError>;

constexpr std::size_t most_kept = 4u << 20;  // bytes of buffer that a workspace keeps between documents

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// RFC 8259 6, of exactly this text.
bool is_number(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto digits = [&] {
    const auto first = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - first;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const bool zero = at < text.size() && text[at] == '0';
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// The text of a string token from its opening quote to its closing one, its escapes checked (RFC 8259 7);
// empty where it is malformed. simdjson has seen to it that the string ends, and to its bytes.
std::string_view string_token(const char* open, const char* limit) noexcept {
  const char* at = open + 1;
  for (;;) {
    while (at < limit && *at != '"' && *at != '\\') ++at;
    if (at >= limit) return {};
    if (*at == '"') return {open, static_cast<std::size_t>(at + 1 - open)};
    ++at;
    if (at >= limit) return {};
    switch (*at) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        ++at;
        break;
      case 'u':
        if (limit - at < 5 || !is_hex(at[1]) || !is_hex(at[2]) || !is_hex(at[3]) || !is_hex(at[4])) return {};
        at += 5;
        break;
      default:
        return {};
    }
  }
}

std::string_view without_space_behind(std::string_view token) noexcept {
  const auto last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

class Walk {
 public:
  Walk(const char* limit, std::size_t depth, std::string& out) : limit_(limit), depth_(depth), out_(out) {}

  Failure document(od::document& document, const Node& root) {
    od::json_type type;
    if (document.type().get(type)) return ProjectionError::not_json;
    if (type == od::json_type::array) {
      od::array list;
      if (document.get_array().get(list)) return ProjectionError::not_json;
      if (root.kind != Kind::item) return ProjectionError::wrong_shape;
      return items(list, root, depth_);
    }
    if (type != od::json_type::object) return ProjectionError::wrong_shape;
    od::object object;
    if (document.get_object().get(object)) return ProjectionError::not_json;
    return members(object, root, depth_);
  }

 private:
  // A value that a rule's node stands for.
  Failure project(od::value value, const Node& node, std::size_t depth) {
    if (node.kind == Kind::whole) return copy(value, depth);
    if (depth == 0) return ProjectionError::too_deep;
    od::json_type type;
    if (value.type().get(type)) return ProjectionError::not_json;
    if (type == od::json_type::array) {
      od::array list;
      if (value.get_array().get(list)) return ProjectionError::not_json;
      if (node.kind != Kind::item) return ProjectionError::wrong_shape;
      return nested_ == 0 ? items(list, node, depth) : inner_items(list, node, depth);
    }
    if (type == od::json_type::object) {
      od::object object;
      if (value.get_object().get(object)) return ProjectionError::not_json;
      return members(object, node, depth);
    }
    // `domain: null` where domain.slug is kept: there is nothing inside to choose from. But a list's item is
    // an object.
    if (nested_ == 0) return ProjectionError::wrong_shape;
    return copy(value, depth);
  }

  // The list of items: objects, every one.
  Failure items(od::array list, const Node& node, std::size_t depth) {
    if (depth == 0) return ProjectionError::too_deep;
    out_ += '[';
    bool first = true;
    for (auto element : list) {
      od::value value;
      if (element.get(value)) return ProjectionError::not_json;
      od::json_type type;
      if (value.type().get(type)) return ProjectionError::not_json;
      if (type != od::json_type::object) return shape_or_syntax(value, depth);
      od::object object;
      if (value.get_object().get(object)) return ProjectionError::not_json;
      if (!first) out_ += ',';
      first = false;
      if (auto failed = members(object, node, depth - 1)) return failed;
    }
    out_ += ']';
    return std::nullopt;
  }

  // An array inside an item: its objects are projected, anything else in it is copied.
  Failure inner_items(od::array list, const Node& node, std::size_t depth) {
    out_ += '[';
    bool first = true;
    for (auto element : list) {
      od::value value;
      if (element.get(value)) return ProjectionError::not_json;
      if (!first) out_ += ',';
      first = false;
      if (auto failed = project(value, node, depth - 1)) return failed;
    }
    out_ += ']';
    return std::nullopt;
  }

  Failure shape_or_syntax(od::value value, std::size_t depth) {
    const auto failed = check(value, depth);
    return failed ? failed : ProjectionError::wrong_shape;
  }

  Failure members(od::object object, const Node& node, std::size_t depth) {
    if (depth == 0) return ProjectionError::too_deep;
    out_ += '{';
    bool first = true;
    bool found = false;
    for (auto entry : object) {
      od::field field;
      if (std::move(entry).get(field)) return ProjectionError::not_json;
      const auto key = string_token(field.key().raw() - 1, limit_);
      if (key.empty()) return ProjectionError::not_json;
      const Node* kept = child_of(node, key);
      found = found || kept != nullptr;
      // On the way to the items the other members of an envelope stay.
      if (kept == nullptr && node.kind == Kind::item) {
        if (auto failed = check(field.value(), depth - 1)) return failed;
        continue;
      }
      if (!first) out_ += ',';
      first = false;
      out_.append(key) += ':';
      if (kept == nullptr) {
        if (auto failed = copy(field.value(), depth - 1)) return failed;
        continue;
      }
      const bool inside = node.kind == Kind::item;
      nested_ += inside ? 1 : 0;
      auto failed = project(field.value(), *kept, depth - 1);
      nested_ -= inside ? 1 : 0;
      if (failed) return failed;
    }
    out_ += '}';
    if (node.kind == Kind::path && !found) return ProjectionError::wrong_shape;
    return std::nullopt;
  }

  const Node* child_of(const Node& node, std::string_view key) {
    if (node.kind == Kind::every) return node.children.front().node.get();
    auto name = key.substr(1, key.size() - 2);
    if (name.find('\\') != std::string_view::npos) name = unescape(name);
    return node.child(name);
  }

  // Of an inside that string_token has checked. A surrogate that stands alone matches no configured name,
  // whatever it becomes.
  std::string_view unescape(std::string_view text) {
    name_.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '\\') {
        name_ += text[i];
        continue;
      }
      switch (text[++i]) {
        case 'b':
          name_ += '\b';
          break;
        case 'f':
          name_ += '\f';
          break;
        case 'n':
          name_ += '\n';
          break;
        case 'r':
          name_ += '\r';
          break;
        case 't':
          name_ += '\t';
          break;
        case 'u': {
          auto code = hex(text.substr(i + 1, 4));
          i += 4;
          const auto rest = text.substr(i + 1);
          if (code >= 0xD800 && code < 0xDC00 && rest.starts_with("\\u")) {
            const auto low = hex(rest.substr(2, 4));
            if (low >= 0xDC00 && low < 0xE000) {
              code = 0x10000 + ((code - 0xD800) << 10u) + (low - 0xDC00);
              i += 6;
            }
          }
          append_utf8(code);
          break;
        }
        default:
          name_ += text[i];
      }
    }
    return name_;
  }

  static std::uint32_t hex(std::string_view digits) noexcept {
    std::uint32_t value = 0;
    for (const char c : digits) {
      value = value * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
  }

  void append_utf8(std::uint32_t code) {
    const auto add = [&](std::uint32_t byte) { name_ += static_cast<char>(byte); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xC0u | (code >> 6u));
      add(0x80u | (code & 0x3Fu));
    } else if (code < 0x10000) {
      add(0xE0u | (code >> 12u));
      add(0x80u | ((code >> 6u) & 0x3Fu));
      add(0x80u | (code & 0x3Fu));
    } else {
      add(0xF0u | (code >> 18u));
      add(0x80u | ((code >> 12u) & 0x3Fu));
      add(0x80u | ((code >> 6u) & 0x3Fu));
      add(0x80u | (code & 0x3Fu));
    }
  }

  // Copies a value's source bytes, from its first to its last, having checked them.
  Failure copy(od::value value, std::size_t depth) {
    od::json_type type;
    if (value.type().get(type)) return ProjectionError::not_json;
    if (type == od::json_type::array) {
      od::array list;
      std::string_view raw;
      if (value.get_array().get(list) || list.raw_json().get(raw)) return ProjectionError::not_json;
      out_ += without_space_behind(raw);
      bool some = false;
      if (list.reset().get(some)) return ProjectionError::not_json;
      return check_list(list, depth);
    }
    if (type == od::json_type::object) {
      od::object object;
      std::string_view raw;
      if (value.get_object().get(object) || object.raw_json().get(raw)) return ProjectionError::not_json;
      out_ += without_space_behind(raw);
      bool some = false;
      if (object.reset().get(some)) return ProjectionError::not_json;
      return check_members(object, depth);
    }
    std::string_view token;
    if (auto failed = check_scalar(value, token)) return failed;
    out_ += token;
    return std::nullopt;
  }

  Failure check(od::value value, std::size_t depth) {
    od::json_type type;
    if (value.type().get(type)) return ProjectionError::not_json;
    if (type == od::json_type::array) {
      od::array list;
      if (value.get_array().get(list)) return ProjectionError::not_json;
      return check_list(list, depth);
    }
    if (type == od::json_type::object) {
      od::object object;
      if (value.get_object().get(object)) return ProjectionError::not_json;
      return check_members(object, depth);
    }
    std::string_view token;
    return check_scalar(value, token);
  }

  Failure check_list(od::array list, std::size_t depth) {
    if (depth == 0) return ProjectionError::too_deep;
    for (auto element : list) {
      od::value value;
      if (element.get(value)) return ProjectionError::not_json;
      if (auto failed = check(value, depth - 1)) return failed;
    }
    return std::nullopt;
  }

  Failure check_members(od::object object, std::size_t depth) {
    if (depth == 0) return ProjectionError::too_deep;
    for (auto entry : object) {
      od::field field;
      if (std::move(entry).get(field)) return ProjectionError::not_json;
      if (string_token(field.key().raw() - 1, limit_).empty()) return ProjectionError::not_json;
      if (auto failed = check(field.value(), depth - 1)) return failed;
    }
    return std::nullopt;
  }

  // `token`: the scalar's source bytes. The iteration that it was met in goes on behind it.
  Failure check_scalar(od::value value, std::string_view& token) {
    const auto raw = value.raw_json_token();
    if (raw.empty()) return ProjectionError::not_json;
    bool good = false;
    if (raw.front() == '"') {
      token = string_token(raw.data(), limit_);
      good = !token.empty() && without_space_behind(raw) == token;
    } else {
      token = without_space_behind(raw);
      good = token == "true" || token == "false" || token == "null" || is_number(token);
    }
    if (!good) return ProjectionError::not_json;
    return std::nullopt;
  }

  const char* limit_;
  std::size_t depth_;
  std::string& out_;
  std::string name_;
  int nested_ = 0;  // inside an item
};

}  // namespace

struct Workspace::Impl {
  od::parser parser;
  std::string bytes;  // the document with simdjson's padding behind it
};

Workspace::Workspace() : impl_(std::make_unique<Impl>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

std::string_view describe(ProjectionError error) noexcept {
  switch (error) {
    case ProjectionError::not_json:
      return "it is not well-formed JSON";
    case ProjectionError::wrong_shape:
      return "it has no list of objects where the rule says";
    case ProjectionError::too_deep:
      return "it is nested too deeply";
    case ProjectionError::too_large:
      return "it is too large";
  }
  return "";
}

Failure project(std::string_view json, const ProjectionRule& rule, const ProjectionLimits& limits,
                Workspace& workspace, std::string& out) {
  out.clear();
  if (json.size() > limits.bytes) return ProjectionError::too_large;
  if (json.starts_with("\xEF\xBB\xBF")) return ProjectionError::not_json;  // RFC 8259 8.1
  auto& [parser, bytes] = workspace.impl();
  bytes.assign(json);
  bytes.append(simdjson::SIMDJSON_PADDING, ' ');

  Failure failed = ProjectionError::not_json;
  od::document document;
  if (!parser.iterate(bytes.data(), json.size(), bytes.size()).get(document)) {
    Walk walk(bytes.data() + json.size(), limits.depth, out);
    failed = walk.document(document, rule.root());
    // Behind the value there is nothing but the end.
    if (!failed && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      failed = ProjectionError::not_json;
  }
  if (failed) out.clear();
  if (bytes.capacity() > most_kept) workspace = Workspace();
  return failed;
}

}  // namespace larder::lean
