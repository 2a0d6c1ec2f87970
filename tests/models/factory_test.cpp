#include <gtest/gtest.h>

#include "vidgen/models/video_generator.h"

namespace vidgen::models {
namespace {

/// What is allocated for filters and matrices.
int64_t allocated(const ModelOptions& options, const ClipShape& shape) {
  int64_t count = 0;
  for (const auto& parameter : make_generator(options, shape)->parameters()) {
    if (parameter.dim() >= 2) count += parameter.numel();
  }
  return count;
}

/// Generators that have each of the parts.
std::vector<ModelOptions> all_kinds() {
  std::vector<ModelOptions> kinds;
  const auto add = [&](auto change) {
    ModelOptions options;
    options.generator.widths = {24, 16};
    options.temporal.content_dim = 12;
    options.temporal.motion_dim = 8;
    options.temporal.hidden = 20;
    change(options);
    validate(options, {3, 16, 16, 0});
    kinds.push_back(options);
  };
  add([](ModelOptions&) {});
  add([](ModelOptions& options) { options.generator.widths = {24, 16, 8}; });
  add([](ModelOptions& options) { options.generator.attention = {4, 8}; });
  add([](ModelOptions& options) { options.class_names = {"a", "b", "c"}; });
  for (const auto type : {"none", "gru_cell", "sinusoidal"}) {
    add([&](ModelOptions& options) { options.temporal.type = type; });
  }
  for (const auto type : {"lstm", "gru", "convolution"}) {
    for (const int64_t layers : {1, 2, 3}) {
      add([&](ModelOptions& options) {
        options.temporal.type = type;
        options.temporal.layers = layers;
        options.temporal.kernel = 3;
      });
    }
  }
  for (const bool residual : {false, true}) {
    for (const int64_t slots : {1, 2}) {
      add([&](ModelOptions& options) {
        options.generator.type = residual ? "residual" : "dcgan";
        if (residual) options.generator.widths = {24, 16, 8};
        options.generator.warp_resolution = 8;
        options.generator.warp_groups = 4;
        options.generator.warp_still = 1;
        options.generator.warp_fade = residual;
        options.generator.slots = slots;
        options.class_names = {"a", "b"};
      });
    }
  }
  return kinds;
}

TEST(FactoryTest, WeightsAreCountedWithoutAllocatingThem) {
  for (const int64_t channels : {1, 3}) {
    const ClipShape shape{channels, 16, 16, 0};
    for (const auto& options : all_kinds()) {
      SCOPED_TRACE(core::write_fields(options).dump());
      EXPECT_EQ(generator_weights(options, shape), allocated(options, shape));
    }
    EXPECT_EQ(generator_weights({}, {channels, 16, 64, 0}), allocated({}, {channels, 16, 64, 0}));
  }
}

TEST(FactoryTest, TheLargestConfigurationIsCountedWithoutOverflow) {
  ModelOptions options;
  options.generator.widths.assign(9, 8192);
  options.temporal = {"lstm", 4096, 4096, 4096, 16, 255};
  options.class_names = {"a", "b"};
  options.class_dim = 4096;
  const int64_t weights = generator_weights(options, {3, 4096, 1024, 0});
  EXPECT_GT(weights, int64_t{8} * 8192 * 8192 * 16);
  EXPECT_LT(weights, int64_t{16} * 8192 * 8192 * 16);
}

}  // namespace
}  // namespace vidgen::models
