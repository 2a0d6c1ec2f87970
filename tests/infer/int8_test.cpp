#include "vidgen/infer/int8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "support/random.h"
#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/infer/generator.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/init.h"

namespace vidgen::infer {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using Kind = Layer::Kind;

torch::Tensor normal(torch::IntArrayRef shape, uint64_t seed) {
  return torch::randn(shape, test::random(seed));
}

torch::Tensor bytes(torch::IntArrayRef shape, uint64_t seed) {
  return torch::randint(0, 256, shape, test::random(seed), torch::kByte);
}

/// A layer of 9 channels in and 6 out, and its inputs.
struct Int8Case {
  Layer layer;
  QuantizedLayer quantized;
  torch::Tensor x;

  Int8Case(Kind kind, Activation activation, int64_t kernel = 4) {
    layer.name = "frame.main.0";
    layer.kind = kind;
    layer.activation = activation;
    const bool plain = kind == Kind::kConvolution;
    const std::vector<int64_t> shape{plain ? 6 : 9, plain ? 9 : 6, kernel, kernel};
    quantized.weight = torch::randint(-127, 128, shape, test::random(1), torch::kChar);
    quantized.weight_scale = torch::rand({6}, test::random(2)) * 0.02 + 0.001;
    quantized.bias = normal({6}, 3);
    quantized.input_scale = 0.01;
    quantized.input_zero_point = 93;
    x = kind == Kind::kFromLatent
            ? bytes({5, 9}, 4)
            : bytes({3, 9, 7, 5}, 4).contiguous(torch::MemoryFormat::ChannelsLast);
  }

  torch::Tensor real_input() const {
    return (x.to(torch::kFloat) - quantized.input_zero_point) * quantized.input_scale;
  }

  /// What the layer stands for, in float32.
  torch::Tensor expected() const {
    const auto axes = layer.kind == Kind::kConvolution ? std::vector<int64_t>{6, 1, 1, 1}
                                                       : std::vector<int64_t>{1, 6, 1, 1};
    const auto weight = quantized.weight.to(torch::kFloat) * quantized.weight_scale.view(axes);
    const auto in = real_input();
    const auto& bias = quantized.bias;
    torch::Tensor y;
    if (layer.kind == Kind::kFromLatent) {
      y = torch::conv_transpose2d(in.view({5, 9, 1, 1}), weight, bias);
    } else if (layer.kind == Kind::kUpsample2x) {
      y = torch::conv_transpose2d(in, weight, bias, 2, 1);
    } else {
      y = torch::conv2d(in, weight, bias, 1, weight.size(2) / 2);
    }
    if (layer.activation == Activation::kRelu) return y.relu();
    if (layer.activation == Activation::kLeakyRelu) return torch::leaky_relu(y, 0.2);
    return layer.activation == Activation::kTanh ? y.tanh() : y;
  }
};

/// Every kind with every activation.
std::vector<Int8Case> all_int8_cases() {
  std::vector<Int8Case> cases;
  for (const auto activation :
       {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu, Activation::kTanh}) {
    cases.emplace_back(Kind::kFromLatent, activation);
    cases.emplace_back(Kind::kUpsample2x, activation);
    for (const int64_t kernel : {1, 3, 5}) {
      cases.emplace_back(Kind::kConvolution, activation, kernel);
    }
  }
  return cases;
}

std::string label(const Int8Case& c) {
  return "kind " + std::to_string(static_cast<int>(c.layer.kind)) + ", activation " +
         std::to_string(static_cast<int>(c.layer.activation)) + ", kernel " +
         std::to_string(c.quantized.weight.size(2));
}

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kFloat) - b.to(torch::kFloat)).abs().max().item<double>();
}

TEST(ToUint8, RoundsHalvesToEvenAndClamps) {
  const auto x = torch::tensor({-100.0, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.75, 1.0, 1000.0});
  const auto expected = torch::tensor({0, 5, 5, 6, 7, 7, 7, 9, 9, 255}, torch::kByte);
  for (const auto type : {torch::kFloat, torch::kBFloat16, torch::kDouble})
    EXPECT_TRUE(to_uint8(x.to(type), {0.5, 7}).equal(expected)) << to_uint8(x.to(type), {0.5, 7});
}

