#pragma once

#include <cstdint>
#include <string_view>

namespace vidgen::core {

/// A seed for one named purpose ("data", "latent", "augment", "init", "sample") derived from the
/// run's seed, so that drawing more numbers for one purpose never changes another.
uint64_t derive_seed(uint64_t seed, std::string_view purpose);

/// Counter-based random numbers: the i-th draw is a pure function of (seed, index, i), whoever asks
/// and in whatever order. The generator is SplitMix64 (Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", 2014).
class CounterRandom {
 public:
  CounterRandom(uint64_t seed, uint64_t index);

  /// Uniform over all 64-bit values.
  uint64_t next();
  /// Uniform over [0, n); n > 0.
  int64_t below(int64_t n);
  /// Uniform over [0, 1).
  double uniform();

 private:
  uint64_t state_;
};

}  // namespace vidgen::core
