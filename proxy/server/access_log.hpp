// The access log: one line per request, formatted on the loop, written by a thread of its own.
//
// Lines are collected in the loop's buffer and passed to the sink in blocks, when the buffer is full or at a
// sweep. If the sink's queue is full, or a block cannot be written, the block is dropped and its lines are
// counted: requests do not wait for the log.
#pragma once

#include "net/counters.hpp"
#include "policy/outcome.hpp"
#include "policy/time.hpp"
#include "settings/settings.hpp"

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace larder::server {

/// Writes blocks of lines to standard output, or to a file, from one thread. Thread-safe.
class LogSink {
 public:
  LogSink();
  ~LogSink();  // writes the queued blocks
  /// False if the queue is full.
  [[nodiscard]] bool write(std::string block);

  /// Writes to that file from now on, and creates it if necessary; nullopt: standard output. Returns a
  /// message if it cannot be opened; then nothing changes. Does not wait for the thread: queued blocks may go
  /// to either file.
  [[nodiscard]] std::optional<std::string> set_file(const std::optional<std::string>& path);
  /// Opens the file again by its name, after log rotation has renamed it. Returns a message on failure.
  [[nodiscard]] std::optional<std::string> reopen();
  /// The number of lines that could not be written since the last call; the reason has been logged.
  [[nodiscard]] std::int64_t take_lost() noexcept;

 private:
  class Output;
  std::optional<std::string> change_to(const std::string& path);
  std::unique_ptr<Output> output_;
  std::atomic<std::size_t> queued_{0};  // blocks
  boost::asio::thread_pool thread_{1};
};

/// One request, as it is logged.
struct AccessRecord {
  std::string_view client;
  std::string_view tls;  // its version; empty without TLS
  std::string_view method;
  std::string_view target;
  int minor_version = 1;
  bool is_http_2 = false;
  std::string_view user_agent;
  std::string_view referer;
  std::string_view route;
  std::string_view request_id;
  std::string_view traceparent;
  std::optional<std::uint64_t> key_hash;  // as in /api/entries; nullopt = the request has no key
  int status = 0;
  std::uint64_t body_bytes = 0;                 // sent to the client
  std::optional<std::uint64_t> original_bytes;  // of the API's body, before projection and coding
  std::optional<policy::Millis> upstream_time;  // of the fetch that the response came from; nullopt = none
  policy::Outcome outcome;
  policy::Millis duration{0};  // from the complete head to the end of the response
};

/// Returns `target`, or another URI reference, with the values to be hidden replaced by `***`; if any is,
/// without the fragment.
[[nodiscard]] std::string redacted(std::string_view target, const settings::Redaction& rule);

class AccessLog {
 public:
  AccessLog(Counters& counters) : counters_(counters) {}
  void configure(const settings::Settings& settings, std::shared_ptr<LogSink> sink);
  /// Whether requests are recorded: for the access log, or for the log with log_level: debug.
  [[nodiscard]] bool is_on() const noexcept { return is_on_; }
  void append(const AccessRecord& record, policy::WallTime now);
  void flush();

 private:
  void append_json(const AccessRecord& record, policy::WallTime now);
  void append_combined(const AccessRecord& record, policy::WallTime now);
  void debug(const AccessRecord& record) const;

  Counters& counters_;
  settings::AccessLog format_ = settings::AccessLog::off;
  settings::Redaction redact_;
  std::shared_ptr<LogSink> sink_;
  bool is_on_ = false;
  bool is_debugging_ = false;  // log_level is debug or trace
  std::string block_;
  std::int64_t lines_ = 0;
};

}  // namespace larder::server