TEST(ToUint8, KeepsTheLayout) {
  const auto x = normal({2, 3, 4, 5}, 1);
  const auto last = x.contiguous(torch::MemoryFormat::ChannelsLast);
  const Uint8Scale scale{0.02, 128};
  EXPECT_TRUE(to_uint8(last, scale).is_contiguous(torch::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(to_uint8(last, scale).equal(to_uint8(x, scale)));
}

TEST(Int8Layer, ComputesWhatItStandsFor) {
  for (const auto& c : all_int8_cases()) {
    SCOPED_TRACE(label(c));
    const auto expected = c.expected();
    const double scale = expected.abs().max().item<double>();
    ASSERT_GT(scale, 0);
    const auto y = Int8Layer(c.layer, c.quantized).forward(c.x);
    ASSERT_EQ(y.sizes(), expected.sizes());
    EXPECT_EQ(y.scalar_type(), torch::kFloat);
    EXPECT_TRUE(y.is_contiguous(torch::MemoryFormat::ChannelsLast));
    EXPECT_LE(largest_difference(y, expected), 5e-5 * scale);

    if (!can_compute(Precision::kBfloat16, torch::kCPU)) continue;
    const Int8Layer half(c.layer, c.quantized, {torch::kBFloat16, {}});
    EXPECT_EQ(half.forward(c.x).scalar_type(), torch::kBFloat16);
    EXPECT_LE(largest_difference(half.forward(c.x), expected), 0.01 * scale);
  }
}

TEST(Int8Layer, HandsOnUint8) {
  for (const auto& c : all_int8_cases()) {
    SCOPED_TRACE(label(c));
    const auto expected = c.expected();
    const Uint8Scale scale{expected.abs().max().item<double>() / 120, 128};
    const auto y = Int8Layer(c.layer, c.quantized, {torch::kByte, scale}).forward(c.x);
    ASSERT_EQ(y.sizes(), expected.sizes());
    EXPECT_EQ(y.scalar_type(), torch::kByte);
    const auto off = (y.to(torch::kInt) - to_uint8(expected, scale).to(torch::kInt)).abs();
    EXPECT_LE(off.max().item<int>(), 1) << "the sum itself may be rounded";
    EXPECT_LE(off.to(torch::kFloat).mean().item<double>(), 0.01);
  }
}

TEST(Int8Layer, TakesFloatingPointInAnyLayout) {
  for (const auto& c : all_int8_cases()) {
    SCOPED_TRACE(label(c));
    const Int8Layer layer(c.layer, c.quantized);
    const auto expected = layer.forward(c.x);
    EXPECT_TRUE(layer.forward(c.real_input()).equal(expected));
    EXPECT_TRUE(layer.forward(c.real_input().contiguous()).equal(expected));
    EXPECT_TRUE(layer.forward(c.x.contiguous()).equal(expected));
    const auto one = expected.narrow(0, 0, 1);
    EXPECT_LE(largest_difference(layer.forward(c.x.narrow(0, 0, 1)), one),
              1e-5 * expected.abs().max().item<double>())
        << "one frame alone";
  }
}

TEST(Int8Layer, InterleavesPicturesOfAnyWidth) {
  // Each width of a pixel that is copied in a way of its own, and more than one thread's share.
  for (const int64_t channels : {1, 3, 32, 64, 128}) {
    Int8Case c(Kind::kUpsample2x, Activation::kNone);
    c.quantized.weight =
        torch::randint(-127, 128, {9, channels, 4, 4}, test::random(1), torch::kChar);
    c.quantized.weight_scale = torch::full({channels}, 0.01);
    c.quantized.bias = normal({channels}, 3);
    c.x = bytes({2, 9, 32, 16}, 4);
    const auto weight = c.quantized.weight.to(torch::kFloat) * 0.01;
    const auto expected = torch::conv_transpose2d(c.real_input(), weight, c.quantized.bias, 2, 1);
    const double largest = expected.abs().max().item<double>();
    EXPECT_LE(largest_difference(Int8Layer(c.layer, c.quantized).forward(c.x), expected),
              5e-5 * largest)
        << channels;
    const Uint8Scale scale{largest / 120, 128};
    const auto y = Int8Layer(c.layer, c.quantized, {torch::kByte, scale}).forward(c.x);
    EXPECT_LE(largest_difference(y, to_uint8(expected, scale)), 1) << channels;
  }
}

/// A kUpsample2x with as many channels, 37 pictures of so many pixels, and weights whose products
/// cannot overflow on any processor.
Int8Case many_pictures(Activation activation, torch::IntArrayRef channels, torch::IntArrayRef size,
                       int64_t zero_point) {
  Int8Case c(Kind::kUpsample2x, activation);
  const int64_t in = channels[0], out = channels[1];
  c.quantized.weight = torch::randint(-64, 65, {in, out, 4, 4}, test::random(1), torch::kChar);
  c.quantized.weight_scale = torch::rand({out}, test::random(2)) * 0.02 + 0.001;
  c.quantized.bias = normal({out}, 3) * 10;
  c.quantized.input_zero_point = zero_point;
  c.x = bytes({37, in, size[0], size[1]}, 4).contiguous(torch::MemoryFormat::ChannelsLast);
  return c;
}

/// The same bits from a layer that multiplies phases, which needs a small side and many pictures,
/// from one that does not, and of few pictures.
void expect_the_same_of_few(const Int8Case& c, const Handover& output) {
  const Int8Layer layer(c.layer, c.quantized, output, /*side=*/4);
  const auto y = layer.forward(c.x);
  EXPECT_EQ(y.scalar_type(), output.type);
  EXPECT_TRUE(y.is_contiguous(torch::MemoryFormat::ChannelsLast));
  const auto expected = Int8Layer(c.layer, c.quantized, output, /*side=*/16).forward(c.x);
  ASSERT_EQ(y.sizes(), expected.sizes());
  EXPECT_TRUE(y.equal(expected));
  EXPECT_TRUE(layer.forward(c.real_input().contiguous()).equal(expected));
  for (const int64_t few : {1, 5})
    EXPECT_TRUE(layer.forward(c.x.narrow(0, 3, few)).equal(y.narrow(0, 3, few))) << few;
}

TEST(Int8Layer, DoublesManySmallPicturesToTheSameBits) {
  for (const auto activation :
       {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu, Activation::kTanh}) {
    for (const auto& c : {many_pictures(activation, {9, 6}, {4, 4}, 93),
                          many_pictures(activation, {64, 32}, {4, 4}, 0),
                          many_pictures(activation, {37, 21}, {8, 8}, 200),
                          many_pictures(activation, {33, 16}, {8, 8}, 0),
                          many_pictures(activation, {9, 6}, {3, 5}, 255),
                          many_pictures(activation, {20, 5}, {1, 1}, 7)}) {
      SCOPED_TRACE(label(c) + ", " + std::to_string(c.x.size(1)) + " channels of " +
                   std::to_string(c.x.size(2)) + "x" + std::to_string(c.x.size(3)));
      const auto real = Int8Layer(c.layer, c.quantized).forward(c.x);
      ASSERT_GT(real.std().item<double>(), 0);
      expect_the_same_of_few(c, {torch::kFloat, {}});
      expect_the_same_of_few(c, {torch::kByte, {real.abs().max().item<double>() / 120, 128}});
      if (can_compute(Precision::kBfloat16, torch::kCPU))
        expect_the_same_of_few(c, {torch::kBFloat16, {}});
    }
  }
}

/// A chain of four layers, of which the second feeds the third and the fourth.
Plan chain() {
  Plan plan(4);
  for (size_t i = 0; i < plan.size(); ++i) {
    plan[i].name = std::string(1, static_cast<char>('a' + i));
    plan[i].kind = Kind::kConvolution;
    if (i > 0) plan[i].inputs = {i - 1};
  }
  plan[3].inputs = {1};
  return plan;
}

TEST(Handovers, AreUint8WhereAllBehindTakeTheSame) {
  const auto plan = chain();
  QuantizedLayers layers;
  for (const auto& layer : plan) {
    layers[layer.name].input_scale = layer.name == "b" ? 0.5 : 0.25;
    layers[layer.name].input_zero_point = 3;
  }
  const auto types = [&] {
    std::vector<torch::ScalarType> result;
    for (const auto& handover : handovers(plan, layers, torch::kBFloat16))
      result.push_back(handover.type);
    return result;
  };
  using Types = std::vector<torch::ScalarType>;
  EXPECT_EQ(types(), (Types{torch::kByte, torch::kByte, torch::kBFloat16, torch::kBFloat16}));
  EXPECT_EQ(handovers(plan, layers)[0].scale, (Uint8Scale{0.5, 3}));
  EXPECT_EQ(handovers(plan, layers)[1].scale, (Uint8Scale{0.25, 3}));
  layers["d"].input_zero_point = 4;
  EXPECT_EQ(types()[1], torch::kBFloat16) << "two scales";
  layers["d"].input_zero_point = 3;
  layers.erase("c");
  EXPECT_EQ(types()[1], torch::kBFloat16) << "one of the two in floating point";
  EXPECT_EQ(types()[0], torch::kByte);
}

models::VideoGenerator int8_test_generator(const std::string& type) {
  models::ModelOptions options;
  options.generator.type = type;
  options.generator.widths = {16, 12, 8};
  options.generator.attention = {8};
  auto network = models::make_generator(options, {3, 4, 16});
  nn::initialize(*network, nn::Init::kHe, test::random(5));
  network->eval();
  return network;
}

TEST(RunPlanInt8, WithoutLayersIsThePlan) {
  for (const std::string type : {"dcgan", "residual"}) {
    const auto plan = make_plan(int8_test_generator(type));
    const auto z = normal({8, plan.front().weight.size(0)}, 1);
    const auto expected = run_plan(plan, z, 4);
    ASSERT_GT(expected.std().item<double>(), 0.05) << "pictures with something to see";
    EXPECT_LE(largest_difference(run_plan_int8(plan, {}, z, 4), expected), 1e-4);
    if (!can_compute(Precision::kBfloat16, torch::kCPU)) continue;
    EXPECT_LE(largest_difference(run_plan_int8(plan, {}, z, 4, torch::kBFloat16), expected), 0.1);
  }
}

TEST(Int8File, RoundTrip) {
  checkpoint::Checkpoint file;
  const Int8Case c(Kind::kUpsample2x, Activation::kRelu);
  const QuantizedLayers layers{{"frame.main.0", c.quantized}, {"frame.main.3.conv", c.quantized}};
  write_int8(file, layers);
  const auto read = read_int8(file);
  ASSERT_EQ(read.size(), 2u);
  const auto& layer = read.at("frame.main.3.conv");
  EXPECT_TRUE(layer.weight.equal(c.quantized.weight));
  EXPECT_TRUE(layer.weight_scale.equal(c.quantized.weight_scale));
  EXPECT_TRUE(layer.bias.equal(c.quantized.bias));
  EXPECT_EQ(layer.input(), c.quantized.input());
  EXPECT_TRUE(read_int8({}).empty());
}

TEST(Int8File, NamesWhatIsWrong) {
  checkpoint::Checkpoint file;
  file.path = "small.safetensors";
  const Int8Case c(Kind::kUpsample2x, Activation::kRelu);
  write_int8(file, {{"frame.main.0", c.quantized}});
  auto& tensors = file.file.tensors;
  const auto expect_error = [&](const std::string& name, const torch::Tensor& instead,
                                const std::string& problem) {
    const auto good = tensors.at(name);
    if (instead.defined()) {
      tensors[name] = instead;
    } else {
      tensors.erase(name);
    }
    EXPECT_THAT(error_of([&] { read_int8(file); }),
                HasSubstr("small.safetensors: tensor " + name + " " + problem));
    tensors[name] = good;
  };
  expect_error("int8.frame.main.0.bias", {}, "is missing, expected Float of 1 dimensions");
  expect_error("int8.frame.main.0.weight", torch::ones({9, 6, 4, 4}), "is Float [9, 6, 4, 4]");
  expect_error("int8.frame.main.0.input_scale", torch::ones({1}, torch::kDouble), "is Double [1]");
}

TEST(Int8File, LayersFitThePlan) {
  Int8Case c(Kind::kUpsample2x, Activation::kRelu);
  c.layer.weight = torch::zeros({9, 6, 4, 4});
  const Plan plan{c.layer};
  const auto problem = [&](const std::string& name) {
    return error_of([&] { check_int8({{name, c.quantized}}, plan, "small.safetensors"); });
  };
  EXPECT_EQ(problem("frame.main.0"), "");
  EXPECT_THAT(problem("frame.main.9"), HasSubstr("int8.frame.main.9.weight has no place"));
  const auto good = c.quantized;
  c.quantized.bias = torch::zeros({5});
  EXPECT_THAT(problem("frame.main.0"), HasSubstr("6 scales and 5 biases, expected 6"));
  c.quantized = good;
  c.quantized.input_scale = 0;
  EXPECT_THAT(problem("frame.main.0"), HasSubstr("scale 0 and zero point 93"));
  c.quantized = good;
  c.quantized.weight = good.weight.narrow(0, 0, 8);
  EXPECT_THAT(problem("frame.main.0"),
              HasSubstr("small.safetensors: tensor int8.frame.main.0.weight is [8, 6, 4, 4], "
                        "expected [9, 6, 4, 4]"));
}

}  // namespace
}  // namespace vidgen::infer
