#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace vidgen::core {

/// Progress on stderr, unless the log is quiet (quieten_log()): one line that is redrawn on a
/// terminal, elsewhere a plain line every `plain_interval` seconds.
class Progress {
 public:
  /// `total` units of work, `done` of which were there before (they do not count towards the
  /// remaining-time estimate).
  Progress(std::string label, int64_t total, int64_t done = 0, double plain_interval = 10);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// There is another amount of work than was said.
  void set_total(int64_t total) { total_ = total; }
  /// Shows `done` of the total, the time that remains and `detail`. Redraws at most ten times a
  /// second.
  void update(int64_t done, const std::string& detail = "");
  /// Shows the last state and ends the line. Called by the destructor.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(bool last);

  const std::string label_;
  int64_t total_;
  const int64_t start_;
  const double plain_interval_;
  const bool terminal_;
  const Clock::time_point started_;
  Clock::time_point drawn_;
  int64_t done_;
  std::string detail_;
  bool finished_ = false;
};

/// "1:02:03", "4:05": hours only when there are any.
std::string format_duration(double seconds);
/// "1.2 MB": decimal units, three significant digits.
std::string format_bytes(uint64_t bytes);

}  // namespace vidgen::core
