#include "server/access_log.hpp"

#include "http/target.hpp"
#include "server/reply.hpp"

#include <boost/asio/post.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <iterator>
#include <mutex>
#include <unistd.h>

namespace larder::server {

namespace {

constexpr std::size_t block_size = 32 * 1024;  // bytes of lines handed over at a time
constexpr std::size_t queue_length = 1024;     // blocks

std::tm utc(policy::WallTime now) {
  return fmt::gmtime(std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now)));
}

}  // namespace

// Only the sink's thread writes, and a write can block. Other threads set the next descriptor and do not wait
// for it.
class LogSink::Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    take_next();
    shut(descriptor_);
  }

  std::optional<std::string> open(const std::string& path) {
    int descriptor = STDOUT_FILENO;
    if (!path.empty()) {
      // Opening a pipe without a reader is an error and does not block; writing to an open pipe blocks.
      constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
      descriptor = ::open(path.c_str(), flags, 0640);
      if (descriptor < 0 || ::fcntl(descriptor, F_SETFL, O_APPEND) < 0) {
        const auto why = errno;
        if (descriptor >= 0) ::close(descriptor);
        return fmt::format("access_log_file: {} cannot be opened: {}", path, std::strerror(why));
      }
    }
    const std::lock_guard lock(next_mutex_);
    if (next_) shut(*next_);
    next_ = descriptor;
    path_ = path;
    return std::nullopt;
  }
  [[nodiscard]] std::string path() {
    const std::lock_guard lock(next_mutex_);
    return path_;
  }
  [[nodiscard]] std::int64_t take_lost() noexcept { return lost_.exchange(0, std::memory_order_relaxed); }

  // On the thread. A log that cannot be written (a full disk) affects nothing else.
  void write(std::string_view left) {
    take_next();
    if (left.empty()) return;
    // After an incomplete line, begins a new one.
    std::string_view end_of_torn(torn_ ? "\n" : "");
    if (!write_all(end_of_torn) || !write_all(left)) return lose(left, errno);
    torn_ = false;
    if (failing_) log_->info("the access log can be written again");
    failing_ = false;
  }

 private:
  static void shut(int descriptor) noexcept {
    if (descriptor != STDOUT_FILENO) ::close(descriptor);
  }

  void take_next() {
    const std::lock_guard lock(next_mutex_);
    if (!next_) return;
    shut(descriptor_);
    descriptor_ = *next_;
    next_.reset();
    torn_ = false;
  }

  // Removes the written bytes from the front.
  bool write_all(std::string_view& left) {
    while (!left.empty()) {
      const auto written = ::write(descriptor_, left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      torn_ = left[static_cast<std::size_t>(written) - 1] != '\n';
      left.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  void lose(std::string_view lines, int why) {
    lost_.fetch_add(std::count(lines.begin(), lines.end(), '\n'), std::memory_order_relaxed);
    if (!failing_)
      log_->error("the access log cannot be written, and its lines are lost: {}", std::strerror(why));
    failing_ = true;
  }

  // The rest of the access log is written after the process's log has been shut down.
  std::shared_ptr<spdlog::logger> log_ = spdlog::default_logger();
  int descriptor_ = STDOUT_FILENO;
  bool failing_ = false;
  bool torn_ = false;  // the last written line is incomplete
  std::atomic<std::int64_t> lost_{0};

  std::mutex next_mutex_;
  std::optional<int> next_;
  std::string path_;  // of the next file, or of the current one; empty = standard output
};

LogSink::LogSink() : output_(std::make_unique<Output>()) {}

std::optional<std::string> LogSink::set_file(const std::optional<std::string>& path) {
  const auto wanted = path.value_or("");
  return wanted == output_->path() ? std::nullopt : change_to(wanted);
}

std::optional<std::string> LogSink::reopen() {
  const auto path = output_->path();
  return path.empty() ? std::nullopt : change_to(path);
}

std::optional<std::string> LogSink::change_to(const std::string& path) {
  auto error = output_->open(path);
  if (!error) (void)write({});  // closes the old file even if there is nothing to write
  return error;
}

std::int64_t LogSink::take_lost() noexcept {
  return output_->take_lost();
}

LogSink::~LogSink() {
  thread_.join();  // when the queue is empty
}

bool LogSink::write(std::string block) {
  if (queued_.fetch_add(1, std::memory_order_relaxed) >= queue_length) {
    queued_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  try {
    boost::asio::post(thread_, [this, block = std::move(block)] {
      output_->write(block);
      queued_.fetch_sub(1, std::memory_order_relaxed);
    });
  } catch (const std::bad_alloc&) {
    queued_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  return true;
}

std::string redacted(std::string_view target, const settings::Redaction& rule) {
  using Of = settings::Redaction::Of;
  if (rule.of == Of::none) return std::string(target);
  target = target.substr(0, target.find('#'));
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return std::string(target);
  std::string out(target.substr(0, mark + 1));
  http::QueryPiece piece;
  bool first = true;
  for (auto rest = target.substr(mark + 1); http::next_query_piece(rest, piece);) {
    if (!first) out += '&';
    first = false;
    const bool has_value = piece.raw.size() > piece.name.size();
    const bool hidden = rule.of == Of::all || std::find(rule.names.begin(), rule.names.end(),
                                                        http::decode_query(piece.name)) != rule.names.end();
    if (hidden && has_value)
      out.append(piece.name).append("=***");
    else if (rule.of == Of::all && !piece.raw.empty())
      out += "***";  // a piece without = is a value
    else
      out += piece.raw;
  }
  return out;
}

void AccessLog::configure(const settings::Settings& settings, std::shared_ptr<LogSink> sink) {
  flush();
  format_ = settings.access_log;
  redact_ = settings.access_log_redact;
  sink_ = std::move(sink);
  is_debugging_ = settings.log_level == "debug" || settings.log_level == "trace";
  is_on_ = is_debugging_ || (format_ != settings::AccessLog::off && sink_ != nullptr);
}

void AccessLog::debug(const AccessRecord& record) const {
  std::string cache_status;
  policy::append_cache_status(record.outcome, {}, cache_status);
  const auto upstream =
      record.upstream_time ? fmt::format(", API {} ms", record.upstream_time->count()) : std::string();
  spdlog::debug("request {} {} from {}: status {}, {} bytes, {} ms{}; route {}; {}", record.method,
                redacted(record.target, redact_), record.client.empty() ? "a Unix socket" : record.client,
                record.status, record.body_bytes, record.duration.count(), upstream,
                record.route.empty() ? "none" : record.route, cache_status);
}

void AccessLog::append(const AccessRecord& record, policy::WallTime now) {
  if (is_debugging_) debug(record);
  if (format_ == settings::AccessLog::off || sink_ == nullptr) return;
  if (format_ == settings::AccessLog::json)
    append_json(record, now);
  else
    append_combined(record, now);
  ++lines_;
  if (block_.size() >= block_size) flush();
}

void AccessLog::flush() {
  if (sink_) counters_.log_lines_dropped.add(sink_->take_lost());
  if (block_.empty()) return;
  if (sink_ == nullptr || !sink_->write(std::move(block_))) counters_.log_lines_dropped.add(lines_);
  block_.clear();
  lines_ = 0;
}

void AccessLog::append_json(const AccessRecord& record, policy::WallTime now) {
  auto out = std::back_inserter(block_);
  const auto text = [&](std::string_view name, std::string_view value) {
    fmt::format_to(out, ",\"{}\":\"", name);
    server::append_json(value, block_);
    block_ += '"';
  };
  fmt::format_to(out, "{{\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\"", utc(now),
                 now.time_since_epoch().count() % 1000);
  text("client", record.client);
  text("method", record.method);
  text("target", redacted(record.target, redact_));
  text("route", record.route);
  if (record.key_hash) fmt::format_to(out, ",\"key\":\"{:016x}\"", *record.key_hash);
  fmt::format_to(out, ",\"status\":{},\"bytes\":{}", record.status, record.body_bytes);
  if (record.original_bytes) fmt::format_to(out, ",\"original_bytes\":{}", *record.original_bytes);
  text("outcome", policy::name_of(policy::label_of(record.outcome)));
  std::string cache_status;
  policy::append_cache_status(record.outcome, {}, cache_status);
  text("cache_status", cache_status);
  fmt::format_to(out, ",\"ms\":{}", record.duration.count());
  if (record.upstream_time) fmt::format_to(out, ",\"upstream_ms\":{}", record.upstream_time->count());
  if (!record.request_id.empty()) text("request_id", record.request_id);
  if (!record.traceparent.empty()) text("traceparent", record.traceparent);
  if (!record.tls.empty()) text("tls", record.tls);
  if (record.is_http_2) text("protocol", "h2");
  text("user_agent", record.user_agent);
  block_ += "}\n";
}

void AccessLog::append_combined(const AccessRecord& record, policy::WallTime now) {
  auto out = std::back_inserter(block_);
  const auto quoted = [&](std::string_view value) {
    block_ += '"';
    server::append_json(value.empty() ? "-" : value, block_);
    block_ += '"';
  };
  fmt::format_to(out, "{} - - [{:%d/%b/%Y:%H:%M:%S} +0000] \"{} ",
                 record.client.empty() ? "-" : record.client, utc(now), record.method);
  server::append_json(redacted(record.target, redact_), block_);
  const auto protocol = record.is_http_2            ? std::string_view("HTTP/2.0")
                        : record.minor_version == 1 ? std::string_view("HTTP/1.1")
                                                    : std::string_view("HTTP/1.0");
  fmt::format_to(out, " {}\" {} {} ", protocol, record.status, record.body_bytes);
  quoted(redacted(record.referer, redact_));
  block_ += ' ';
  quoted(record.user_agent);
  fmt::format_to(out, " {}\n", policy::name_of(policy::label_of(record.outcome)));
}

}  // namespace larder::server
