// simdjson finds the tokens and validates the bytes (structure.hpp). A Reader then passes every token once,
// in the order of the document, and checks the grammar, whether or not the token is kept. What is kept
// consists of bytes of the source, including commas and brackets: the output is a list of ranges of the
// source, and adjacent ranges are merged.
#include "projection/projector.hpp"

#include "projection/grammar.hpp"
#include "projection/reader.hpp"
#include "projection/rule.hpp"
#include "projection/structure.hpp"

#include <algorithm>

namespace larder::projection {

namespace {

using Node = ProjectionRule::Node;
using Kind = Node::Kind;

constexpr std::size_t max_kept =
    4u << 20;  // maximum bytes of a buffer that a workspace keeps between documents

// Collects the ranges of the document to keep, and copies them in batches.
class Output {
 public:
  Output(std::string_view document, std::vector<std::string_view>& ranges, std::string& out)
      : document_(document), ranges_(ranges), out_(out), begin_(document.data()), end_(begin_) {
    ranges_.clear();
    out_.clear();
  }

  void take(const char* begin, const char* end) {
    if (begin != end_) {
      add_range();
      begin_ = begin;
    }
    end_ = end;
  }

  // The output may be stored, so it should not occupy much more memory than its size.
  void finish() {
    add_range();
    copy();
    if (out_.capacity() - out_.size() > out_.size() / 8) out_.shrink_to_fit();
  }

 private:
  static constexpr std::size_t batch = 4096;

  void add_range() {
    ranges_.emplace_back(begin_, static_cast<std::size_t>(end_ - begin_));
    size_ += ranges_.back().size();
    if (ranges_.size() == batch) copy();
  }

  void copy() {
    // Reserves space for the whole output, assuming that the rest of the document is like the part already
    // read.
    if (size_ > out_.capacity()) {
      const double read =
          static_cast<double>(end_ - document_.data()) / static_cast<double>(document_.size());
      const auto guess = static_cast<std::size_t>(static_cast<double>(size_) / read * 1.05);
      out_.reserve(std::clamp(guess, size_, document_.size()));
    }
    for (const auto range : ranges_) out_ += range;
    ranges_.clear();
  }

  std::string_view document_;
  std::vector<std::string_view>& ranges_;  // not yet copied
  std::string& out_;
  std::size_t size_ = 0;  // total size of all ranges
  const char* begin_;     // the last range, which may still grow
  const char* end_;
};

// An open container on the way to what is kept.
struct Frame {
  const Node* node;
  bool object;
  bool fresh = true;   // nothing in it has been read
  bool bare = true;    // nothing in it has been kept
  bool found = false;  // the child of a `path` node was found
};

class Projection {
 public:
  Projection(Reader& reader, std::vector<Frame>& frames, std::string& name, Output& out)
      : reader_(reader), frames_(frames), name_(name), out_(out) {
    frames_.clear();
  }

  // True if the document is well-formed to its end; it may still have the wrong shape.
  bool run(const Node& root) {
    Token at = reader_.start();
    if (at != nullptr) at = value(at, root, false);
    while (at != nullptr && !frames_.empty()) {
      auto& frame = frames_.back();
      at = frame.object ? members(at, frame) : elements(at, frame);
    }
    return at != nullptr && reader_.is_end(at);
  }
  [[nodiscard]] bool misshapen() const noexcept { return misshapen_; }
  /// Items have members, and none of these is kept: the rule is not made for this document.
  [[nodiscard]] bool keeps_nothing() const noexcept { return has_members_ && !has_kept_; }

 private:
  // Copies a value, or opens a container. `listed`: it is an element of a list.
  Token value(Token at, const Node& node, bool listed) {
    const bool object = *reader_.text(at) == '{';
    const bool list = *reader_.text(at) == '[';
    switch (node.kind) {
      case Kind::whole:
        has_kept_ = true;
        return copy(at);
      case Kind::within:
      case Kind::without:
        if (object || list) return open(at, node, object);
        has_kept_ = true;
        return copy(at);
      case Kind::items:
        return object || (list && !listed) ? open(at, node, object) : pass_misshapen(at);
      case Kind::path:
      case Kind::every:
        return object ? open(at, node, object) : pass_misshapen(at);
      case Kind::dropped:
        break;  // members() has skipped it
    }
    return nullptr;
  }

  Token copy(Token at) {
    const char* begin = reader_.text(at);
    at = reader_.skip(at, frames_.size());
    if (at != nullptr) out_.take(begin, reader_.end_before(at));
    return at;
  }

  // Reading continues: wrong_shape is reported only for a well-formed document.
  Token pass_misshapen(Token at) {
    misshapen_ = true;
    return reader_.skip(at, frames_.size());
  }

  Token open(Token at, const Node& node, bool object) {
    if (!reader_.may_open(frames_.size())) return nullptr;
    frames_.push_back({&node, object});
    return take(at);
  }

