#include "vidgen/infer/int8.h"

#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "executor.h"
#include "vidgen/kernels/phases.h"
#include "vidgen/kernels/pixel_lines.h"
#include "vidgen/nn/processor.h"

namespace vidgen::infer {
namespace {

using Int64List = c10::List<int64_t>;
// All as LibTorch registers them: the dispatcher compares the types.
using Int8Prepack = at::Tensor(at::Tensor weight, at::Tensor weight_scale, double input_scale,
                               int64_t input_zero_point, Int64List stride, Int64List padding,
                               Int64List dilation, int64_t groups,
                               std::optional<Int64List> input_shape);
using Int8Pointwise = at::Tensor(at::Tensor input, double input_scale, int64_t input_zero_point,
                                 at::Tensor weight, at::Tensor weight_scale,
                                 at::Tensor weight_zero_point, std::optional<at::Tensor> bias,
                                 Int64List stride, Int64List padding, Int64List dilation,
                                 int64_t groups, double output_scale, int64_t output_zero_point,
                                 std::optional<c10::ScalarType> output_type,
                                 std::string_view activation,
                                 c10::List<std::optional<at::Scalar>> activation_arguments,
                                 std::optional<std::string_view> algorithm);
using Int8ProductPrepack = at::Tensor(at::Tensor weight, std::optional<Int64List> input_shape);
using Int8Product = at::Tensor(at::Tensor input, double input_scale, int64_t input_zero_point,
                               at::Tensor weight, at::Tensor weight_scale,
                               at::Tensor weight_zero_point, std::optional<at::Tensor> bias,
                               double output_scale, int64_t output_zero_point,
                               std::optional<c10::ScalarType> output_type,
                               std::string_view activation,
                               c10::List<std::optional<at::Scalar>> activation_arguments,
                               std::string_view algorithm);

/// Up to so many pixels a side, a kUpsample2x of many pictures runs as matrix products: its
/// convolution computes a line and a column more than it needs, 25/16 of the pixels at 4x4 and
/// 81/64 at 8x8. At 16x16 the products gain a few percent only (measured).
constexpr int64_t kSmallSide = 16;
/// Of fewer pictures, four calls to oneDNN in place of one cost what they save, or more (measured).
constexpr int64_t kManyPictures = 32;

template <class Function>
auto find_int8_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Function>();
}

Int64List pair_of(int64_t value) { return Int64List{value, value}; }

// Not inline: GCC 12 would warn of numbers that are not there.
[[gnu::noinline]] std::optional<Int64List> any_input_shape() { return std::nullopt; }

/// The filters [out',in,k,k] of the convolution that does a layer's work.
torch::Tensor int8_filters(Layer::Kind kind, const torch::Tensor& weight) {
  const int64_t in = weight.size(0), out = weight.size(1);
  switch (kind) {
    case Layer::Kind::kFromLatent:
      return weight.permute({2, 3, 1, 0}).reshape({16 * out, in, 1, 1});
    case Layer::Kind::kUpsample2x:
      return kernels::phase_filters(weight);
    default:
      return weight;
  }
}

void check_int8_layer(const Layer& layer, const QuantizedLayer& quantized) {
  TORCH_CHECK(can_be_int8(layer.kind), layer.name, " cannot be quantised");
  const auto& weight = quantized.weight;
  TORCH_CHECK(weight.dim() == 4 && weight.scalar_type() == torch::kChar, layer.name,
              ": expected an int8 weight of four dimensions");
  const int64_t out = weight.size(output_axis(layer.kind));
  TORCH_CHECK(quantized.weight_scale.numel() == out && quantized.bias.numel() == out, layer.name,
              ": expected ", out, " scales and biases, found ", quantized.weight_scale.numel(),
              " and ", quantized.bias.numel());
  const int64_t kernel = weight.size(2);
  // 2: phases_of() a kUpsample2x.
  const bool fits =
      layer.kind == Layer::Kind::kConvolution ? kernel % 2 == 1 || kernel == 2 : kernel == 4;
  TORCH_CHECK(fits && kernel == weight.size(3), layer.name, ": found filters of ", kernel, "x",
              weight.size(3));
}

/// Filters [out,in,k,k] as `count` matrices, in oneDNN's order: each takes windows of kxk pixels.
std::vector<torch::Tensor> matrices_of(const torch::Tensor& filters, int64_t count) {
  static const auto prepack = find_int8_operator<Int8ProductPrepack>("onednn::qlinear_prepack");
  const auto matrices =
      filters.permute({0, 2, 3, 1}).reshape({count, filters.size(0) / count, -1}).contiguous();
  std::vector<torch::Tensor> result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(prepack.call(matrices.select(0, i), any_input_shape()));
  return result;
}

/// Whether oneDNN's int8 kernels add up in 32 bits.
bool sums_are_exact() {
  static const bool exact = nn::has_int8_instructions();
  return exact;
}

/// What oneDNN's kernels compute of an activation.
std::string_view fused_activation(Activation activation) {
  return activation == Activation::kRelu ? "relu" : "none";
}

/// The quantised layer of phases_of() a kUpsample2x.
QuantizedLayer int8_phases(QuantizedLayer doubling) {
  doubling.weight = kernels::phase_filters(doubling.weight);
  doubling.weight_scale = doubling.weight_scale.repeat({4});
  doubling.bias = doubling.bias.repeat({4});
  return doubling;
}

}  // namespace

