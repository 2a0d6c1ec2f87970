#include "vidgen/models/summary.h"

#include "vidgen/core/error.h"
#include "vidgen/core/text.h"

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

int64_t parameter_count(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

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
    rows.push_back({name, short_type(layer.name()), output.sizes().vec(), parameter_count(layer)});
  };
}

torch::TensorOptions options_of(const torch::nn::Module& module) {
  return module.parameters().front().options().requires_grad(false);
}

}  // namespace

std::vector<LayerRow> summarize(VideoGeneratorImpl& generator, const ClipShape& shape) {
  const Evaluating evaluating(generator);
  const auto& temporal = generator.options.temporal;
  const auto options = options_of(generator);
  std::vector<LayerRow> rows;
  generator.forward({torch::zeros({1, temporal.content_dim}, options),
                     torch::zeros({1, shape.frames, temporal.motion_dim}, options),
                     torch::zeros({1, temporal.motion_dim}, options)},
                    collect(rows));
  return rows;
}

std::vector<LayerRow> summarize(DiscriminatorImpl& discriminator, const ClipShape& shape) {
  const Evaluating evaluating(discriminator);
  const auto options = options_of(discriminator);
  ClipBatch batch;
  batch.clips = torch::zeros({1, shape.channels, shape.frames, shape.size, shape.size}, options);
  batch.frame_indices =
      torch::arange(discriminator.options.frames, options.dtype(torch::kLong)).unsqueeze(0);
  std::vector<LayerRow> rows;
  discriminator.forward(batch, collect(rows));
  return rows;
}

std::string format_layers(const std::vector<LayerRow>& rows) {
  std::vector<std::vector<std::string>> table{{"layer", "type", "output", "parameters"}};
  int64_t total = 0;
  for (const auto& row : rows) {
    table.push_back({row.name, row.type, core::cat(torch::IntArrayRef(row.output)),
                     std::to_string(row.parameters)});
    total += row.parameters;
  }
  table.push_back({"total", "", "", std::to_string(total)});
  return core::format_table(table);
}

}  // namespace vidgen::models
