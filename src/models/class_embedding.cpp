#include "class_embedding.h"

namespace vidgen::models {

void ClassEmbedding::add_layers(torch::nn::Module& network) {
  codes_ = network.register_module("classes", torch::nn::Embedding(classes_, dim_));
}

torch::Tensor ClassEmbedding::encode(const Condition& condition,
                                     const nn::LayerObserver& observer) {
  const auto& labels = condition.labels;
  TORCH_CHECK(labels.defined() && labels.dim() == 1, "a generator of classes needs labels [B]");
  auto learned = codes_(labels);
  if (observer) observer("classes", *codes_, learned);
  return learned;
}

graph::Value ClassEmbedding::describe(graph::Graph& graph) const {
  const auto labels = graph.input("labels", torch::kLong, {graph::each_clip()});
  const auto codes = graph.weight("classes.weight", codes_->weight);
  return graph.apply(graph::Function::kLookUp, {codes, labels});
}

}  // namespace vidgen::models