torch::Tensor to_uint8(const torch::Tensor& x, const Uint8Scale& scale) {
  const auto q =
      at::quantize_per_tensor(x.to(torch::kFloat), scale.scale, scale.zero_point, torch::kQUInt8);
  // The same memory as plain bytes, which it stays alive for.
  return at::from_blob(
      q.data_ptr(), q.sizes(), q.strides(), [q](void*) {}, torch::kByte);
}

bool can_be_int8(Layer::Kind kind) {
  return kind == Layer::Kind::kFromLatent || kind == Layer::Kind::kUpsample2x ||
         kind == Layer::Kind::kConvolution;
}

Int8Layer::Int8Layer(const Layer& layer, const QuantizedLayer& quantized, const Handover& output,
                     int64_t side)
    : kind_(layer.kind),
      activation_(layer.activation),
      input_(quantized.input()),
      output_(output),
      raw_(output) {
  check_int8_layer(layer, quantized);
  const bool fused = activation_ == Activation::kNone || activation_ == Activation::kRelu;
  if (!fused && output_.type == torch::kByte) raw_ = {};
  if (raw_.type != torch::kByte) raw_.scale = {};
  const auto filters = int8_filters(kind_, quantized.weight).contiguous();
  if (kind_ != Layer::Kind::kFromLatent) padding_ = filters.size(2) / 2;
  const int64_t copies = filters.size(0) / quantized.bias.numel();
  weight_scale_ = quantized.weight_scale.repeat({copies});
  weight_zero_point_ = torch::zeros({filters.size(0)}, torch::kInt);
  bias_ = quantized.bias.repeat({copies});
  if (kind_ == Layer::Kind::kFromLatent) latent_dim_ = quantized.weight.size(0);
  if (!sums_are_exact()) {
    weight_ = filters.to(torch::kFloat);
    return;
  }
  if (kind_ == Layer::Kind::kFromLatent) {
    matrices_ = matrices_of(filters, 1);
    return;
  }
  if (kind_ == Layer::Kind::kUpsample2x && side <= kSmallSide) matrices_ = matrices_of(filters, 4);
  static const auto prepack = find_int8_operator<Int8Prepack>("onednn::qconv_prepack");
  weight_ = prepack.call(filters, weight_scale_, input_.scale, input_.zero_point, pair_of(1),
                         pair_of(padding_), pair_of(1), /*groups=*/1, any_input_shape());
}

torch::Tensor Int8Layer::convolve_in_float32(const torch::Tensor& x) const {
  const auto integers = x.to(torch::kFloat) - input_.zero_point;
  const auto sums = torch::conv2d(integers, weight_, {}, 1, padding_);
  const auto scale = (weight_scale_ * input_.scale).view({-1, 1, 1});
  auto y = torch::addcmul(bias_.view({-1, 1, 1}), sums, scale);
  if (activation_ == Activation::kRelu) y.relu_();
  y = y.contiguous(torch::MemoryFormat::ChannelsLast);
  return raw_.type == torch::kByte ? to_uint8(y, raw_.scale) : y.to(raw_.type);
}

torch::Tensor Int8Layer::convolve(const torch::Tensor& x) const {
  if (!sums_are_exact()) return convolve_in_float32(x);
  static const auto pointwise = find_int8_operator<Int8Pointwise>("onednn::qconv_pointwise");
  return pointwise.call(x, input_.scale, input_.zero_point, weight_, weight_scale_,
                        weight_zero_point_, bias_, pair_of(1), pair_of(padding_), pair_of(1),
                        /*groups=*/1, raw_.scale.scale, raw_.scale.zero_point, raw_.type,
                        fused_activation(activation_), c10::List<std::optional<at::Scalar>>(), "");
}

torch::Tensor Int8Layer::multiply(const torch::Tensor& rows, size_t matrix) const {
  if (!sums_are_exact()) return convolve_in_float32(rows.unsqueeze(2).unsqueeze(3)).flatten(1);
  static const auto product = find_int8_operator<Int8Product>("onednn::qlinear_pointwise");
  const int64_t out = bias_.size(0) / static_cast<int64_t>(matrices_.size());
  return product.call(rows, input_.scale, input_.zero_point, matrices_[matrix],
                      weight_scale_.narrow(0, 0, out), weight_zero_point_.narrow(0, 0, out),
                      bias_.narrow(0, 0, out), raw_.scale.scale, raw_.scale.zero_point, raw_.type,
                      fused_activation(activation_), c10::List<std::optional<at::Scalar>>(), "");
}

