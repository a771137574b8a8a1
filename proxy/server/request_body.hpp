// A request's body: its beginning can be read before it is needed, and is then given out first.
#pragma once

#include "cache/body_budget.hpp"
#include "server/stream.hpp"

#include <optional>
#include <string>

namespace larder::server {

class RequestBody {
 public:
  /// What is read ahead is charged to `budget`, of which there is `max`. The references outlive this.
  RequestBody(Stream& stream, cache::BodyBudget& budget, std::size_t max)
      : stream_(stream), share_(budget, max) {}

  /// Reads up to `size` bytes, or what comes within `time`, or to the end, or what the budget allows.
  [[nodiscard]] Task<void> read_ahead(std::size_t size, Millis time);
  /// Whether the end has been read.
  [[nodiscard]] bool is_complete() const noexcept {
    return last_ && last_->state == Stream::Piece::State::end;
  }
  /// How the body ended if it ended early: a piece that is `refused` or `gone`; nullptr = it has not.
  [[nodiscard]] const Stream::Piece* broken() const noexcept {
    return last_ && !is_complete() ? &*last_ : nullptr;
  }
  /// The next piece, as Stream::read_body. Its data is valid until the next call.
  [[nodiscard]] Task<Stream::Piece> next(Millis timeout);

 private:
  Stream& stream_;
  cache::BodyShare share_;
  std::string ahead_;
  bool is_given_ = false;              // `ahead_` has been given out
  std::optional<Stream::Piece> last_;  // behind `ahead_`: the end of the body, in one way or another
};

}  // namespace larder::server
