#pragma once

#include <string>

namespace vidgen::core {

enum class LogLevel { kQuiet, kInfo };

/// Messages go to stderr, one line each, whatever they hold (printable()); results belong on
/// stdout. Safe to call from any thread.
void log_info(const std::string& message);
void log_warning(const std::string& message);
void log_error(const std::string& message);

/// Shows messages of this level and above. The default is kInfo; kQuiet leaves warnings and errors.
void set_log_level(LogLevel level);
/// Whether log_info() shows anything.
bool shows_info();

}  // namespace vidgen::core