torch::Tensor Int8Layer::multiply_phases(const torch::Tensor& x) const {
  const auto pictures = x.contiguous(torch::MemoryFormat::ChannelsLast);
  const kernels::PictureSizes sizes{pictures.size(0), pictures.size(2), pictures.size(3),
                                    pictures.size(1)};
  const int64_t out = bias_.size(0) / 4;
  const auto windows = torch::empty(
      {sizes.count * sizes.height * sizes.width, 4 * pictures.size(1)}, pictures.options());
  const auto result = torch::empty({sizes.count, 2 * sizes.height, 2 * sizes.width, out},
                                   pictures.options().dtype(raw_.type));
  const kernels::PictureSizes doubled{sizes.count, sizes.height, sizes.width,
                                      out * static_cast<int64_t>(result.element_size())};
  for (int64_t phase = 0; phase < 4; ++phase) {
    const int64_t a = phase / 2, b = phase % 2;
    kernels::gather_windows(pictures.data_ptr(), sizes, a, b,
                            static_cast<uint8_t>(input_.zero_point), windows.data_ptr());
    const auto pixels = multiply(windows, static_cast<size_t>(phase));
    kernels::place_phase(pixels.data_ptr(), doubled, a, b, result.data_ptr());
  }
  return result.permute({0, 3, 1, 2});
}

torch::Tensor Int8Layer::forward(const torch::Tensor& x) const {
  const torch::NoGradGuard no_grad;
  auto q = x.scalar_type() == torch::kByte ? x : to_uint8(x, input_);
  const bool latents = kind_ == Layer::Kind::kFromLatent;
  if (latents) q = q.reshape({-1, latent_dim_});
  const int64_t rows = q.size(0);
  const bool products = !latents && !matrices_.empty() && rows >= kManyPictures;
  auto y = latents ? multiply(q, 0) : products ? multiply_phases(q) : convolve(q);
  if (activation_ != Activation::kRelu) y = activate_(y, activation_);
  if (raw_.type != output_.type) y = to_uint8(y, output_.scale);
  if (latents) return y.view({rows, 4, 4, -1}).permute({0, 3, 1, 2});
  return kind_ == Layer::Kind::kUpsample2x && !products ? kernels::interleave_phases(y) : y;
}

std::vector<Handover> handovers(const Plan& plan, const QuantizedLayers& layers,
                                torch::ScalarType other) {
  // Of each layer, those that read its output: null for one in floating point.
  std::vector<std::vector<const QuantizedLayer*>> readers(plan.size());
  for (const auto& layer : plan) {
    const auto found = layers.find(layer.name);
    for (const size_t input : layer.inputs)
      readers[input].push_back(found == layers.end() ? nullptr : &found->second);
  }
  std::vector<Handover> result(plan.size(), Handover{other, {}});
  for (size_t i = 0; i < plan.size(); ++i) {
    const auto& behind = readers[i];
    const auto agrees = [&behind](const QuantizedLayer* reader) {
      return reader != nullptr && reader->input() == behind.front()->input();
    };
    if (behind.empty() || behind.front() == nullptr) continue;
    if (std::all_of(behind.begin(), behind.end(), agrees))
      result[i] = {torch::kByte, behind.front()->input()};
  }
  return result;
}

StepMaker int8_steps(QuantizedLayers layers, const Setting& setting) {
  return [layers = std::move(layers), setting](const Plan& plan, size_t index,
                                               int64_t side) -> Step {
    const auto& layer = plan[index];
    const auto output = handovers(plan, layers, setting.type)[index];
    const auto found = layers.find(layer.name);
    if (found != layers.end()) {
      const auto& quantized = found->second;
      // Filters of 4x4 are a kUpsample2x's still.
      const bool phases = layer.kind == Layer::Kind::kConvolution && quantized.weight.size(2) == 4;
      return [int8 = Int8Layer(layer, phases ? int8_phases(quantized) : quantized, output, side)](
                 const auto& inputs, int64_t /*frames*/) { return int8.forward(inputs.front()); };
    }
    if (output.type != torch::kByte) return {};
    return
        [step = make_step(layer, side, setting), scale = output.scale](
            const auto& inputs, int64_t frames) { return to_uint8(step(inputs, frames), scale); };
  };
}

torch::Tensor run_plan_int8(const Plan& plan, const QuantizedLayers& layers, const torch::Tensor& z,
                            int64_t frames, torch::ScalarType other) {
  const Setting setting{torch::kCPU, other};
  const Executor executor(plan, setting, int8_steps(layers, setting));
  return executor.run(z, frames).to(torch::kFloat);
}

}  // namespace vidgen::infer
