#include "vidgen/models/summary.h"

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"
#include "vidgen/nn/flops.h"

namespace vidgen::models {
namespace {

/// A module in evaluation mode, without gradients, until the end of the scope.
class Evaluating {
 public:
  explicit Evaluating(torch::nn::Module& module)
      : module_(module), training_(module.is_training()) {
    module_.eval();
  }
  ~Evaluating() { module_.train(training_); }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;

 private:
  const torch::NoGradGuard no_grad_;
  torch::nn::Module& module_;
  const bool training_;
};

/// "torch::nn::Conv2dImpl" -> "Conv2d".
std::string short_type(const std::string& name) {
  const auto start = name.rfind(':') + 1;
  const std::string suffix = "Impl";
  const bool impl = name.size() > suffix.size() &&
                    name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
  return name.substr(start, name.size() - start - (impl ? suffix.size() : 0));
}

nn::LayerObserver collect(std::vector<LayerRow>& rows) {
  return [&rows](const std::string& name, const torch::nn::Module& layer,
                 const torch::Tensor& output) {
    rows.push_back({name, short_type(layer.name()), output.sizes().vec(), parameter_count(layer),
                    nn::forward_flops(layer, output)});
  };
}

torch::TensorOptions options_of(const torch::nn::Module& module) {
  return module.parameters().front().options().requires_grad(false);
}

}  // namespace

int64_t parameter_count(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

void walk_layers(VideoGeneratorImpl& generator, const ClipShape& shape, int64_t clips,
                 const nn::LayerObserver& observer) {
  const Evaluating evaluating(generator);
  const auto& temporal = generator.options.temporal;
  const auto options = options_of(generator);
  Latents latents{
      torch::zeros({clips, temporal.content_dim}, options),
      torch::zeros({clips, nn::noise_frames(temporal, shape.frames), temporal.motion_dim}, options),
      torch::zeros({clips, temporal.motion_dim}, options)};
  latents.condition = ConditionSampler(generator.options.condition).in_turn(clips);
  generator.forward(latents.to(options.device()), observer);
}

void walk_layers(DiscriminatorImpl& discriminator, const ClipShape& shape, int64_t clips,
                 const nn::LayerObserver& observer) {
  const Evaluating evaluating(discriminator);
  const auto options = options_of(discriminator);
  ClipBatch batch;
  batch.clips =
      torch::zeros({clips, shape.channels, shape.frames, shape.size, shape.size}, options);
  batch.frame_indices =
      torch::arange(discriminator.options.frames, options.dtype(torch::kLong)).repeat({clips, 1});
  batch.condition = ConditionSampler(discriminator.condition).in_turn(clips).to(options.device());
  discriminator.forward(batch, observer);
}

std::vector<LayerRow> summarize(VideoGeneratorImpl& generator, const ClipShape& shape) {
  std::vector<LayerRow> rows;
  walk_layers(generator, shape, 1, collect(rows));
  return rows;
}

std::vector<LayerRow> summarize(DiscriminatorImpl& discriminator, const ClipShape& shape) {
  std::vector<LayerRow> rows;
  walk_layers(discriminator, shape, 1, collect(rows));
  return rows;
}

std::string format_layers(const std::vector<LayerRow>& rows) {
  std::vector<std::vector<std::string>> table{{"layer", "type", "output", "parameters", "MFLOP"}};
  const auto mega = [](double flops) { return core::format_number(flops / 1e6, 1); };
  LayerRow total;
  for (const auto& row : rows) {
    table.push_back({row.name, row.type, core::cat(torch::IntArrayRef(row.output)),
                     std::to_string(row.parameters), mega(row.flops)});
    total.parameters += row.parameters;
    total.flops += row.flops;
  }
  table.push_back({"total", "", "", std::to_string(total.parameters), mega(total.flops)});
  return core::format_table(table);
}

}  // namespace vidgen::models
