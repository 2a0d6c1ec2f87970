// The GAN step with networks that tiny_options() does not have.
#include <gtest/gtest.h>

#include "train/tiny_gan.h"

namespace vidgen::train {
namespace {

RunOptions residual_options() {
  auto options = tiny_options();
  options.model.init = nn::Init::kHe;
  options.model.temporal.type = nn::TemporalType::kConvolution;
  options.model.temporal.layers = 2;
  options.model.generator.type = models::GeneratorType::kResidual;
  options.model.generator.widths = {8, 8, 6};
  for (auto& discriminator : options.model.discriminators) {
    discriminator.network = models::DiscriminatorNetwork::kResidual;
    discriminator.norm = models::DiscriminatorNorm::kSpectral;
    discriminator.minibatch_stddev = true;
  }
  options.model.discriminators[1].fold = 2;
  options.model.discriminators[1].times = true;
  options.train.frames = 4;
  return options;
}

TEST(NetworksTest, ResidualOnesResumeBitwiseWithFiniteLosses) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    auto options = residual_options();
    options.loss.r1 = 1;
    options.train.precision = precision;
    options.train.steps = 4;
    models::validate(options.model, seen_shape(options));
    GanStep straight(options, torch::kCPU);
    train(straight, options, 0, 4);
    EXPECT_TRUE(straight.metrics().isfinite().all().item<bool>());

    GanStep first(options, torch::kCPU);
    train(first, options, 0, 2);
    checkpoint::StateSaver saver;
    first.visit(saver);
    const checkpoint::SafetensorsFile file{saver.metadata, saver.tensors};
    GanStep second(options, torch::kCPU);
    checkpoint::StateLoader loader("memory", file);
    second.visit(loader);
    loader.finish();
    train(second, options, 2, 4);
    expect_equal(state_of(straight), state_of(second));
    EXPECT_TRUE(straight.metrics().equal(second.metrics()));
  }
}

}  // namespace
}  // namespace vidgen::train
