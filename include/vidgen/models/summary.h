#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vidgen/models/discriminator.h"
#include "vidgen/models/video_generator.h"

namespace vidgen::models {

/// Numbers in a module's parameters.
int64_t parameter_count(const torch::nn::Module& module);

/// Shows each layer of a network to `observer`, in the order they run, by running `clips` clips of
/// zeros; changes no weight, buffer or mode.
void walk_layers(VideoGeneratorImpl& generator, const ClipShape& shape, int64_t clips,
                 const nn::LayerObserver& observer);
void walk_layers(DiscriminatorImpl& discriminator, const ClipShape& shape, int64_t clips,
                 const nn::LayerObserver& observer);

/// One layer as it ran on one clip.
struct LayerRow {
  /// As in the names of its parameters.
  std::string name;
  /// "ConvTranspose2d".
  std::string type;
  /// The shape of what it put out.
  std::vector<int64_t> output;
  /// Numbers in its parameters.
  int64_t parameters = 0;
  /// Floating-point operations of its forward pass (nn::forward_flops).
  double flops = 0;
};

/// The layers in the order they run, on one clip.
std::vector<LayerRow> summarize(VideoGeneratorImpl& generator, const ClipShape& shape);
std::vector<LayerRow> summarize(DiscriminatorImpl& discriminator, const ClipShape& shape);

/// The rows as an aligned table with a heading and a last row with the sums.
std::string format_layers(const std::vector<LayerRow>& rows);

}  // namespace vidgen::models
