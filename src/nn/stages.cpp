#include "vidgen/nn/stages.h"

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>

#include "vidgen/nn/activation.h"
#include "vidgen/nn/backend.h"
#include "vidgen/nn/convolution.h"
#include "vidgen/nn/layers.h"
#include "vidgen/nn/recompute.h"

namespace vidgen::nn {
namespace {

bool begins_part(const torch::nn::Module& layer) {
  return layer.as<torch::nn::Conv2d>() || layer.as<torch::nn::Conv3d>() ||
         layer.as<torch::nn::ConvTranspose2d>() || layer.as<ResidualBlock>();
}

/// The slope of a ReLU or leaky ReLU; nothing for other layers.
std::optional<double> slope_of(const torch::nn::Module& layer) {
  if (layer.as<torch::nn::ReLU>()) return 0;
  const auto* leaky = layer.as<torch::nn::LeakyReLU>();
  return leaky ? std::optional(leaky->options.negative_slope()) : std::nullopt;
}

/// Pictures [M,C,H,W] with each `frames` in a row as one of frames * C channels.
torch::Tensor stacked(const torch::Tensor& x, int64_t frames) {
  if (frames == 1) return x;
  return x.contiguous()
      .view({x.size(0) / frames, frames * x.size(1), x.size(2), x.size(3)})
      .contiguous(torch::MemoryFormat::ChannelsLast);
}

}  // namespace

void Stages::add_frame_stack(int64_t frames) {
  frame_stack_ = frames;
  stack_before_ = main_->size();
}

void Stages::add_attention(const std::vector<int64_t>& wanted, int64_t resolution,
                           const SelfAttentionOptions& options) {
  if (std::find(wanted.begin(), wanted.end(), resolution) == wanted.end()) return;
  attention_.insert_or_assign(
      main_->size() - 1,
      Attention{"attention_" + std::to_string(resolution), SelfAttention(options)});
}

void Stages::add_warp(int64_t resolution, const WarpOptions& options) {
  warp_ = Warp(options);
  warp_name_ = "warp_" + std::to_string(resolution);
  warp_behind_ = main_->size() - 1;
}

void Stages::register_in(torch::nn::Module& owner) {
  owner.register_module("main", main_);
  for (auto& [index, attention] : attention_) {
    owner.register_module(attention.name, attention.block);
  }
  if (warp_) owner.register_module(warp_name_, warp_);
}

size_t Stages::end_of_part(size_t first) const {
  size_t end = first + 1;
  while (end < main_->size() && !begins_part(*main_->ptr(end))) ++end;
  return end;
}

std::vector<std::shared_ptr<torch::nn::Module>> Stages::layers(size_t first, size_t end) const {
  std::vector<std::shared_ptr<torch::nn::Module>> result;
  for (size_t i = first; i < end; ++i) {
    result.push_back(main_->ptr(i));
    const auto found = attention_.find(i);
    if (found != attention_.end()) result.push_back(found->second.block.ptr());
  }
  return result;
}

torch::Tensor Stages::run_layer(size_t index, const torch::Tensor& x, Rows rows,
                                const LayerObserver& observer) {
  auto& any = *(main_->begin() + static_cast<int64_t>(index));
  auto& layer = *any.ptr();
  const auto name = "main." + std::to_string(index);
  if (auto* block = layer.as<ResidualBlock>())
    return block->forward(x, rows.frames, inside(name, observer));
  torch::Tensor y;
  if (auto* stddev = layer.as<MinibatchStddev>()) {
    y = stddev->forward(x, rows.frames, rows.batches);
  } else {
    const auto fast = fast_convolution(layer, x);
    auto* pictures = layer.as<torch::nn::Conv2d>();
    y = fast ? *fast : pictures ? plain_convolution(*pictures, x) : any.forward(x);
  }
  if (observer) observer(name, layer, y);
  return y;
}

std::optional<double> Stages::slope_behind(size_t index, size_t end) const {
  const auto& layer = *main_->ptr(index);
  const bool norm = layer.as<torch::nn::BatchNorm2d>() || layer.as<torch::nn::BatchNorm3d>();
  const size_t next = index + 1;
  if (!norm || next >= end || next == stack_before_ || attention_.count(index) > 0)
    return std::nullopt;
  return slope_of(*main_->ptr(next));
}

torch::Tensor Stages::run(torch::Tensor x, size_t first, size_t end, Rows rows,
                          const LayerObserver& observer) {
  for (size_t i = first; i < end; ++i) {
    if (i == stack_before_) x = stacked(x, frame_stack_);
    if (const auto slope = observer ? std::nullopt : slope_behind(i, end)) {
      x = rectified_norm(*main_->ptr(i++), x, {}, /*factor=*/1, *slope);
    } else {
      x = run_layer(i, x, rows_at(i, rows), observer);
    }
    const auto found = attention_.find(i);
    if (found == attention_.end()) continue;
    auto& [name, block] = found->second;
    x = block->forward(x, rows_at(i, rows).frames);
    if (observer) observer(name, *block, x);
  }
  return x;
}

torch::Tensor Stages::forward(torch::Tensor x, Rows rows, const LayerObserver& observer,
                              StageOutputs* stages, const torch::Tensor& code) {
  const bool again = backend().recompute && !observer;
  for (size_t first = 0; first < main_->size();) {
    const size_t end = end_of_part(first);
    if (again) {
      const auto part = [this, first, end, rows](const torch::Tensor& in) {
        return run(in, first, end, rows, {});
      };
      x = recompute(part, layers(first, end), x);
    } else {
      x = run(std::move(x), first, end, rows, observer);
    }
    if (warp_ && end == warp_behind_ + 1) {
      x = warp_->forward(x, code);
      if (observer) observer(warp_name_, *warp_, x);
    }
    if (stages && end < main_->size()) stages->push_back(x);
    first = end;
  }
  return x;
}

graph::Value Stages::describe(graph::Graph& graph, graph::Value x, graph::Value code,
                              const std::string& name) const {
  for (size_t i = 0; i < main_->size(); ++i) {
    const auto& layer = *main_->ptr(i);
    const auto layer_name = name + ".main." + std::to_string(i);
    const auto* block = layer.as<ResidualBlock>();
    x = block ? block->describe(graph, x, layer_name) : describe_layer(graph, x, layer, layer_name);
    const auto found = attention_.find(i);
    if (found != attention_.end()) {
      const auto& [at, attention] = found->second;
      x = graph.call(attention.ptr(), name + "." + at, {x});
    }
    if (warp_ && i == warp_behind_) x = graph.call(warp_.ptr(), name + "." + warp_name_, {x, code});
  }
  return x;
}

}  // namespace vidgen::nn
