// JSON projection: the members that a route's readers use, copied byte for byte, and nothing else.
//
// Pure: bytes in, bytes out. The whole document is validated (RFC 8259), also what is dropped. simdjson finds
// its structure; the index of it and the output's buffer live in a Workspace that a caller reuses and never
// shares between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace larder::projection {

/// Why a document was not projected. It then passes whole, as it came.
enum class ProjectionError : std::uint8_t {
  not_json,     // malformed anywhere, not UTF-8, or bytes after the end
  wrong_shape,  // well-formed, but no list, no objects where the rule says they are
  too_deep,     // more containers one in another than the bound; behind the first of these nothing was read
  too_large,    // more bytes or members than the bound, or than there is memory for
};
[[nodiscard]] std::string_view describe(ProjectionError error) noexcept;

struct ProjectionLimits {
  std::size_t depth = 64;
  std::size_t bytes = 256u << 20;
  std::size_t members = 10'000'000;  // of all objects together; an element of a list counts as one
};

/// What to keep, compiled once from a route's `fields` and `items`.
class ProjectionRule {
 public:
  /// `fields`: dotted paths, `slug`, `domain.slug`, `tasks.id` (through arrays). `items`: empty for a list
  /// (or one object) at the top level, `data` for a member of an envelope whose other members stay,
  /// `workstreams.*` for every member of an object. nullopt and a sentence in `error` where one is malformed
  /// (empty segment, `*` elsewhere).
  [[nodiscard]] static std::optional<ProjectionRule> compile(const std::vector<std::string>& fields,
                                                             std::string_view items, std::string& error);
  /// The other way round: everything stays but the members named, dotted paths from the top of the document,
  /// through lists. Any document will do.
  [[nodiscard]] static std::optional<ProjectionRule> compile_without(const std::vector<std::string>& members,
                                                                     std::string& error);
  ~ProjectionRule();
  ProjectionRule(const ProjectionRule&);
  ProjectionRule& operator=(const ProjectionRule&);
  ProjectionRule(ProjectionRule&&) noexcept;
  ProjectionRule& operator=(ProjectionRule&&) noexcept;

  struct Node;  // a tree of kept names
  [[nodiscard]] const Node& root() const noexcept { return *root_; }

 private:
  ProjectionRule();
  std::shared_ptr<const Node> root_;  // immutable: copies of a rule share it
};

/// A parser and its buffers; not thread-safe, one for each thread that projects.
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

/// Writes the projected document to `out` (replacing its content). On an error `out` is empty.
[[nodiscard]] std::optional<ProjectionError> project(std::string_view json, const ProjectionRule& rule,
                                                     const ProjectionLimits& limits, Workspace& workspace,
                                                     std::string& out);

/// True for `application/json`, `text/json` and `*/*+json`, with any parameters (RFC 9110 8.3.1, RFC 6839).
[[nodiscard]] bool is_json_type(std::string_view content_type) noexcept;

}  // namespace larder::projection
