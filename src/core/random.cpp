#include "vidgen/core/random.h"

namespace vidgen::core {
namespace {

constexpr uint64_t kGoldenGamma = 0x9e3779b97f4a7c15;

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

uint64_t derive_seed(uint64_t seed, std::string_view purpose) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const unsigned char c : purpose) hash = (hash ^ c) * 0x100000001b3;
  return mix(mix(seed + kGoldenGamma) ^ hash);
}

CounterRandom::CounterRandom(uint64_t seed, uint64_t index)
    : state_(mix(seed) ^ mix(index + kGoldenGamma)) {}

uint64_t CounterRandom::next() {
  state_ += kGoldenGamma;
  return mix(state_);
}

int64_t CounterRandom::below(int64_t n) {
  // The high half of a 128-bit product maps 64 random bits onto [0, n) with a bias below 2^-40 for
  // any n here.
  return static_cast<int64_t>((static_cast<unsigned __int128>(next()) * static_cast<uint64_t>(n)) >>
                              64);
}

double CounterRandom::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

}  // namespace vidgen::core
