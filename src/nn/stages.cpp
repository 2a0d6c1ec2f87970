#include "vidgen/nn/stages.h"

#include "vidgen/nn/convolution.h"

namespace vidgen::nn {

void Stages::add_attention(int64_t resolution, const SelfAttentionOptions& options) {
  attention_.insert_or_assign(
      main_->size() - 1,
      Attention{"attention_" + std::to_string(resolution), SelfAttention(options)});
}

void Stages::register_in(torch::nn::Module& owner) {
  owner.register_module("main", main_);
  for (auto& [index, attention] : attention_) {
    owner.register_module(attention.name, attention.block);
  }
}

torch::Tensor Stages::forward(torch::Tensor x, int64_t frames, const LayerObserver& observer) {
  for (size_t i = 0; i < main_->size(); ++i) {
    auto& layer = *(main_->begin() + static_cast<int64_t>(i));
    const auto fast = fast_convolution(*layer.ptr(), x);
    x = fast ? *fast : layer.forward(x);
    if (observer) observer("main." + std::to_string(i), *layer.ptr(), x);
    const auto found = attention_.find(i);
    if (found == attention_.end()) continue;
    auto& [name, block] = found->second;
    x = block->forward(x, frames);
    if (observer) observer(name, *block, x);
  }
  return x;
}

}  // namespace vidgen::nn
