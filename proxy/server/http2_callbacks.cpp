// What nghttp2 calls while it reads and writes. Nothing here enters it again, and exceptions do not leave.
#include "server/http2_connection.hpp"

#include <new>

namespace larder::server {

namespace {

constexpr std::size_t max_continuations = 16;
constexpr std::size_t max_expansion = 4;  // times limits.head

}  // namespace

struct Http2Callbacks {
  static Http2Connection& of(void* self) { return *static_cast<Http2Connection*>(self); }
  static Http2Stream* stream_of(nghttp2_session* session, std::int32_t id) {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static bool is_request(const nghttp2_frame* frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  // ---- Input

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* self) {
    auto& connection = of(self);
    if (header->type == NGHTTP2_PRIORITY) connection.note_control();  // nghttp2 ignores it (RFC 9113 5.3.2)
    if (header->type == NGHTTP2_CONTINUATION) {
      if (++connection.continuations_ > max_continuations) connection.terminate(NGHTTP2_ENHANCE_YOUR_CALM);
    } else {
      connection.continuations_ = 0;
    }
    return 0;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    auto& connection = of(self);
    connection.expanded_ = 0;
    if (!is_request(frame)) return 0;
    const auto id = frame->hd.stream_id;
    try {
      const auto made = connection.streams_.emplace(id, std::make_unique<Http2Stream>(connection, id)).first;
      nghttp2_session_set_stream_user_data(session, id, made->second.get());
    } catch (const std::bad_alloc&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    ++connection.heads_under_way_;
    return 0;
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                    void* self) {
    auto& connection = of(self);
    // A small compressed section can expand without end (an "HPACK bomb").
    connection.expanded_ += name_size + value_size;
    if (connection.expanded_ > max_expansion * connection.worker_.settings().gate.head)
      connection.terminate(NGHTTP2_ENHANCE_YOUR_CALM);
    auto* stream = is_request(frame) ? stream_of(session, frame->hd.stream_id) : nullptr;
    if (stream == nullptr) return 0;  // trailers do not go on
    const auto text = [](const std::uint8_t* bytes, std::size_t size) {
      return std::string_view(reinterpret_cast<const char*>(bytes), size);
    };
    try {
      const auto fault = stream->memory_->request.add(text(name, name_size), text(value, value_size),
                                                      connection.worker_.settings().gate);
      if (fault == http::H2Request::Fault::malformed) return malformed(session, frame->hd.stream_id);
    } catch (const std::bad_alloc&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
  }

  static int malformed(nghttp2_session* session, std::int32_t id) {
    (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int invalid_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t*,
                            std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return malformed(session, frame->hd.stream_id);
  }

  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    auto& connection = of(self);
    connection.note_received(*frame);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    const bool has_content = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    auto* stream = has_content ? stream_of(session, frame->hd.stream_id) : nullptr;
    if (stream == nullptr) return 0;
    if (is_request(frame)) {
      --connection.heads_under_way_;
      stream->is_head_complete_ = true;
      stream->has_body_ = !ends;
      try {
        connection.ready_.push_back(stream->id());
      } catch (const std::bad_alloc&) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
      }
    }
    if (ends) {
      stream->body_ended_ = true;
      stream->wake_reader();
    }
    return 0;
  }

  static int data_received(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                           std::size_t size, void* /*self*/) {
    auto* stream = stream_of(session, id);
    if (stream == nullptr || stream->is_closed_) {
      nghttp2_session_consume_connection(session, size);
      return 0;
    }
    try {
      stream->waiting().received.append(reinterpret_cast<const char*>(bytes), size);
    } catch (const std::bad_alloc&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    stream->wake_reader();
    return 0;
  }

  static int stream_closed(nghttp2_session* session, std::int32_t id, std::uint32_t, void* self) {
    auto& connection = of(self);
    auto* stream = stream_of(session, id);
    if (stream == nullptr) return 0;
    nghttp2_session_set_stream_user_data(session, id, nullptr);
    if (!stream->is_head_complete_) --connection.heads_under_way_;
    stream->is_closed_ = stream->is_gone_ = true;
    stream->piece_ = {};
    connection.grants_left_ += std::exchange(stream->granted_, 0);
    if (stream->waiting_) nghttp2_session_consume_connection(session, stream->waiting_->unread());
    stream->wake_reader();
    stream->wake_writer();
    connection.end_if_done(*stream);
    return 0;
  }

  // ---- Output

  static ssize_t send(nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* self) {
    auto& out = of(self).out_;
    if (out.size() >= Http2Connection::output_bound) return NGHTTP2_ERR_WOULDBLOCK;
    try {
      out.append(reinterpret_cast<const char*>(bytes), size);
    } catch (const std::bad_alloc&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return static_cast<ssize_t>(size);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header, std::size_t size,
                       nghttp2_data_source* source, void* self) {
    auto& connection = of(self);
    auto& out = connection.out_;
    if (out.size() >= Http2Connection::output_bound) return NGHTTP2_ERR_WOULDBLOCK;
    auto& stream = *static_cast<Http2Stream*>(source->ptr);
    if (stream.piece_.size() < size) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // it has been reset
    try {
      out.append(reinterpret_cast<const char*>(header), 9).append(stream.piece_.substr(0, size));
    } catch (const std::bad_alloc&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    stream.piece_.remove_prefix(size);
    connection.controls_.give(Http2Connection::controls_for_a_frame);
    stream.wake_writer();
    return 0;
  }

  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    // Those of larder's own making, because of what the client did ("MadeYouReset"), count like the client's.
    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
      of(self).note_reset();
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    // RFC 9113 8.1: a client that still sends its body is told to stop.
    const auto* stream = stream_of(session, frame->hd.stream_id);
    if (stream != nullptr && !stream->body_ended_)
      (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
    static const auto* const made = [] {
      nghttp2_session_callbacks* its = nullptr;
      if (nghttp2_session_callbacks_new(&its) != 0) throw std::bad_alloc();
      nghttp2_session_callbacks_set_on_begin_frame_callback(its, &begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(its, &begin_headers);
      nghttp2_session_callbacks_set_on_header_callback(its, &header);
      nghttp2_session_callbacks_set_on_invalid_header_callback(its, &invalid_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(its, &frame_received);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(its, &data_received);
      nghttp2_session_callbacks_set_on_stream_close_callback(its, &stream_closed);
      nghttp2_session_callbacks_set_send_callback(its, &send);
      nghttp2_session_callbacks_set_send_data_callback(its, &send_data);
      nghttp2_session_callbacks_set_on_frame_send_callback(its, &frame_sent);
      return its;
    }();
    return made;
  }
};

const nghttp2_session_callbacks* http2_callbacks() {
  return Http2Callbacks::all();
}

}  // namespace larder::server
