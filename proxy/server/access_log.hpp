// The access log: a line a request, made on the loop, written by a thread of its own.
//
// Lines are gathered in the loop's buffer and handed over in blocks, when it is full or with the sweep. A
// block that finds the sink's queue full, or that cannot be written, is dropped and its lines are counted:
// the log never holds up a request.
#pragma once

#include "net/counters.hpp"
#include "policy/outcome.hpp"
#include "policy/time.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace spdlog {
class async_logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace larder::server {

/// Writes blocks of lines to standard output, or to a file, from one thread. Thread-safe.
class LogSink {
 public:
  LogSink();
  ~LogSink();  // writes what is queued
  /// False where the queue is full.
  [[nodiscard]] bool write(std::string block);

  /// From now on to that file, made where it is not there; nullopt: standard output. A sentence where it
  /// cannot be opened: then nothing changes. Waits for no writer: what is queued may go to either.
  [[nodiscard]] std::optional<std::string> set_file(const std::optional<std::string>& path);
  /// Opens the file anew, by its name: what logrotate has moved away is let go. A sentence likewise.
  [[nodiscard]] std::optional<std::string> reopen();
  /// How many lines could not be written since this was last asked; the log has said why.
  [[nodiscard]] std::int64_t take_lost() noexcept;

 private:
  class Output;
  std::optional<std::string> change_to(const std::string& path);
  std::shared_ptr<Output> output_;
  std::shared_ptr<spdlog::details::thread_pool> thread_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

/// One request, as the log shows it.
struct AccessRecord {
  std::string_view client;
  std::string_view method;
  std::string_view target;
  int minor_version = 1;
  std::string_view user_agent;
  std::string_view referer;
  std::string_view route;
  std::string_view request_id;
  std::string_view traceparent;
  std::optional<std::uint64_t> key_hash;  // as /api/entries has it; nullopt = the request has no key
  int status = 0;
  std::uint64_t body_bytes = 0;                 // sent to the client
  std::optional<std::uint64_t> original_bytes;  // of the API's body, before it was cut down and coded
  std::optional<policy::Millis> upstream_time;  // of the fetch that brought the answer; nullopt = none did
  policy::Outcome outcome;
  policy::Millis duration{0};  // from the complete head to the end of the answer
};

/// `target`, or another URI reference, with the values that are not to be seen as `***`, and then without a
/// fragment.
[[nodiscard]] std::string redacted(std::string_view target, const settings::Redaction& rule);

class AccessLog {
 public:
  AccessLog(Counters& counters) : counters_(counters) {}
  void configure(const settings::Settings& settings, std::shared_ptr<LogSink> sink);
  [[nodiscard]] bool is_on() const noexcept {
    return format_ != settings::AccessLog::off && sink_ != nullptr;
  }
  void append(const AccessRecord& record, policy::WallTime now);
  void flush();

 private:
  void append_json(const AccessRecord& record, policy::WallTime now);
  void append_combined(const AccessRecord& record, policy::WallTime now);

  Counters& counters_;
  settings::AccessLog format_ = settings::AccessLog::off;
  settings::Redaction redact_;
  std::shared_ptr<LogSink> sink_;
  std::string block_;
  std::int64_t lines_ = 0;
};

}  // namespace larder::server
