#include "server/request_body.hpp"

namespace larder::server {

Task<void> RequestBody::read_ahead(std::size_t size, Millis time) {
  using State = Stream::Piece::State;
  const auto until = std::chrono::steady_clock::now() + time;
  while (ahead_.size() < size) {
    const auto left = std::chrono::ceil<Millis>(until - std::chrono::steady_clock::now());
    if (left <= Millis{0}) co_return;
    const auto piece = co_await stream_.read_body(left);
    if (piece.state == State::late) co_return;
    if (piece.state != State::some) {
      last_ = piece;
      co_return;
    }
    ahead_.append(piece.data);  // at most a buffer of the loop's, even without room for more
    if (!share_.grow_to(ahead_.capacity())) co_return;
  }
}

Task<Stream::Piece> RequestBody::next(Millis timeout) {
  if (!is_given_ && !ahead_.empty()) {
    is_given_ = true;
    co_return Stream::Piece{Stream::Piece::State::some, ahead_, {}};
  }
  if (last_) co_return *last_;
  if (!ahead_.empty()) ahead_ = std::string();
  co_return co_await stream_.read_body(timeout);
}

}  // namespace larder::server
