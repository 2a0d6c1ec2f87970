// The GAN step with networks that tiny_options() does not have.
#include <gtest/gtest.h>

#include "train/tiny_gan.h"

namespace vidgen::train {
namespace {

RunOptions residual_options() {
  auto options = tiny_options();
  options.model.init = nn::Init::kHe;
  options.model.temporal.type = "convolution";
  options.model.temporal.layers = 2;
  options.model.generator.type = "residual";
  options.model.generator.widths = {8, 8, 6};
  use_residual_discriminators(options);
  return options;
}

TEST(NetworksTest, ResidualOnesResumeBitwiseWithFiniteLosses) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    auto options = residual_options();
    options.loss.r1 = 1;
    options.train.precision = precision;
    options.train.steps = 4;
    models::validate(options.model, seen_shape(options));
    expect_bitwise_resume(options);
  }
}

}  // namespace
}  // namespace vidgen::train
