#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace vidgen {

/// Something the user can put right: the message names the file, the YAML path or the tensor, what
/// was found and what was expected, in one line. The program prints it and exits with 2; every
/// other exception is an internal fault (1).
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace vidgen

namespace vidgen::core {

/// The arguments, written to a stream one after the other, as one string.
template <class... Args>
std::string cat(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

}  // namespace vidgen::core
