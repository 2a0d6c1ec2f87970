#pragma once

#include <cstdio>
#include <string>

namespace vidgen::report {

/// Numbers of any size, short.
inline std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

}  // namespace vidgen::report
