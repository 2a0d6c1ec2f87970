#pragma once

#include <string>

namespace vidgen::core {

/// Messages go to stderr, one line each, whatever they hold (printable()); results belong on
/// stdout. Safe to call from any thread.
void log_info(const std::string& message);
void log_warning(const std::string& message);
void log_error(const std::string& message);

/// From now on only warnings and errors are shown.
void quieten_log();
/// Whether log_info() shows anything.
bool shows_info();

}  // namespace vidgen::core
