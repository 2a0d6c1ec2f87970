// 16 numbers at once, in float32 inside. What is compiled for one kind of processor includes this
// file in a namespace of its own, so it has no guard.

/// 16 numbers; the compiler spreads them over the registers that there are.
typedef float Lanes __attribute__((vector_size(64)));
constexpr int64_t kLanes = 16;

typedef uint16_t Halves __attribute__((vector_size(32)));
typedef uint32_t Words __attribute__((vector_size(64)));

VIDGEN_INLINE void load_lanes(const float* from, Lanes& value) {
  std::memcpy(&value, from, sizeof(value));
}
VIDGEN_INLINE void load_lanes(const c10::BFloat16* from, Lanes& value) {
  Halves halves;
  std::memcpy(&halves, from, sizeof(halves));
  const Words words = __builtin_convertvector(halves, Words) << 16;
  std::memcpy(&value, &words, sizeof(value));
}

VIDGEN_INLINE void store_lanes(float* to, const Lanes& value) {
  std::memcpy(to, &value, sizeof(value));
}
/// Rounds to the nearest, to the even one of two; what is no number stays none.
VIDGEN_INLINE void store_lanes(c10::BFloat16* to, const Lanes& value) {
  Words words;
  std::memcpy(&words, &value, sizeof(words));
  const auto is_nan = (words & 0x7fffffffU) > 0x7f800000U;
  words = is_nan ? words | 0x400000U : words + (0x7fffU + ((words >> 16) & 1U));
  const Halves halves = __builtin_convertvector(words >> 16, Halves);
  std::memcpy(to, &halves, sizeof(halves));
}
