#pragma once

#include <torch/nn/modules/embedding.h>

#include "vidgen/models/condition_encoder.h"

namespace vidgen::models {

/// What is learned for each class: numbers that a label looks up. Layer: `classes`.
class ClassEmbedding : public ConditionEncoder {
 public:
  ClassEmbedding(int64_t classes, int64_t dim) : classes_(classes), dim_(dim) {}

  int64_t dim() const override { return dim_; }
  int64_t weights() const override { return classes_ * dim_; }
  void add_layers(torch::nn::Module& network) override;
  torch::Tensor encode(const Condition& condition, const nn::LayerObserver& observer) override;
  graph::Value describe(graph::Graph& graph) const override;

 private:
  const int64_t classes_, dim_;
  torch::nn::Embedding codes_{nullptr};
};

}  // namespace vidgen::models
