#include "vidgen/models/condition_encoder.h"

#include <torch/nn/modules/embedding.h>

namespace vidgen::models {
namespace {

/// What is learned for each class: numbers that a label looks up. Layer: `classes`.
class ClassEmbedding : public ConditionEncoder {
 public:
  ClassEmbedding(int64_t classes, int64_t dim) : classes_(classes), dim_(dim) {}

  int64_t dim() const override { return dim_; }
  int64_t weights() const override { return classes_ * dim_; }

  void add_layers(torch::nn::Module& network) override {
    codes_ = network.register_module("classes", torch::nn::Embedding(classes_, dim_));
  }

  torch::Tensor encode(const Condition& condition, const nn::LayerObserver& observer) override {
    const auto& labels = condition.labels;
    TORCH_CHECK(labels.defined() && labels.dim() == 1, "a generator of classes needs labels [B]");
    auto learned = codes_(labels);
    if (observer) observer("classes", *codes_, learned);
    return learned;
  }

  graph::Value describe(graph::Graph& graph) const override {
    const auto labels = graph.input("labels", torch::kLong, {graph::each_clip()});
    const auto codes = graph.weight("classes.weight", codes_->weight);
    return graph.apply(graph::Function::kLookUp, {codes, labels});
  }

 private:
  const int64_t classes_, dim_;
  torch::nn::Embedding codes_{nullptr};
};

}  // namespace

std::shared_ptr<ConditionEncoder> make_condition_encoder(const ConditionOptions& options) {
  if (options.classes == 0) return nullptr;
  return std::make_shared<ClassEmbedding>(options.classes, options.class_dim);
}

}  // namespace vidgen::models
