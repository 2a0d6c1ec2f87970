#include "vidgen/infer/plan.h"

#include <utility>

#include "vidgen/core/cases.h"
#include "vidgen/graph/rewrite.h"
#include "vidgen/kernels/pixel_lines.h"

namespace vidgen::infer {
namespace {

/// Finds passes for the operations of a graph, one after the other.
class Planner {
 public:
  explicit Planner(const graph::Graph& graph) : graph_(graph), made_by_(graph.value_count(), -1) {}

  Plan plan();

 private:
  void add(const graph::Op& op);
  void add(const graph::Op& op, const graph::Convolution& convolution);
  void add(const graph::Op& op, const graph::Call& call);
  /// A layer that is called after the one before it, or its block.
  Layer& add(const graph::Op& op, Layer::Kind kind, std::string name);
  void activate(const graph::Op& op, Activation activation);
  /// The operation belongs to the layer that puts out its first input.
  Layer& extend(const graph::Op& op);
  /// The layer that puts out the value; -1 for the latents.
  int64_t& made_by(graph::Value value) { return made_by_.at(static_cast<size_t>(value.index)); }
  /// "frame.main.4" of an operation on what "frame.main.4.conv" puts out.
  std::string block_of(const graph::Op& op);

  const graph::Graph& graph_;
  std::vector<int64_t> made_by_;
  Plan plan_;
};

Layer& Planner::add(const graph::Op& op, Layer::Kind kind, std::string name) {
  Layer layer;
  layer.name = std::move(name);
  layer.kind = kind;
  for (const auto& input : op.inputs) {
    if (made_by(input) >= 0) layer.inputs.push_back(static_cast<size_t>(made_by(input)));
  }
  made_by(op.outputs[0]) = static_cast<int64_t>(plan_.size());
  return plan_.emplace_back(std::move(layer));
}

Layer& Planner::extend(const graph::Op& op) {
  const int64_t place = made_by(op.inputs.front());
  made_by(op.outputs[0]) = place;
  return plan_.at(static_cast<size_t>(place));
}

std::string Planner::block_of(const graph::Op& op) {
  const auto& name = plan_.at(static_cast<size_t>(made_by(op.inputs.front()))).name;
  return name.substr(0, name.rfind('.'));
}

void Planner::activate(const graph::Op& op, Activation activation) {
  auto& layer = extend(op);
  TORCH_CHECK(layer.activation == Activation::kNone, layer.name, ": has two activations");
  layer.activation = activation;
}

void Planner::add(const graph::Op& op, const graph::Convolution& convolution) {
  const auto& [axes, transposed, stride, padding] = convolution;
  const auto weight = graph_.constant(op.inputs[1])->value();
  const int64_t kernel = weight.size(2);
  auto kind = Layer::Kind::kConvolution;
  if (transposed) kind = stride == 1 ? Layer::Kind::kFromLatent : Layer::Kind::kUpsample2x;
  auto& layer = add(op, kind, graph::layer_of(graph_, op));
  const bool known = transposed ? kernel == 4 && (stride == 1 ? padding == 0 && layer.inputs.empty()
                                                              : stride == 2 && padding == 1)
                                : kernel % 2 == 1 && stride == 1 && padding == kernel / 2;
  TORCH_CHECK(axes == 2 && known, layer.name, ": no pass for such a convolution");
  layer.weight = weight.to(torch::kFloat, /*non_blocking=*/false, /*copy=*/true).contiguous();
  layer.bias = op.inputs.size() > 2
                   ? graph_.constant(op.inputs[2])->value().to(torch::kFloat, false, /*copy=*/true)
                   : torch::zeros({layer.weight.size(output_axis(kind))});
}

void Planner::add(const graph::Op& op, const graph::Call& call) {
  if (auto attention = std::dynamic_pointer_cast<nn::SelfAttentionImpl>(call.block)) {
    add(op, Layer::Kind::kAttention, call.name).attention = nn::SelfAttention(attention);
  } else if (auto warp = std::dynamic_pointer_cast<nn::WarpImpl>(call.block)) {
    add(op, Layer::Kind::kWarp, call.name).warp = nn::Warp(warp);
  } else {
    TORCH_CHECK(false, call.name, ": no pass for such a block");
  }
}

void Planner::add(const graph::Op& op) {
  using graph::Function;
  const core::Cases cases{
      [&](Function function) {
        switch (function) {
          case Function::kRelu:
            return activate(op, Activation::kRelu);
          case Function::kLeakyRelu:
            return activate(op, Activation::kLeakyRelu);
          case Function::kTanh:
            return activate(op, Activation::kTanh);
          case Function::kAdd:
            add(op, Layer::Kind::kAdd, block_of(op) + ".add");
            return;
          case Function::kMultiply:
            extend(op).scale = graph_.constant(op.inputs.at(1))->value().item<double>();
            return;
          default:
            TORCH_CHECK(false, "a frame generator has no such function");
        }
      },
      [&](const graph::Convolution& convolution) { add(op, convolution); },
      [&](graph::RepeatPixels) { add(op, Layer::Kind::kRepeat, block_of(op) + ".repeat"); },
      [&](const graph::Call& call) { add(op, call); },
      // Of the latents only, which are rows to all passes.
      [&](graph::Reshape) { TORCH_CHECK(made_by(op.inputs[0]) < 0, "no pass for a reshape"); },
      [&](const auto&) { TORCH_CHECK(false, "a frame generator has no such operation"); }};
  std::visit(cases, op.kind);
}

Plan Planner::plan() {
  for (const auto& op : graph_.ops()) add(op);
  return std::move(plan_);
}

torch::Tensor run_layer(const Layer& layer, const torch::Tensor& x, const torch::Tensor& second,
                        const torch::Tensor& z, int64_t frames) {
  const auto transposed = [&](const torch::Tensor& pictures, int64_t stride, int64_t padding) {
    return at::convolution(pictures, layer.weight, layer.bias, {stride, stride}, {padding, padding},
                           {1, 1}, /*transposed=*/true, {0, 0}, 1);
  };
  switch (layer.kind) {
    case Layer::Kind::kFromLatent:
      return transposed(x.reshape({-1, layer.weight.size(0), 1, 1}), 1, 0);
    case Layer::Kind::kUpsample2x:
      return transposed(x, 2, 1);
    case Layer::Kind::kConvolution: {
      const int64_t padding = layer.weight.size(2) / 2;
      return at::convolution(x, layer.weight, layer.bias, {1, 1}, {padding, padding}, {1, 1},
                             /*transposed=*/false, {0, 0}, 1);
    }
    case Layer::Kind::kRepeat:
      return at::upsample_nearest2d(x, {2 * x.size(2), 2 * x.size(3)});
    case Layer::Kind::kAdd:
      return (x + second) * layer.scale;
    case Layer::Kind::kAttention: {
      auto attention = layer.attention;
      return attention->forward(x, frames);
    }
    case Layer::Kind::kWarp: {
      auto warp = layer.warp;
      return warp->forward(x, z);
    }
  }
  TORCH_CHECK(false, layer.name, ": unknown kind of layer");
}

torch::Tensor run_layers(const Plan& plan, const torch::Tensor& z, int64_t frames,
                         const PlanInput& change, const PlanObserver& show) {
  const auto last = last_uses(plan);
  std::vector<torch::Tensor> outputs(plan.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& layer = plan[i];
    const auto& inputs = layer.inputs;
    torch::Tensor x = inputs.empty() ? z : outputs[inputs[0]];
    if (change) x = change(i, x);
    const torch::Tensor second = inputs.size() > 1 ? outputs[inputs[1]] : torch::Tensor();
    outputs[i] = activate_(run_layer(layer, x, second, z.flatten(1), frames), layer.activation);
    if (show) show(i, x, outputs[i]);
    for (const size_t input : inputs) {
      if (last[input] == i) outputs[input] = torch::Tensor();
    }
  }
  return outputs.back();
}

}  // namespace

torch::Tensor activate_(torch::Tensor x, Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return x.relu_();
    case Activation::kLeakyRelu:
      return at::leaky_relu_(x, 0.2);
    case Activation::kTanh:
      return x.tanh_();
  }
  TORCH_CHECK(false, "unknown activation");
}

