#pragma once

#include <random>
#include <string>
#include <vector>

#include "vidgen/core/fields.h"
#include "vidgen/models/frame_generator.h"
#include "vidgen/models/options.h"
#include "vidgen/nn/motion.h"

namespace vidgen::test {

/// A small generator of the registered types, whose other options are drawn until they are valid.
inline models::ModelOptions random_model(const std::string& frame_generator,
                                         const std::string& motion, const models::ClipShape& shape,
                                         uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto one_of = [&](const std::vector<int64_t>& choices) {
    return choices[random() % choices.size()];
  };
  for (int attempt = 0; attempt < 10000; ++attempt) {
    models::ModelOptions options;
    options.discriminators.resize(1);
    auto& generator = options.generator;
    generator.type = frame_generator;
    for (int64_t stages = one_of({2, 3}); stages > 0; --stages)
      generator.widths.push_back(one_of({4, 6, 8, 12}));
    if (one_of({0, 1}) == 1) generator.attention = {one_of({4, 8})};
    generator.attention_axes = static_cast<nn::AttentionAxes>(one_of({0, 1}));
    generator.warp_resolution = one_of({0, 4, 8, 16});
    generator.warp_groups = one_of({1, 2, 3});
    generator.warp_still = one_of({0, 1});
    generator.warp_fade = one_of({0, 1}) == 1;
    generator.slots = one_of({1, 1, 2, 3});
    options.temporal = {motion,         one_of({0, 4, 6, 12}), one_of({2, 6, 8, 12}),
                        one_of({3, 8}), one_of({1, 2}),        one_of({1, 3, 5})};
    if (one_of({0, 1}) == 1) options.class_names = {"cats", "cows", "dogs"};
    options.class_dim = one_of({1, 5});
    try {
      models::validate(options, shape);
      return options;
    } catch (const core::FieldError&) {
    }
  }
  throw std::logic_error("no valid " + frame_generator + " with " + motion + " was drawn");
}

}  // namespace vidgen::test
