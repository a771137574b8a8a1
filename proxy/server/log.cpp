#include "server/log.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

namespace larder::server {

namespace {

// `<6>`: the priority, as the journal expects it at the beginning of a line (sd-daemon(3)). spdlog's
// extension point for this has a type of its namespace `details` in its signature.
class Priority : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const auto priority = [&] {
      switch (message.level) {
        case spdlog::level::critical:
          return '2';
        case spdlog::level::err:
          return '3';
        case spdlog::level::warn:
          return '4';
        case spdlog::level::info:
          return '6';
        default:
          return '7';
      }
    }();
    out.push_back('<');
    out.push_back(priority);
    out.push_back('>');
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }
};

}  // namespace

bool logs_to_journal() noexcept {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
  char text[64];
  const auto end = fmt::format_to_n(text, sizeof text, "{}:{}", status.st_dev, status.st_ino);
  return end.size < sizeof text && std::string_view(text, end.size) == stream;
}

void set_up_log(const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>("larder", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (logs_to_journal()) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<Priority>('*').set_pattern("%*%v");
    logger->set_formatter(std::move(formatter));
  } else {
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  }
  spdlog::set_default_logger(std::move(logger));
  set_log_level(level);
}

void set_log_level(const std::string& level) {
  spdlog::set_level(spdlog::level::from_str(level));
}

}  // namespace larder::server
