#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <variant>

#include "parts.h"
#include "vidgen/models/summary.h"
#include "vidgen/nn/autocast.h"
#include "vidgen/nn/convolution.h"
#include "vidgen/nn/flops.h"

namespace vidgen::bench {
namespace {

using core::cat;

/// A convolution and what it takes in and puts out.
struct Problem {
  std::string name;
  /// Lives as long as the networks.
  const torch::nn::Module* layer = nullptr;
  torch::Tensor weight;
  std::vector<int64_t> input, output, stride, padding;
  bool transposed = false;
  double flops = 0;

  /// By the algorithm that a training step uses.
  torch::Tensor run(const torch::Tensor& x) const {
    const nn::Autocast autocast(x.device().type(), x.scalar_type() != torch::kFloat,
                                x.scalar_type());
    if (auto fast = nn::fast_convolution(*layer, x)) return *fast;
    const std::vector<int64_t> ones(stride.size(), 1), zeros(stride.size(), 0);
    return at::convolution(x, weight.to(x.scalar_type()), {}, stride, padding, ones, transposed,
                           zeros, 1);
  }
};

template <size_t D, class Layer>
void describe(Problem& problem, const Layer& layer) {
  const auto numbers = [](const auto& array) {
    return std::vector<int64_t>(array->begin(), array->end());
  };
  const auto kernel = numbers(layer.options.kernel_size());
  problem.layer = &layer;
  problem.weight = layer.weight;
  problem.transposed = layer.options.transposed();
  problem.stride = numbers(layer.options.stride());
  problem.padding = numbers(std::get<torch::ExpandingArray<D>>(layer.options.padding()));
  problem.input = {problem.output[0], layer.options.in_channels()};
  for (size_t i = 0; i < D; ++i) {
    const int64_t out = problem.output[i + 2];
    const int64_t stride = problem.stride[i];
    const int64_t padding = problem.padding[i];
    problem.input.push_back(problem.transposed ? (out + 2 * padding - kernel[i]) / stride + 1
                                               : (out - 1) * stride - 2 * padding + kernel[i]);
  }
}

nn::LayerObserver collect(const std::string& network, std::vector<Problem>& problems) {
  return [&problems, network](const std::string& name, const torch::nn::Module& layer,
                              const torch::Tensor& output) {
    Problem problem;
    problem.name = cat(network, ".", name);
    problem.output = output.sizes().vec();
    problem.flops = nn::forward_flops(layer, output);
    if (const auto* conv = layer.as<torch::nn::Conv2d>()) {
      describe<2>(problem, *conv);
    } else if (const auto* conv = layer.as<torch::nn::Conv3d>()) {
      describe<3>(problem, *conv);
    } else if (const auto* conv = layer.as<torch::nn::ConvTranspose2d>()) {
      describe<2>(problem, *conv);
    } else {
      return;
    }
    problems.push_back(std::move(problem));
  };
}

torch::Tensor laid_out(const torch::Tensor& tensor) {
  return tensor.contiguous(tensor.dim() == 5 ? at::MemoryFormat::ChannelsLast3d
                                             : at::MemoryFormat::ChannelsLast);
}

std::vector<Problem> find_problems(train::GanStep& gan, const train::RunOptions& options) {
  std::vector<Problem> problems;
  const auto shape = train::seen_shape(options);
  const int64_t batch = options.train.batch_size;
  auto generator = gan.generator();
  models::walk_layers(*generator, shape, batch, collect("generator", problems));
  for (size_t i = 0; i < gan.discriminators().size(); ++i) {
    models::walk_layers(*gan.discriminators()[i], shape, batch,
                        collect(cat("discriminators[", i, "]"), problems));
  }
  return problems;
}

double rate(double work_done, const std::function<void()>& work, torch::Device device) {
  const auto times = measure(work, {2, 5}, device);
  return work_done / *std::min_element(times.seconds.begin(), times.seconds.end());
}

/// One direction of a convolution, from numbers that are random.
class Direction {
 public:
  Direction(const Problem& problem, torch::Device device, at::ScalarType type)
      : problem_(problem), options_(torch::TensorOptions(device).dtype(type)) {
    x_ = laid_out(torch::rand(problem.input, options_));
    gradient_ = laid_out(torch::rand(problem.output, options_));
  }

  Samples forward(const Repeats& repeats) {
    const torch::NoGradGuard no_grad;
    return measure([this] { problem_.run(x_); }, repeats, options_.device());
  }
  Samples backward(bool of_input, const Repeats& repeats) {
    x_.requires_grad_(of_input);
    const auto y = problem_.run(x_);
    const auto wanted = of_input ? x_ : problem_.weight;
    return measure(
        [&] { torch::autograd::grad({y}, {wanted}, {gradient_}, /*retain_graph=*/true); }, repeats,
        options_.device());
  }
  /// What has to be read and written at least, in bytes.
  double bytes() const {
    return static_cast<double>(x_.nbytes() + gradient_.nbytes() + problem_.weight.nbytes());
  }

 private:
  const Problem& problem_;
  const torch::TensorOptions options_;
  torch::Tensor x_, gradient_;
};

}  // namespace

Roofline measure_roofline(torch::Device device, at::ScalarType type) {
  const torch::NoGradGuard no_grad;
  const auto options = torch::TensorOptions(device).dtype(type);
  const int64_t channels = 256, side = 32, pictures = 16, rows = 2048;
  const auto x = laid_out(torch::rand({pictures, channels, side, side}, options));
  const auto w = laid_out(torch::rand({channels, channels, 3, 3}, options));
  const auto a = torch::rand({rows, rows}, options);
  Roofline roofline;
  roofline.convolution = rate(
      2.0 * static_cast<double>(x.numel() * w[0].numel()), [&] { at::conv2d(x, w, {}, 1, 1); },
      device);
  roofline.gemm = rate(
      2.0 * static_cast<double>(a.numel() * rows), [&] { a.mm(a); }, device);
  const auto from = torch::rand({int64_t{1} << 24}, device), to = torch::empty_like(from);
  roofline.bandwidth = rate(
      2.0 * static_cast<double>(from.nbytes()), [&] { to.copy_(from); }, device);
  return roofline;
}

std::vector<ConvolutionTimes> time_convolutions(train::GanStep& gan,
                                                const train::RunOptions& options,
                                                torch::Device device, const Repeats& repeats) {
  std::vector<ConvolutionTimes> result;
  for (const auto& problem : find_problems(gan, options)) {
    Direction direction(problem, device, train::scalar_type(gan.precision()));
    ConvolutionTimes times;
    times.name = problem.name;
    times.flops = problem.flops;
    times.bytes = direction.bytes();
    times.forward = direction.forward(repeats);
    times.weight_gradient = direction.backward(/*of_input=*/false, repeats);
    times.input_gradient = direction.backward(/*of_input=*/true, repeats);
    result.push_back(std::move(times));
  }
  return result;
}

}  // namespace vidgen::bench
