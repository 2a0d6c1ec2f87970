#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <cstdint>
#include <memory>

#include "vidgen/graph/graph.h"
#include "vidgen/models/condition.h"
#include "vidgen/nn/observer.h"

namespace vidgen::models {

/// Turns what clips are asked to be into numbers, by layers that a generator learns.
class ConditionEncoder {
 public:
  virtual ~ConditionEncoder() = default;

  /// Numbers for each clip.
  virtual int64_t dim() const = 0;
  /// Numbers in its filters and matrices.
  virtual int64_t weights() const = 0;
  /// Makes the layers, as submodules of the network that they are saved, drawn and moved with;
  /// before it there are none.
  virtual void add_layers(torch::nn::Module& network) = 0;
  /// [B,dim()]. Shows the layers to the observer by their names in the network. Throws c10::Error
  /// where the condition lacks what is read.
  virtual torch::Tensor encode(const Condition& condition,
                               const nn::LayerObserver& observer = {}) = 0;
  /// The same as operations; asks for the inputs, called after the parts of the condition.
  virtual graph::Value describe(graph::Graph& graph) const = 0;
};

/// The encoder of the kind that the options name; null where nothing can be asked for.
std::shared_ptr<ConditionEncoder> make_condition_encoder(const ConditionOptions& options);

}  // namespace vidgen::models
