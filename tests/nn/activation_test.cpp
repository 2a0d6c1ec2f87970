#include "vidgen/nn/activation.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/nn/modules/batchnorm.h>

#include <functional>
#include <vector>

#include "support/random.h"

namespace vidgen::nn {
namespace {

using Function = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;

/// What a function of the inputs gives, its gradients, and the gradients of their squares.
std::vector<torch::Tensor> with_gradients(const Function& function,
                                          const std::vector<torch::Tensor>& given) {
  std::vector<torch::Tensor> inputs;
  for (const auto& input : given) inputs.push_back(input.detach().clone().requires_grad_());
  const auto y = function(inputs);
  const auto weights = torch::randn(y.sizes(), test::random(99)).to(y.scalar_type());
  auto results = torch::autograd::grad({y}, inputs, {weights}, /*retain_graph=*/true,
                                       /*create_graph=*/false);
  const auto again = torch::autograd::grad({y}, inputs, {weights}, true, /*create_graph=*/true);
  torch::Tensor sum = y.to(torch::kFloat).square().sum() * 0;
  for (const auto& gradient : again) sum = sum + gradient.to(torch::kFloat).square().sum();
  const auto second = torch::autograd::grad({sum}, inputs, {}, false, false, /*allow_unused=*/true);
  results.insert(results.begin(), y.detach());
  for (size_t i = 0; i < second.size(); ++i)
    results.push_back(second[i].defined() ? second[i] : torch::zeros_like(inputs[i]));
  return results;
}

/// The loops in their precision against LibTorch's operations in float64, which loops never take.
void expect_alike(const Function& function, const std::vector<torch::Tensor>& inputs,
                  double tolerance) {
  std::vector<torch::Tensor> exact;
  for (const auto& input : inputs) exact.push_back(input.to(torch::kDouble));
  const auto fast = with_gradients(function, inputs), plain = with_gradients(function, exact);
  ASSERT_EQ(fast.size(), plain.size());
  for (size_t i = 0; i < fast.size(); ++i) {
    const auto difference = (fast[i].to(torch::kDouble) - plain[i]).norm().item<double>();
    // Gradients of gradients go through operations of LibTorch's that round one by one.
    const double allowed = i > inputs.size() ? 10 * tolerance : tolerance;
    EXPECT_LE(difference, allowed * (plain[i].norm().item<double>() + 1e-3)) << "result " << i;
  }
}

double tolerance_of(at::ScalarType type) { return type == torch::kFloat ? 2e-5 : 2e-2; }

torch::Tensor pictures(torch::IntArrayRef sizes, at::ScalarType type, uint64_t seed) {
  return torch::randn(sizes, test::random(seed))
      .to(type)
      .contiguous(sizes.size() == 5 ? torch::MemoryFormat::ChannelsLast3d
                                    : torch::MemoryFormat::ChannelsLast);
}

TEST(RectifiedTest, IsTheLeakyReluOfLibTorchWithItsGradients) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const auto x = pictures({3, 5, 6, 7}, type, 1);
    expect_alike([](const auto& in) { return rectified(in[0] * 1); }, {x}, tolerance_of(type));
    // As large as several threads' parts.
    expect_alike([](const auto& in) { return rectified(in[0] * 1); },
                 {pictures({4, 16, 40, 40}, type, 2)}, tolerance_of(type));
  }
}

TEST(RectifiedTest, WorksInTheMemoryItIsGiven) {
  auto x = torch::tensor({-1.0f, 2.0f});
  const auto y = rectified(x);
  EXPECT_TRUE(torch::equal(x, torch::tensor({-0.2f, 2.0f})));
  EXPECT_EQ(x.data_ptr(), y.data_ptr());
}

TEST(RectifiedTest, NothingIsKeptBehindItsGraph) {
  for (const bool view : {false, true}) {
    c10::weak_intrusive_ptr<c10::TensorImpl> left{c10::intrusive_ptr<c10::TensorImpl>()};
    {
      const auto x = torch::randn({2, 3, 4, 4}, test::random(1)).requires_grad_();
      auto made = x * 2;
      const auto y = rectified(view ? made.transpose(0, 1) : made);
      left = c10::weak_intrusive_ptr<c10::TensorImpl>(y.getIntrusivePtr());
    }
    EXPECT_TRUE(left.expired()) << (view ? "of a view" : "in place");
  }
}

