#include "vidgen/core/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "vidgen/core/error.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

Progress::Progress(std::string label, int64_t total, int64_t done, double plain_interval)
    : label_(std::move(label)),
      total_(total),
      start_(done),
      plain_interval_(plain_interval),
      terminal_(::isatty(STDERR_FILENO) != 0),
      started_(Clock::now()),
      drawn_(started_),
      done_(done) {}

Progress::~Progress() { finish(); }

void Progress::update(int64_t done, const std::string& detail) {
  done_ = done;
  detail_ = detail;
  if (seconds_between(drawn_, Clock::now()) >= (terminal_ ? 0.1 : plain_interval_)) draw(false);
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  draw(true);
}

void Progress::draw(bool last) {
  drawn_ = Clock::now();
  if (!shows_info()) return;
  const double elapsed = seconds_between(started_, drawn_);
  const int64_t worked = done_ - start_;
  std::string line = cat(label_, " ", done_, "/", total_);
  if (total_ > 0) line += cat(" (", 100 * done_ / total_, "%)");
  if (!detail_.empty()) line += cat("  ", detail_);
  if (last) {
    line += cat("  in ", format_duration(elapsed));
  } else if (worked > 0) {
    line += cat("  ",
                format_duration(elapsed * static_cast<double>(total_ - done_) /
                                static_cast<double>(worked)),
                " left");
  }
  line = printable(line);
  if (!terminal_) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return;
  }
  line = cut_utf8(line, terminal_columns() - 1);
  std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), last ? "\n" : "");
  std::fflush(stderr);
}

std::string format_duration(double seconds) {
  const auto total = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  char text[64];
  if (total >= 3600) {
    std::snprintf(text, sizeof(text), "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
  } else {
    std::snprintf(text, sizeof(text), "%ld:%02ld", total / 60, total % 60);
  }
  return text;
}

std::string format_bytes(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return cat(format_number(value, decimals), " ", kUnits[unit]);
}

}  // namespace vidgen::core
