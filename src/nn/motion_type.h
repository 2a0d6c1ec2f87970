#pragma once

#include "vidgen/nn/motion.h"

namespace vidgen::nn {

/// What types that say nothing else are like.
struct MotionDefaults {
  static constexpr bool kReadsNoise = true, kReadsInitial = false;
  static constexpr int64_t kUnit = 1;
  static void validate(const TemporalOptions&, const std::string&) {}
  static int64_t more_noise(const TemporalOptions&) { return 0; }
  static int64_t weights(const TemporalOptions&) { return 0; }
  static torch::Tensor first_state(const TemporalOptions&, const MotionNoise&) { return {}; }
};

/// Of a Motion that is made from TemporalOptions.
template <class Type>
MotionType motion_type_of(const char* name) {
  const auto make = [](const TemporalOptions& options) -> std::shared_ptr<Motion> {
    return std::make_shared<Type>(options);
  };
  return {name,          Type::kReadsNoise, Type::kReadsInitial,
          Type::kUnit,   Type::validate,    Type::more_noise,
          Type::weights, Type::first_state, make};
}

/// Throws c10::Error unless it is [B,T,dim] with more than `more` rows.
void expect_rows(const torch::Tensor& noise, int64_t dim, int64_t more = 0);

/// For types of one layer.
void expect_one_layer(const TemporalOptions& options, const std::string& path);

MotionType no_motion();
MotionType lstm_motion();
MotionType gru_motion();
MotionType gru_cell_motion();
MotionType convolution_motion();
MotionType sinusoidal_motion();

}  // namespace vidgen::nn
