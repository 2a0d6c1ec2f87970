#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct XXH3_state_s;

namespace vidgen::core {

/// XXH3 of 64 bits (https://xxhash.com), as every program that has xxHash computes it: notices
/// damage, not forgery.
uint64_t checksum(const void* data, size_t bytes, uint64_t seed = 0);

/// The same of bytes that come in parts.
class Checksum {
 public:
  Checksum();
  void update(const void* data, size_t bytes);
  /// Of all so far.
  uint64_t value() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

/// As files hold it: 16 hexadecimal digits in lower case.
std::string checksum_text(uint64_t checksum);

}  // namespace vidgen::core