int64_t output_axis(Layer::Kind kind) { return kind == Layer::Kind::kConvolution ? 0 : 1; }

graph::Graph frame_graph(const models::VideoGenerator& network) {
  const torch::NoGradGuard no_grad;
  graph::Graph graph;
  const auto z =
      graph.input("z", torch::kFloat, {graph::each_clip(), network->options.frame.latent_dim});
  graph.output("frames", network->frame_generator().describe(graph, z, "frame"));
  return graph;
}

Plan make_plan(const graph::Graph& frames) {
  const torch::NoGradGuard no_grad;
  return Planner(graph::fold_batch_norm(frames)).plan();
}

Plan make_plan(const models::VideoGenerator& network) { return make_plan(frame_graph(network)); }

std::vector<size_t> last_uses(const Plan& plan) {
  std::vector<size_t> last(plan.size(), plan.size());
  for (size_t i = 0; i < plan.size(); ++i) {
    for (const size_t input : plan[i].inputs) last[input] = i;
  }
  return last;
}

torch::Tensor run_plan(const Plan& plan, const torch::Tensor& z, int64_t frames,
                       const PlanObserver& show) {
  const torch::NoGradGuard no_grad;
  return run_layers(plan, z, frames, {}, show);
}

torch::Tensor run_plan_with_gradients(const Plan& plan, const torch::Tensor& z, int64_t frames,
                                      const PlanInput& input) {
  return run_layers(plan, z, frames, input, {});
}

torch::Tensor tanh_to_rgb(const torch::Tensor& sums, bool phases) {
  const int64_t copies = phases ? 4 : 1;
  const auto type = sums.scalar_type();
  TORCH_CHECK(sums.is_cpu() && (type == torch::kFloat || type == torch::kBFloat16) &&
                  sums.dim() == 4 && sums.size(2) == sums.size(3) &&
                  (sums.size(1) == copies || sums.size(1) == 3 * copies),
              "expected float32 or bfloat16 [M,", copies, " or ", 3 * copies,
              ",S,S] on the CPU, found ", type, " ", sums.sizes(), " on ", sums.device());
  const auto lying = sums.contiguous(torch::MemoryFormat::ChannelsLast);
  const int64_t pictures = lying.size(0), channels = lying.size(1) / copies;
  const int64_t side = phases ? 2 * (lying.size(2) - 1) : lying.size(2);
  auto rgb = torch::empty({pictures, side, side, 3}, torch::kU8);
  kernels::write_rgb(
      {lying.const_data_ptr(), type == torch::kBFloat16, pictures, side, channels, phases},
      rgb.mutable_data_ptr<uint8_t>());
  return rgb;
}

}  // namespace vidgen::infer
