#include <gtest/gtest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include "support/random.h"
#include "vidgen/nn/ema.h"

namespace vidgen::nn {
namespace {

namespace layers = torch::nn;

layers::Sequential network() {
  return layers::Sequential(layers::Conv2d(layers::Conv2dOptions(3, 6, 3)), layers::BatchNorm2d(6),
                            layers::ReLU(), layers::Conv2d(layers::Conv2dOptions(6, 2, 3)),
                            layers::BatchNorm2d(2));
}

TEST(RecomputeBatchNorm, EvaluationThenNormalisesAsTrainingDid) {
  auto net = network();
  net->eval();
  const auto x = torch::randn({16, 3, 12, 12}, test::random(1)) * 3 + 1;
  recompute_batch_norm(*net, [&] { net->forward(x); });
  const auto evaluated = net->forward(x);
  net->train();
  const auto trained = net->forward(x);
  // The running variance is the unbiased one, of 16 * 64 numbers in the last layer.
  EXPECT_TRUE(torch::allclose(evaluated, trained, 1e-3, 1e-3));
}

TEST(RecomputeBatchNorm, AveragesOverAllBatches) {
  layers::BatchNorm3d norm(4);
  std::vector<torch::Tensor> batches;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    batches.push_back(torch::randn({2, 4, 3, 5, 5}, test::random(seed)) +
                      static_cast<double>(seed));
  }
  norm(batches.front());  // must be forgotten
  recompute_batch_norm(*norm, [&] {
    for (const auto& batch : batches) norm(batch);
  });
  auto mean = torch::zeros({4}), variance = torch::zeros({4});
  for (const auto& batch : batches) {
    mean += batch.mean({0, 2, 3, 4}) / 3;
    variance += batch.transpose(0, 1).flatten(1).var(1) / 3;
  }
  EXPECT_TRUE(torch::allclose(norm->running_mean, mean, 1e-4, 1e-5));
  EXPECT_TRUE(torch::allclose(norm->running_var, variance, 1e-4, 1e-5));
}

TEST(RecomputeBatchNorm, LeavesTheRestAsItWas) {
  auto net = network();
  net->eval();
  const auto weight = net->parameters().front().clone();
  recompute_batch_norm(*net, [&] {
    EXPECT_FALSE(net->is_training());
    EXPECT_FALSE(net->forward(torch::randn({4, 3, 8, 8})).requires_grad());
  });
  for (const auto& module : net->modules()) {
    EXPECT_FALSE(module->is_training());
    if (const auto* norm = module->as<layers::BatchNorm2d>()) {
      EXPECT_EQ(norm->options.momentum(), std::optional<double>(0.1));
    }
  }
  EXPECT_TRUE(torch::equal(weight, net->parameters().front()));
}

TEST(RecomputeBatchNorm, RunsNothingWithoutBatchNorm) {
  layers::Conv2d conv(layers::Conv2dOptions(3, 3, 1));
  recompute_batch_norm(*conv, [] { FAIL() << "was run"; });
}

}  // namespace
}  // namespace vidgen::nn
