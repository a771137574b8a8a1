// JSON projection: reduces a document to the members that a route's `fields` name, by copying bytes.
//
// Pure functions. The whole document is validated (RFC 8259), including what is not copied. simdjson finds
// the structure; its index and the output buffer are in a Workspace, which a caller reuses and must not share
// between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::projection {

/// Why a document was not projected. The response is then sent unchanged.
enum class ProjectionError : std::uint8_t {
  not_json,      // malformed, not UTF-8, or followed by further bytes
  wrong_shape,   // well-formed, but without a list or objects where the rule requires them
  nothing_kept,  // well-formed, and some item has members, but no item has any that the rule keeps
  too_deep,      // containers are nested more deeply than the limit; the document was read up to there only
  too_large,     // more bytes or members than the limit, or out of memory
};
[[nodiscard]] std::string_view describe(ProjectionError error) noexcept;

struct ProjectionLimits {
  std::size_t depth = 64;
  std::size_t bytes = 256u << 20;
  std::size_t members = 10'000'000;  // of all objects together; an element of a list counts as one
  bool may_keep_nothing = false;     // then there is no ProjectionError::nothing_kept
};

/// The members to keep, compiled from a route's `fields` and `items`.
class ProjectionRule {
 public:
  /// Compiles a rule. `fields` are dotted paths: `slug`, `domain.slug`, `tasks.id` (through lists). `items`
  /// is empty for a list (or one object) at the top level, `data` for a member of an envelope whose other
  /// members are kept, or `workstreams.*` for every member of an object. nullopt and a message in `error` if
  /// a path is malformed (empty segment, `*` elsewhere).
  [[nodiscard]] static std::optional<ProjectionRule> compile(const std::vector<std::string>& fields,
                                                             std::string_view items, std::string& error);
  /// Compiles the opposite rule: everything is kept except the named members, which are dotted paths from the
  /// top of the document, through lists. Applies to any document.
  [[nodiscard]] static std::optional<ProjectionRule> compile_without(const std::vector<std::string>& members,
                                                                     std::string& error);
  ~ProjectionRule();
  ProjectionRule(const ProjectionRule&);
  ProjectionRule& operator=(const ProjectionRule&);
  ProjectionRule(ProjectionRule&&) noexcept;
  ProjectionRule& operator=(ProjectionRule&&) noexcept;

  struct Node;  // node of a tree of names
  [[nodiscard]] const Node& root() const noexcept { return *root_; }

 private:
  ProjectionRule();
  std::shared_ptr<const Node> root_;  // immutable; shared by copies of the rule
};

/// A parser with its buffers. Not thread-safe; use one per thread.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Replaces `out` by the projected document. On an error `out` is empty.
[[nodiscard]] std::optional<ProjectionError> project(std::string_view json, const ProjectionRule& rule,
                                                     const ProjectionLimits& limits, Workspace& workspace,
                                                     std::string& out);

/// Whether the media type is `application/json`, `text/json` or `*/*+json`, with any parameters (RFC 9110
/// 8.3.1, RFC 6839).
[[nodiscard]] bool is_json_type(std::string_view content_type) noexcept;

}  // namespace larder::projection
