// The rows of the table for limits, timeouts and compression.
#include "settings/rows.hpp"

namespace larder::settings {

namespace {

using S = Settings;
using enum Fingerprint;
using RowsOf = std::vector<Row<Settings>>;

RowsOf bound_rows() {
  using http::Limits;
  using Bounds = ConnectionLimits;
  const auto gate = [](auto member) { return at(&S::gate, member); };
  const auto limits = [](auto member) { return at(&S::limits, member); };
  return {
      value_row<S>("limits.head", excluded, gate(&Limits::head), sizes(kib, mib),
                   "Maximum size of a message's start line and header fields together."),
      value_row<S>("limits.target", excluded, gate(&Limits::target), sizes(64, 512 * kib),
                   "Maximum size of a request target."),
      value_row<S>("limits.field", excluded, gate(&Limits::field), sizes(64, 512 * kib),
                   "Maximum size of one field line."),
      value_row<S>("limits.fields", excluded, gate(&Limits::fields), numbers(8, 10'000),
                   "Maximum number of field lines of one message."),
      value_row<S>("limits.method", excluded, gate(&Limits::method), sizes(8, 256),
                   "Maximum length of a method name."),
      value_row<S>("limits.chunk_extension", excluded, gate(&Limits::chunk_extension), sizes(0, 64 * kib),
                   "Maximum size of the extensions of one chunk; extensions are not forwarded."),
      value_row<S>("limits.trailers", excluded, gate(&Limits::trailers), sizes(0, mib),
                   "Maximum size of a trailer section; trailers are not forwarded."),
      value_row<S>(
          "limits.json_depth", excluded, limits(&Bounds::json_depth), numbers(2, 1024),
          "Maximum nesting depth of a response that is projected; a deeper one is sent without projection."),
      value_row<S>(
          "limits.json_members", excluded, limits(&Bounds::json_members), numbers(1, 1000 * million),
          "Maximum number of members and elements of a response that is projected; one with more is sent "
          "without projection."),
      value_row<S>("limits.body", excluded, limits(&Bounds::body), sizes(kib, 1024 * gib),
                   "Maximum size of a request body."),
      value_row<S>(
          "limits.request_buffer", excluded, limits(&Bounds::request_buffer), sizes(kib, 16 * mib),
          "A request's body is read up to this size, for at most 1 s, before the request takes a connection "
          "to "
          "the API. If a request with Expect: 100-continue has a body of at most this Content-Length, larder "
          "sends the 100 itself."),
      value_row<S>(
          "limits.uploads", excluded, limits(&Bounds::uploads), numbers(1, 65536),
          "Maximum number of connections to the API used by requests whose bodies are still being received; "
          "further ones wait, as in upstream.queue, without delaying requests without a body. If not set, it "
          "is "
          "at most half of upstream.connections."),
      value_row<S>(
          "limits.body_rate", excluded, limits(&Bounds::body_rate), sizes(1, gib),
          "Minimum rate of a request's body, per second, on average over 10 s of waiting for the client; a "
          "slower "
          "one gets 408."),
      optional_row<S>(
          "limits.bodies_in_flight", excluded, limits(&Bounds::bodies_in_flight), sizes(mib, 1024 * gib),
          "Memory, in addition to cache.memory, for bodies that are being received: responses on "
          "their way into the cache, and beginnings of request bodies. A response for which there is no "
          "room is sent to its client while it arrives, unstored (detail=no-room). Default: 64 MiB or a "
          "quarter of cache.memory, whichever is more."),
      value_row<S>("limits.buffer", excluded, limits(&Bounds::buffer), sizes(4 * kib, 16 * mib),
                   "Maximum number of bytes buffered in each direction of a streamed body."),
      value_row<S>(
          "limits.streams", excluded, limits(&Bounds::streams), numbers(1, 10'000),
          "Maximum number of requests under way on one HTTP/2 connection. Applies to new connections."),
      value_row<S>(
          "limits.handshakes", excluded, limits(&Bounds::handshakes), numbers(1, million),
          "Maximum number of TLS handshakes under way, over all loops. For a further one, the one that has "
          "taken longest is ended."),
      value_row<S>(
          "limits.connections", excluded, limits(&Bounds::connections), numbers(1, million),
          "Maximum number of client connections, over all loops. For a further one, the connection that "
          "has been "
          "idle for the longest is closed; if none is idle, it gets 503. The limit of open files, less "
          "what other "
          "connections need, is a maximum too."),
      value_row<S>("limits.hops", excluded, limits(&Bounds::hops), numbers(1, 255),
                   "Maximum number of proxies named in a request's Via; a request with more is taken for a "
                   "forwarding loop and gets 508."),
      value_row<S>("limits.requests_per_connection", excluded, limits(&Bounds::requests_per_connection),
                   numbers(0, 1000 * million),
                   "Number of requests after which a client connection is closed; 0 means no limit."),
  };
}

RowsOf timeout_rows() {
  const auto timeouts = [](auto member) { return at(&S::timeouts, member); };
  return {
      value_row<S>("timeouts.handshake", excluded, timeouts(&Timeouts::handshake), durations(1ms),
                   "Maximum time of a TLS handshake; then the connection is closed."),
      value_row<S>(
          "timeouts.head", excluded, timeouts(&Timeouts::head), durations(1ms),
          "Maximum time from the first byte of a request to the end of its header section; then 408."),
      value_row<S>("timeouts.body", excluded, timeouts(&Timeouts::body), durations(1ms),
                   "Maximum time between two reads of a request body; then 408."),
      value_row<S>(
          "timeouts.write", excluded, timeouts(&Timeouts::write), durations(1ms),
          "Maximum time between two writes to a client that reads slowly; then the connection is reset."),
      value_row<S>(
          "timeouts.idle", excluded, timeouts(&Timeouts::idle), durations(1ms),
          "Maximum time between two requests on a client connection; then it is closed without a response."),
      value_row<S>("timeouts.tunnel", excluded, timeouts(&Timeouts::tunnel), durations(1ms),
                   "Maximum time without traffic in either direction of a tunnel (WebSocket)."),
  };
}

// The levels are excluded: the name and the entity tag of an encoded representation contain its level.
RowsOf compression_rows() {
  using Coding = Compression::Coding;
  return {
      value_row<S>(
          "compression", included, at(&S::compression, &Compression::on),
          choices<bool>({{"off", false}, {"auto", true}}),
          "Content coding for clients that accept it. A stored response is encoded once per coding, in the "
          "background: until that is done, clients get it without."),
      list_row<S>("compression.codings", included, at(&S::compression, &Compression::codings),
                  choices<Coding>({{"zstd", Coding::zstd}, {"br", Coding::br}, {"gzip", Coding::gzip}}),
                  "Codings offered, in order of preference."),
      value_row<S>("compression.min_size", included, at(&S::compression, &Compression::min_size),
                   sizes(0, gib), "Smallest body that is encoded."),
      value_row<S>("compression.gzip_level", excluded, at(&S::compression, &Compression::gzip_level),
                   numbers(1, 12), "gzip compression level."),
      value_row<S>("compression.br_level", excluded, at(&S::compression, &Compression::br_level),
                   numbers(0, 11), "Brotli compression level."),
      value_row<S>("compression.zstd_level", excluded, at(&S::compression, &Compression::zstd_level),
                   numbers(1, 19), "zstd compression level."),
  };
}

}  // namespace

std::vector<Row<Settings>> limit_rows() {
  auto rows = bound_rows();
  for (const auto& group : {timeout_rows(), compression_rows()})
    rows.insert(rows.end(), group.begin(), group.end());
  return rows;
}

}  // namespace larder::settings
