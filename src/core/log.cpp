#include "vidgen/core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto result = std::make_shared<spdlog::logger>(
        "vidgen", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    result->set_pattern("%^%l%$: %v");
    return result;
  }();
  return *instance;
}

}  // namespace

void log_info(const std::string& message) { logger().info(printable(message)); }
void log_warning(const std::string& message) { logger().warn(one_line(message)); }
void log_error(const std::string& message) { logger().error(one_line(message)); }

void quieten_log() { logger().set_level(spdlog::level::warn); }
bool shows_info() { return logger().should_log(spdlog::level::info); }

}  // namespace vidgen::core
