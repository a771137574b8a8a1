#include "upstream/call.hpp"

#include <array>
#include <cstring>

namespace larder::upstream {

using Kind = http::Framing::Kind;

namespace {

constexpr int max_interim = 512;  // interim responses to one request

}  // namespace

Call::~Call() {
  release();
}

void Call::release() noexcept {
  auto& loop = pool_.loop();
  if (buffer_) loop.buffers().release(std::move(buffer_));
  if (!connection_) return;
  const bool reusable =
      request_complete_ && answer_complete_ && head_.keep_alive && begin_ == end_ && head_.status != 101;
  if (reusable) pool_.release(std::move(connection_));
}

void Call::cancel() noexcept {
  cancelled_ = true;
  if (!connection_) return;
  connection_->transport().cancel();
}

Task<std::optional<Failure>> Call::open(bool fresh) {
  auto acquired = co_await pool_.acquire(fresh, claim_);
  if (auto* failed = std::get_if<Failure>(&acquired)) {
    pool_.failed(*failed, claim_.target);
    if (failed->kind != FailureKind::breaker_open && failed->kind != FailureKind::shutting_down)
      pool_.log().note(*failed, path_, pool_.loop().now().mono);
    co_return std::move(*failed);
  }
  connection_ = std::move(std::get<std::unique_ptr<Connection>>(acquired));
  reused_ = connection_->is_reused();
  any_byte_ = false;
  pool_.loop().counters().upstream_requests.add();
  if (pool_.log().is_tracing())
    pool_.log().trace("API request for " + path_ + " on a " + (reused_ ? "pooled" : "new") + " connection");
  co_return std::nullopt;
}

Failure Call::failure(FailureKind late, FailureKind otherwise, const Error& error) {
  if (pool_.is_forced()) return {FailureKind::shutting_down, {}, {}};
  Failure failed{otherwise, {}, error == asio::error::eof ? std::string() : error.message()};
  if (connection_ && connection_->deadline().expired()) {
    failed = {late, {}, {}};
    timed_out_ = true;
  }
  // Not reported if an idle connection was closed or the client left, as neither indicates a failure of the
  // API.
  if (cancelled_ || may_retry()) return failed;
  // The end of a connection is also the regular end of a body without other framing.
  if (at_end_of_file_ && answered_ && head_.framing.kind == Kind::until_close) return failed;
  if (!answered_) pool_.failed(failed, claim_.target);
  pool_.log().note(failed, path_, pool_.loop().now().mono);
  return failed;
}

Failure Call::bad_answer(std::optional<http::Refusal> refusal, const char* why) {
  Failure failed{FailureKind::bad_answer, refusal, why};
  pool_.log().note(failed, path_, pool_.loop().now().mono);
  return failed;
}

Task<std::optional<Failure>> Call::write(std::string_view bytes) {
  auto& transport = connection_->transport();
  while (!bytes.empty()) {
    const std::array<asio::const_buffer, 1> piece{asio::buffer(bytes)};
    const auto io = transport.write_some(piece);
    bytes.remove_prefix(io.bytes);
    if (bytes.empty()) break;
    if (io.state == Io::State::failed)
      co_return failure(FailureKind::idle_timeout, FailureKind::write_failed, io.error());
    if (cancelled_)
      co_return failure(FailureKind::idle_timeout, FailureKind::write_failed, asio::error::operation_aborted);
    connection_->deadline().set(pool_.settings().idle_timeout);
    if (const auto error = co_await transport.wait(io))
      co_return failure(FailureKind::idle_timeout, FailureKind::write_failed, error);
    connection_->deadline().clear();
  }
  co_return std::nullopt;
}

void Call::request_complete() noexcept {
  request_complete_ = true;
  if (waits_for_answer_) connection_->deadline().set(pool_.settings().first_byte_timeout);
}

// Reads once, appending to the buffer.
Task<std::optional<Failure>> Call::fill_buffer(Millis timeout, FailureKind late, FailureKind closed,
                                               std::optional<Millis> silence) {
  auto& transport = connection_->transport();
  if (!buffer_) buffer_ = pool_.loop().buffers().acquire();
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  for (;;) {
    const auto io = transport.read_some({buffer_.data() + end_, buffer_.size() - end_});
    if (io.bytes > 0) {
      end_ += io.bytes;
      any_byte_ = true;
      if (request_complete_) connection_->deadline().clear();
      co_return std::nullopt;
    }
    if (!io.must_wait()) {
      at_end_of_file_ = io.state == Io::State::end;
      co_return failure(late, closed, at_end_of_file_ ? Error(asio::error::eof) : io.error());
    }
    if (cancelled_) co_return failure(late, closed, asio::error::operation_aborted);
    const bool may_be_silent = request_complete_ && silence && *silence < timeout;
    if (request_complete_) connection_->deadline().set(may_be_silent ? *silence : timeout);
    waits_for_answer_ = true;
    const auto error = co_await transport.wait(io);
    waits_for_answer_ = false;
    if (error && may_be_silent && !cancelled_ && connection_->deadline().expired()) {
      connection_->deadline().clear();
      is_silent_ = true;
      co_return std::nullopt;
    }
    if (error) co_return failure(late, closed, error);
  }
}

Task<std::optional<Failure>> Call::read_head(http::Method method, bool may_switch) {
  method_ = method;
  for (;;) {
    const std::string_view unread(buffer_.data() + begin_, end_ - begin_);
    if (!unread.empty()) {
      auto result = http::read_response(unread, limits_, method, head_);
      if (result.state == http::GateResult::State::refused) {
        co_return bad_answer(result.refusal, "");
      }
      if (result.state == http::GateResult::State::complete) {
        // The head is copied, as the body is read into the same buffer.
        head_bytes_.assign(unread.substr(0, result.head_size));
        begin_ += result.head_size;
        result = http::read_response(head_bytes_, limits_, method, head_);
        remaining_ = head_.framing.length;
        if (head_.status == 101 && !may_switch) {
          co_return bad_answer({}, "it switches to a protocol that was not requested");
        }
        if (is_interim() && ++interim_count_ > max_interim) {
          co_return bad_answer({}, "too many interim responses");
        }
        answer_complete_ = !is_interim() && head_.framing.kind == Kind::none;
        if (!is_interim()) {
          answered_ = true;
          pool_.responded(head_.status, claim_.target);
          if (pool_.log().is_tracing())
            pool_.log().trace("API response for " + path_ + ": status " + std::to_string(head_.status));
        }
        co_return std::nullopt;
      }
    }
    const auto& settings = pool_.settings();
    const bool begun = !unread.empty();
    auto failed = co_await fill_buffer(begun ? settings.idle_timeout : settings.first_byte_timeout,
                                       begun ? FailureKind::idle_timeout : FailureKind::first_byte_timeout,
                                       begun ? FailureKind::closed_in_body : FailureKind::closed_early);
    if (failed) co_return failed;
  }
}

std::shared_ptr<const OwnedHead> Call::copy_head() const {
  auto copy = std::make_shared<OwnedHead>();
  copy->bytes = head_bytes_;
  (void)http::read_response(copy->bytes, limits_, method_, copy->head);
  return copy;
}

Task<Call::Piece> Call::read_body(std::optional<Millis> silence) {
  for (;;) {
    if (answer_complete_) co_return Piece{{}, true, false, std::nullopt};
    const std::string_view unread(buffer_.data() + begin_, end_ - begin_);
    if (!unread.empty()) {
      switch (head_.framing.kind) {
        case Kind::none:
          break;
        case Kind::length: {
          const auto data =
              unread.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, unread.size())));
          begin_ += data.size();
          remaining_ -= data.size();
          answer_complete_ = remaining_ == 0;
          co_return Piece{data, answer_complete_, false, std::nullopt};
        }
        case Kind::until_close:
          begin_ = end_;
          co_return Piece{unread, false, false, std::nullopt};
        case Kind::chunked: {
          const auto step = chunked_.feed(unread);
          begin_ += step.consumed;
          if (step.state == http::ChunkedReader::Step::State::refused) {
            co_return Piece{{}, false, false, bad_answer(step.refusal, "")};
          }
          answer_complete_ = step.state == http::ChunkedReader::Step::State::done;
          if (!step.data.empty() || answer_complete_)
            co_return Piece{step.data, answer_complete_, false, std::nullopt};
          continue;
        }
      }
    }
    if (head_.framing.kind == Kind::length && remaining_ == 0) {
      answer_complete_ = true;
      continue;
    }
    auto failed = co_await fill_buffer(pool_.settings().idle_timeout, FailureKind::idle_timeout,
                                       FailureKind::closed_in_body, silence);
    if (std::exchange(is_silent_, false)) co_return Piece{{}, false, true, std::nullopt};
    if (failed) {
      // RFC 9112 6.3: a body without other framing is complete only at a clean end of the connection.
      if (head_.framing.kind == Kind::until_close && at_end_of_file_) {
        answer_complete_ = true;
        head_.keep_alive = false;
        continue;
      }
      co_return Piece{{}, false, false, std::move(failed)};
    }
  }
}

}  // namespace larder::upstream
