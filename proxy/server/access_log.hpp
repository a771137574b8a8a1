// The access log: a line a request, made on the loop, written by a thread of its own.
//
// Lines are gathered in the loop's buffer and handed over in blocks, when it is full or with the sweep. A
// block that finds the sink's queue full is dropped and its lines are counted: the log never holds up a
// request.
#pragma once

#include "loop/counters.hpp"
#include "policy/outcome.hpp"
#include "policy/time.hpp"
#include "settings/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class async_logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace larder::server {

/// Writes blocks of lines to standard output from one thread. Thread-safe.
class LogSink {
 public:
  LogSink();
  ~LogSink();  // writes what is queued
  /// False where the queue is full.
  [[nodiscard]] bool write(std::string block);

 private:
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
  int status = 0;
  std::uint64_t body_bytes = 0;  // sent to the client
  policy::Outcome outcome;
  policy::Millis duration{0};  // from the complete head to the end of the answer
};

class AccessLog {
 public:
  AccessLog(Counters& counters) : counters_(counters) {}
  void configure(settings::AccessLog format, std::shared_ptr<LogSink> sink);
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
  std::shared_ptr<LogSink> sink_;
  std::string block_;
  std::int64_t lines_ = 0;
};

}  // namespace larder::server