  // Continues with the members of the innermost container, an object, until it ends or a container is opened.
  Token members(Token at, Frame& frame) {
    const Node& node = *frame.node;
    const auto depth = frames_.size();
    for (;;) {
      const char* comma = nullptr;
      at = next(at, frame, '}', comma);
      if (comma == nullptr) return at;
      if (!reader_.is_key(at)) return nullptr;
      const char* key = reader_.text(at);
      const char* key_end = reader_.end_before(++at);
      const Node* child = child_of(node, {key + 1, key_end - 1});
      const bool goes = child == nullptr ? node.kind != Kind::path && node.kind != Kind::without
                                         : child->kind == Kind::dropped;
      if (goes) {
        at = reader_.skip(at + 1, depth);
        if (at == nullptr) return nullptr;
        continue;
      }
      frame.found = frame.found || child != nullptr;
      take_comma(frame, comma);
      out_.take(key, key_end);
      at = take(at);
      at = child == nullptr ? copy(at) : value(at, *child, false);
      if (at == nullptr || frames_.size() != depth) return at;
    }
  }

  // Continues with the elements of the innermost container, a list, likewise.
  Token elements(Token at, Frame& frame) {
    const auto depth = frames_.size();
    for (;;) {
      const char* comma = nullptr;
      at = next(at, frame, ']', comma);
      if (comma == nullptr) return at;
      take_comma(frame, comma);
      at = value(at, *frame.node, true);
      if (at == nullptr || frames_.size() != depth) return at;
    }
  }

  // Advances to the next member or element, past the comma before it (stored in `comma`) unless it is the
  // first. `comma` stays nullptr if there is no comma: the container was closed, or the token is unexpected.
  Token next(Token at, Frame& frame, char end, const char*& comma) {
    at = reader_.go_on(at);
    if (at == nullptr) return nullptr;
    const char* here = reader_.text(at);
    if (*here == end) {
      if (frame.node->kind == Kind::path && !frame.found) misshapen_ = true;
      if (frame.node->kind == Kind::items && frame.object) {
        has_members_ = has_members_ || !frame.fresh;
        has_kept_ = has_kept_ || frame.node->children.empty();
      }
      // Nothing was removed from an empty member.
      if (frame.node->kind == Kind::within && frame.fresh) has_kept_ = true;
      frames_.pop_back();
      return take(at);
    }
    if (!frame.fresh) {
      if (*here != ',') return nullptr;
      ++at;
    }
    frame.fresh = false;
    comma = here;
    return at;
  }

  const Node* child_of(const Node& node, std::string_view key) {
    if (node.kind == Kind::every) return node.children.front().node.get();
    if (!reader_.has_escapes() || key.find('\\') == std::string_view::npos) return node.child(key);
    unescape(key, name_);
    return node.child(name_);
  }

  void take_comma(Frame& frame, const char* comma) {
    if (!frame.bare) out_.take(comma, comma + 1);
    frame.bare = false;
  }

  // Copies a token of one byte.
  Token take(Token at) {
    out_.take(reader_.text(at), reader_.text(at) + 1);
    return at + 1;
  }

  Reader& reader_;
  std::vector<Frame>& frames_;
  std::string& name_;
  Output& out_;
  bool misshapen_ = false;
  // Of the items:
  bool has_members_ = false;
  bool has_kept_ = false;
};

}  // namespace

struct Workspace::Impl {
  Structure structure;
  std::vector<Frame> frames;
  std::string name;                      // unescaped name of a member
  std::vector<std::string_view> ranges;  // ranges to keep; at most one batch

  std::optional<ProjectionError> project(std::string_view json, const Node& root,
                                         const ProjectionLimits& limits, std::string& out);
  void shrink();
};

std::optional<ProjectionError> Workspace::Impl::project(std::string_view json, const Node& root,
                                                        const ProjectionLimits& limits, std::string& out) {
  Reader reader(json, structure, limits);
  Output output(json, ranges, out);
  Projection projection(reader, frames, name, output);
  if (!projection.run(root)) return reader.error();
  if (projection.misshapen()) return ProjectionError::wrong_shape;
  if (projection.keeps_nothing() && !limits.may_keep_nothing) return ProjectionError::nothing_kept;
  output.finish();
  return std::nullopt;
}

void Workspace::Impl::shrink() {
  structure.shrink();
  if (frames.capacity() * sizeof(Frame) > max_kept) std::vector<Frame>().swap(frames);
  if (name.capacity() > max_kept) std::string().swap(name);
}

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
    case ProjectionError::nothing_kept:
      return "no item has a member that `fields` names";
    case ProjectionError::too_deep:
      return "it is nested too deeply";
    case ProjectionError::too_large:
      return "it is too large";
  }
  return "";
}

std::optional<ProjectionError> project(std::string_view json, const ProjectionRule& rule,
                                       const ProjectionLimits& limits, Workspace& workspace,
                                       std::string& out) {
  out.clear();
  if (json.size() > limits.bytes) return ProjectionError::too_large;
  auto& impl = workspace.impl();
  const auto failed = impl.project(json, rule.root(), limits, out);
  if (failed) out.clear();
  impl.shrink();
  return failed;
}

}  // namespace larder::projection
