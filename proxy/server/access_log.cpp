#include "server/access_log.hpp"

#include "server/reply.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <iterator>

namespace larder::server {

namespace {

constexpr std::size_t block_size = 32 * 1024;  // bytes of lines handed over at a time
constexpr std::size_t queue_length = 1024;     // blocks

std::tm utc(policy::WallTime now) {
  return fmt::gmtime(std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now)));
}

}  // namespace

LogSink::LogSink()
    : thread_(std::make_shared<spdlog::details::thread_pool>(queue_length, 1)),
      logger_(
          std::make_shared<spdlog::async_logger>("access", std::make_shared<spdlog::sinks::stdout_sink_mt>(),
                                                 thread_, spdlog::async_overflow_policy::overrun_oldest)) {
  logger_->set_formatter(
      std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, ""));
  logger_->flush_on(spdlog::level::info);
}

LogSink::~LogSink() {
  logger_->flush();
}

bool LogSink::write(std::string block) {
  if (thread_->queue_size() >= queue_length) return false;
  logger_->info(spdlog::string_view_t(block.data(), block.size()));
  return true;
}

void AccessLog::configure(settings::AccessLog format, std::shared_ptr<LogSink> sink) {
  flush();
  format_ = format;
  sink_ = std::move(sink);
}

void AccessLog::append(const AccessRecord& record, policy::WallTime now) {
  if (format_ == settings::AccessLog::json)
    append_json(record, now);
  else
    append_combined(record, now);
  ++lines_;
  if (block_.size() >= block_size) flush();
}

void AccessLog::flush() {
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
  text("target", record.target);
  text("route", record.route);
  fmt::format_to(out, ",\"status\":{},\"bytes\":{}", record.status, record.body_bytes);
  text("outcome", policy::name_of(policy::word_of(record.outcome)));
  std::string cache_status;
  policy::append_cache_status(record.outcome, {}, cache_status);
  text("cache_status", cache_status);
  fmt::format_to(out, ",\"ms\":{}", record.duration.count());
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
  server::append_json(record.target, block_);
  fmt::format_to(out, " HTTP/1.{}\" {} {} ", record.minor_version, record.status, record.body_bytes);
  quoted(record.referer);
  block_ += ' ';
  quoted(record.user_agent);
  fmt::format_to(out, " {}\n", policy::name_of(policy::word_of(record.outcome)));
}

}  // namespace larder::server
