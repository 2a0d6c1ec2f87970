#include "vidgen/nn/flops.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

#include "nn/motions.h"
#include "vidgen/nn/attention.h"

namespace vidgen::nn {
namespace {

namespace layers = torch::nn;

TEST(ForwardFlops, Convolution) {
  layers::Conv2d conv(layers::Conv2dOptions(3, 8, 4).stride(2).padding(1));
  // 5 pictures, 8 channels, 8x8 places, each a sum of 3 * 4 * 4 products.
  EXPECT_EQ(forward_flops(*conv, conv(torch::zeros({5, 3, 16, 16}))), 2.0 * 5 * 8 * 64 * 3 * 16);
  layers::Conv3d video(layers::Conv3dOptions(3, 8, 4).stride({1, 2, 2}).padding({0, 1, 1}));
  EXPECT_EQ(forward_flops(*video, video(torch::zeros({2, 3, 7, 16, 16}))),
            2.0 * 2 * 8 * (4 * 64) * 3 * 64);
}

TEST(ForwardFlops, EmbeddingLooksUp) {
  layers::Embedding embedding(5, 8);
  EXPECT_EQ(forward_flops(*embedding, embedding(torch::zeros({3}, torch::kLong))), 0);
}

TEST(ForwardFlops, TransposedConvolution) {
  // Each of the 6 * 5 * 5 inputs of 3 channels goes through 8 * 4 * 4 weights.
  layers::ConvTranspose2d up(layers::ConvTranspose2dOptions(3, 8, 4).stride(2).padding(1));
  EXPECT_EQ(forward_flops(*up, up(torch::zeros({6, 3, 5, 5}))), 2.0 * 6 * 25 * 3 * 8 * 16);
  layers::ConvTranspose2d first(layers::ConvTranspose2dOptions(100, 8, 4));
  EXPECT_EQ(forward_flops(*first, first(torch::zeros({6, 100, 1, 1}))), 2.0 * 6 * 100 * 8 * 16);
}

TEST(ForwardFlops, MatricesOfEachStep) {
  layers::Linear linear(7, 5);
  EXPECT_EQ(forward_flops(*linear, linear(torch::zeros({2, 3, 7}))), 2.0 * 6 * 7 * 5);
  TestedMotion cell(motion_options("gru_cell", 4));
  const auto path = cell.path({torch::zeros({2, 9, 4}), torch::zeros({2, 4})}, 9);
  EXPECT_EQ(forward_flops(*cell.layers, path), 2.0 * 2 * 9 * (12 * 4 + 12 * 4));
  // The first layer puts out two frames more than the second.
  TestedMotion filters(motion_options("convolution", 4, 6, 2, 3));
  EXPECT_EQ(forward_flops(*filters.layers, filters.path({torch::zeros({2, 9 + 4, 4}), {}}, 9)),
            2.0 * 2 * (11 * (4 * 6 * 3) + 9 * (6 * 4 * 3)));
}

TEST(ForwardFlops, Attention) {
  // 3 frames of 4x4 positions, 16 channels, 2 of them in query and key.
  const auto x = torch::zeros({3, 16, 4, 4});
  const double projections = 48 * 16 * (2 + 2 + 16);
  SelfAttention space(SelfAttentionOptions{16, AttentionAxes::kSpace});
  EXPECT_EQ(forward_flops(*space, space(x, 3)), 2 * (projections + 48 * 16 * (2 + 16)));
  SelfAttention both(SelfAttentionOptions{16, AttentionAxes::kSpaceTime});
  EXPECT_EQ(forward_flops(*both, both(x, 3)), 2 * (projections + 48 * 48 * (2 + 16)));
}

TEST(ForwardFlops, NoneWithoutProducts) {
  layers::BatchNorm2d norm(4);
  EXPECT_EQ(forward_flops(*norm, norm(torch::zeros({2, 4, 3, 3}))), 0);
}

}  // namespace
}  // namespace vidgen::nn