TEST(RectifiedTest, KeepsWhatIsNoNumber) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const auto x = torch::tensor({NAN, INFINITY, -INFINITY, 0.0f}).to(type);
    const auto y = rectified(x.clone());
    EXPECT_TRUE(y[0].isnan().item<bool>());
    EXPECT_TRUE(torch::equal(y.narrow(0, 1, 3), x.narrow(0, 1, 3)));
  }
}

TEST(RectifiedTest, OfASumWithItsGradients) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    const auto x = pictures({3, 5, 6, 7}, type, 1), other = pictures({3, 5, 6, 7}, type, 2);
    const auto sum = [](const auto& in) { return rectified_sum(in[0], in[1], 0.7); };
    expect_alike(sum, {x, other}, tolerance_of(type));
    expect_alike(sum, {x, other.contiguous()}, tolerance_of(type));
  }
}

torch::nn::BatchNorm2d norm_of(const std::vector<torch::Tensor>& in) {
  torch::nn::BatchNorm2d norm(in[0].size(1));
  norm->to(in[0].scalar_type() == torch::kDouble ? torch::kDouble : torch::kFloat);
  norm->weight = in[1];
  norm->bias = in[2];
  return norm;
}

std::vector<torch::Tensor> scale_and_offset(int64_t channels) {
  return {torch::randn({channels}, test::random(3)), torch::randn({channels}, test::random(4))};
}

TEST(RectifiedNormTest, OfPicturesWithItsGradients) {
  for (const auto type : {torch::kFloat, torch::kBFloat16}) {
    for (const int64_t channels : {3, 4, 8, 48}) {
      const auto numbers = scale_and_offset(channels);
      const auto x = pictures({5, channels, 10, 14}, type, 1);
      expect_alike([](const auto& in) { return rectified_norm(*norm_of(in), in[0]); },
                   {x, numbers[0], numbers[1]}, tolerance_of(type));
      expect_alike(
          [](const auto& in) { return rectified_norm(*norm_of(in), in[0], in[3], 0.7, 0.0); },
          {x, numbers[0], numbers[1], pictures({5, channels, 5, 7}, type, 2).contiguous()},
          tolerance_of(type));
    }
  }
}

TEST(RectifiedNormTest, OfClips) {
  torch::nn::BatchNorm3d norm(6), plain(6);
  const auto x = pictures({2, 6, 3, 4, 5}, torch::kFloat, 1);
  EXPECT_TRUE(
      torch::allclose(rectified_norm(*norm, x), torch::leaky_relu(plain(x), 0.2), 1e-5, 1e-5));
  EXPECT_TRUE(torch::allclose(norm->running_var, plain->running_var, 1e-5, 1e-6));
}

TEST(RectifiedNormTest, RunningStatisticsFollowAndEvaluationUsesThem) {
  for (const double mean : {0.0, 1000.0}) {  // where little varies about a large mean
    torch::nn::BatchNorm2d norm(16), plain(16);
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      const auto x = pictures({3, 16, 6, 6}, torch::kFloat, seed) + mean;
      rectified_norm(*norm, x);
      plain(x);
    }
    EXPECT_TRUE(torch::allclose(norm->running_mean, plain->running_mean, 1e-5, 1e-5)) << mean;
    EXPECT_TRUE(torch::allclose(norm->running_var, plain->running_var, 1e-3, 1e-5)) << mean;
    EXPECT_TRUE(torch::equal(norm->num_batches_tracked, plain->num_batches_tracked));
    norm->eval();
    plain->eval();
    const auto x = pictures({3, 16, 6, 6}, torch::kFloat, 9) + mean;
    EXPECT_TRUE(
        torch::allclose(rectified_norm(*norm, x), torch::leaky_relu(plain(x), 0.2), 1e-3, 1e-2));
  }
}

}  // namespace
}  // namespace vidgen::nn
