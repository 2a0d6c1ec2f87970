#include "vidgen/compress/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/fixture.h"
#include "vidgen/core/error.h"

namespace vidgen::compress {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Normally distributed numbers that are the same in every run.
torch::Tensor numbers(torch::IntArrayRef shape, uint64_t seed = 1) {
  return torch::randn(shape, at::detail::createCPUGenerator(seed));
}

int64_t ones(const torch::Tensor& mask) { return mask.sum().item<int64_t>(); }

int64_t ones(const checkpoint::Tensors& masks) {
  int64_t sum = 0;
  for (const auto& item : masks) sum += ones(item.second);
  return sum;
}

std::vector<std::string> names(const checkpoint::Tensors& tensors) {
  std::vector<std::string> names;
  for (const auto& item : tensors) names.push_back(item.first);
  return names;
}

/// Whether no weight that `sparser` keeps is dropped by `denser`.
bool within(const torch::Tensor& sparser, const torch::Tensor& denser) {
  return sparser.le(denser).all().item<bool>();
}

template <class Call>
std::string complaint(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class PruneFixture : public ::testing::Test {
 protected:
  PruneFixture() {
    for (size_t i = 0; i < fixture_.param("shapes").size(); ++i) {
      const auto name = "w" + std::to_string(i);
      weights_[name] = fixture_.tensor("in." + name);
    }
  }

  /// "out.tensor.s30."
  static std::string prefix(const std::string& kind, double sparsity) {
    return "out." + kind + ".s" + std::to_string(std::lround(sparsity * 100)) + ".";
  }

  test::Fixture fixture_{"prune"};
  std::vector<double> sparsities_ = fixture_.param("sparsity").get<std::vector<double>>();
  checkpoint::Tensors weights_;
};

TEST_F(PruneFixture, TensorMatchesTheReference) {
  for (const double sparsity : sparsities_) {
    for (const auto& [name, weight] : weights_) {
      const auto out = prefix("tensor", sparsity) + name;
      double threshold = 0;
      const auto mask = magnitude_mask(weight, sparsity, &threshold);
      EXPECT_EQ(mask.scalar_type(), torch::kByte);
      fixture_.expect_close(out + ".mask", mask);
      fixture_.expect_close(out + ".kept", mask.sum());
      fixture_.expect_close(out + ".threshold", torch::tensor(threshold, torch::kDouble));
    }
  }
}

TEST_F(PruneFixture, GlobalMatchesTheReference) {
  for (const double sparsity : sparsities_) {
    const auto out = prefix("global", sparsity);
    const auto masks = global_masks(weights_, sparsity);
    fixture_.expect_close(out + "kept", torch::tensor(ones(masks)));
    for (const auto& [name, mask] : masks) fixture_.expect_close(out + name + ".mask", mask);
  }
}

TEST(MagnitudeMask, AgreesWithTorchQuantile) {
  for (const int64_t size : {1, 2, 3, 10, 11, 101, 1000}) {
    for (const double sparsity : {0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99}) {
      for (const auto type : {torch::kFloat, torch::kDouble}) {
        const auto weight = numbers({size}, static_cast<uint64_t>(size)).to(type);
        const auto limit = weight.abs().quantile(sparsity);
        double threshold = -1;
        const auto mask = magnitude_mask(weight, sparsity, &threshold);
        EXPECT_EQ(threshold, limit.item<double>()) << size << " " << sparsity << " " << type;
        EXPECT_TRUE(mask.equal(weight.abs().ge(limit).to(torch::kByte)));
      }
    }
  }
}

TEST(MagnitudeMask, TakesMoreElementsThanTorchQuantile) {
  const int64_t size = (1 << 24) + 3;
  const auto weight = torch::arange(size, torch::kInt).to(torch::kDouble).neg();
  double threshold = 0;
  EXPECT_EQ(ones(magnitude_mask(weight, 0.25, &threshold)), size - (size - 1) / 4 - 1);
  EXPECT_EQ(threshold, 0.25 * static_cast<double>(size - 1));
  EXPECT_EQ(ones(magnitude_mask(torch::zeros({size}), 0.5, &threshold)), size);
  EXPECT_EQ(threshold, 0);
}

TEST(MagnitudeMask, KeepsEqualWeights) {
  EXPECT_EQ(ones(magnitude_mask(torch::full({4, 4}, -2.0f), 0.9, nullptr)), 16);
}

TEST(MagnitudeMask, TakesHalfPrecisionStridesScalarsAndEmptyTensors) {
  const auto weight = numbers({6, 5, 4, 4});
  for (const auto type : {torch::kHalf, torch::kBFloat16}) {
    const auto narrow = weight.to(type);
    EXPECT_TRUE(magnitude_mask(narrow, 0.4, nullptr)
                    .equal(magnitude_mask(narrow.to(torch::kFloat), 0.4, nullptr)));
  }
  const auto mask = magnitude_mask(weight, 0.4, nullptr);
  const auto strided = weight.contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_();
  EXPECT_TRUE(magnitude_mask(strided, 0.4, nullptr).equal(mask));
  EXPECT_EQ(ones(magnitude_mask(torch::tensor(3.0f), 0.5, nullptr)), 1);
  EXPECT_EQ(magnitude_mask(torch::empty({0, 3}), 0.5, nullptr).sizes(), torch::IntArrayRef({0, 3}));
}

TEST(MagnitudeMask, SayWhatIsWrong) {
  const auto weight = numbers({4});
  for (const double sparsity : {-0.1, 1.0, 1.5, std::nan("")}) {
    EXPECT_THAT(complaint([&] { magnitude_mask(weight, sparsity, nullptr); }),
                HasSubstr("sparsity"));
  }
  EXPECT_THROW(magnitude_mask(torch::ones({3}, torch::kLong), 0.5, nullptr), Error);
  EXPECT_THROW(magnitude_mask(torch::tensor({1.0, HUGE_VAL}), 0.5, nullptr), Error);
}

TEST(GlobalMasks, DropsExactlyItsShareHalvesToEven) {
  const auto ties = torch::arange(60).remainder(3).to(torch::kFloat).reshape({6, 10});
  const checkpoint::Tensors weights = {
      {"equal", torch::full({7, 9}, 0.5)}, {"ties", ties}, {"zeros", torch::zeros({5, 5})}};
  const int64_t total = 63 + 60 + 25;
  for (int percent = 0; percent < 100; ++percent) {
    const double sparsity = percent / 100.0;
    const auto dropped = static_cast<int64_t>(std::nearbyint(sparsity * total));
    EXPECT_EQ(ones(global_masks(weights, sparsity)), total - dropped) << percent;
  }
  const checkpoint::Tensors five = {{"x", torch::ones({5})}};
  EXPECT_EQ(ones(global_masks(five, 0.5)), 3);  // 2.5 -> 2
  EXPECT_EQ(ones(global_masks(five, 0.3)), 3);  // 1.5 -> 2
}

TEST(GlobalMasks, AmongEqualsTheFirstGo) {
  const auto masks = global_masks({{"a", torch::ones({2, 2})}, {"b", -torch::ones({4})}}, 0.75);
  EXPECT_EQ(ones(masks.at("a")), 0);
  EXPECT_TRUE(masks.at("b").equal(torch::tensor({0, 0, 1, 1}, torch::kByte)));
}

TEST(GlobalMasks, TakesTypesTogetherAndNone) {
  const auto masks = global_masks({{"double", torch::tensor({1.0, 4.0}, torch::kDouble)},
                                   {"half", torch::tensor({2.0, 3.0}, torch::kHalf)}},
                                  0.5);
  EXPECT_TRUE(masks.at("double").equal(torch::tensor({0, 1}, torch::kByte)));
  EXPECT_TRUE(masks.at("half").equal(torch::tensor({0, 1}, torch::kByte)));
  EXPECT_TRUE(global_masks({}, 0.5).empty());
}

class PruneTest : public ::testing::Test {
 protected:
  checkpoint::Tensors weights_ = {
      {"main.0.weight", numbers({8, 4, 3, 3}, 1)},
      {"main.0.bias", numbers({8}, 2)},
      {"main.1.weight", numbers({8}, 3)},  // a batch norm's: one dimension
      {"main.2.weight", 0.3 * numbers({6, 8}, 4)},
      {"rnn.weight_hh_l0", numbers({4, 4}, 5)},
      {"steps.weight", torch::ones({2, 2}, torch::kLong)},
      {"to_rgb.weight", numbers({3, 6}, 6)}};
};

TEST_F(PruneTest, PicksMatricesOfWeights) {
  const auto result = prune(weights_, {});
  EXPECT_THAT(names(result.masks), ElementsAre("main.0.weight", "main.2.weight", "to_rgb.weight"));
  ASSERT_EQ(result.rows.size(), 3u);
  for (const auto& row : result.rows) {
    SCOPED_TRACE(row.name);
    const auto& weight = weights_.at(row.name);
    double threshold = 0;
    EXPECT_TRUE(result.masks.at(row.name).equal(magnitude_mask(weight, 0.5, &threshold)));
    EXPECT_EQ(row.weights, weight.numel());
    EXPECT_EQ(row.kept, ones(result.masks.at(row.name)));
    EXPECT_EQ(row.threshold, threshold);
  }
}

TEST_F(PruneTest, FollowsThePatterns) {
  const auto picked = [&](std::vector<std::string> include, std::vector<std::string> exclude) {
    PruneOptions options;
    options.include = std::move(include);
    options.exclude = std::move(exclude);
    return names(prune(weights_, options).masks);
  };
  EXPECT_THAT(picked({"main.*"}, {}), ElementsAre("main.0.weight", "main.2.weight"));
  EXPECT_THAT(picked({}, {"to_rgb*"}), ElementsAre("main.0.weight", "main.2.weight"));
  EXPECT_THAT(picked({"main.?.weight", "to_*"}, {"*.0.*"}),
              ElementsAre("main.2.weight", "to_rgb.weight"));
  EXPECT_THAT(complaint([&] { picked({"*.bias"}, {}); }), HasSubstr("to_rgb.weight"));
  EXPECT_THAT(complaint([&] { picked({}, {"*"}); }), HasSubstr("no tensor to prune"));
}

TEST_F(PruneTest, GlobalTakesMoreFromSmallWeights) {
  PruneOptions options;
  options.scope = PruneScope::kGlobal;
  const auto result = prune(weights_, options);
  int64_t total = 0;
  for (const auto& row : result.rows) {
    total += row.weights;
    const auto magnitude = weights_.at(row.name).abs();
    const auto mask = result.masks.at(row.name).to(torch::kBool);
    EXPECT_GT(magnitude.masked_select(mask).min().item<double>(), row.threshold);
    EXPECT_LE(magnitude.masked_fill(mask, 0).max().item<double>(), row.threshold);
  }
  EXPECT_EQ(ones(result.masks),
            total - static_cast<int64_t>(std::nearbyint(0.5 * static_cast<double>(total))));
  EXPECT_LT(ones(result.masks.at("main.2.weight")), 6 * 8 / 3);
}

TEST(PatternMask, KeepsTheLargestOfEachGroup) {
  const auto weight =
      torch::tensor({1.0f, -4.0f, 3.0f, 2.0f, 5.0f, 5.0f, 5.0f, 0.0f, -1.0f, 2.0f}).view({1, 10});
  const auto mask = pattern_mask(weight, {2, 4}, 1);
  // Among equals the first; of the two that are left over both.
  EXPECT_TRUE(
      mask.equal(torch::tensor({0, 1, 1, 0, 1, 1, 0, 0, 1, 1}, torch::kByte).view({1, 10})));
  EXPECT_TRUE(pattern_mask(weight.t(), {2, 4}, 0).equal(mask.t()));
  EXPECT_TRUE(pattern_mask(weight, {1, 1}, 1).eq(1).all().item<bool>());

  const auto filters = numbers({6, 12, 3, 3});
  const auto kept = pattern_mask(filters, {1, 3}, 1);
  EXPECT_TRUE(kept.unflatten(1, {4, 3}).sum(2).eq(1).all().item<bool>());
  const auto largest = filters.abs().unflatten(1, {4, 3}).amax(2, /*keepdim=*/true);
  EXPECT_TRUE((filters * kept).abs().unflatten(1, {4, 3}).amax(2, true).equal(largest));
}

TEST(PatternMask, ParsesAndRefuses) {
  const auto pattern = parse_pattern("3:16");
  EXPECT_EQ(pattern.keep, 3);
  EXPECT_EQ(pattern.of, 16);
  for (const std::string text :
       {"", "2", "2:", ":4", "4:2", "0:4", "2:4:8", "2:65", "a:b", "2 4"}) {
    EXPECT_THAT(complaint([&] { parse_pattern(text); }), HasSubstr("N:M")) << text;
  }
}

TEST_F(PruneTest, PatternFollowsTheInputs) {
  PruneOptions options;
  options.pattern = PrunePattern{2, 4};
  options.sparsity = 7;  // not read
  options.include = {"main.*"};
  options.transposed = {"main.0.weight"};
  const auto result = prune(weights_, options);
  EXPECT_TRUE(result.masks.at("main.0.weight")
                  .equal(pattern_mask(weights_.at("main.0.weight"), {2, 4}, 0)));
  EXPECT_TRUE(result.masks.at("main.2.weight")
                  .equal(pattern_mask(weights_.at("main.2.weight"), {2, 4}, 1)));
  for (const auto& row : result.rows) EXPECT_EQ(2 * row.kept, row.weights) << row.name;
}

TEST_F(PruneTest, MasksNestAsSparsityGrows) {
  for (const auto scope : {PruneScope::kLayer, PruneScope::kGlobal}) {
    PruneOptions options;
    options.scope = scope;
    options.sparsity = 0;
    auto denser = prune(weights_, options);
    for (const auto& row : denser.rows) EXPECT_EQ(row.kept, row.weights) << row.name;
    for (int percent = 5; percent < 100; percent += 5) {
      options.sparsity = percent / 100.0;
      auto sparser = prune(weights_, options);
      for (const auto& [name, mask] : sparser.masks) {
        EXPECT_TRUE(within(mask, denser.masks.at(name))) << name << " at " << percent;
      }
      EXPECT_LT(ones(sparser.masks), ones(denser.masks));
      denser = std::move(sparser);
    }
  }
}

TEST_F(PruneTest, NamesTheTensorThatIsBroken) {
  weights_["main.2.weight"][1][2] = std::nan("");
  for (const auto scope : {PruneScope::kLayer, PruneScope::kGlobal}) {
    PruneOptions options;
    options.scope = scope;
    EXPECT_THAT(complaint([&] { prune(weights_, options); }), HasSubstr("main.2.weight"));
    options.exclude = {"main.2.*"};
    EXPECT_EQ(complaint([&] { prune(weights_, options); }), "");
  }
  EXPECT_THAT(complaint([&] { global_masks(weights_, 0.5); }), HasSubstr("tensor main.2.weight"));
  PruneOptions options;
  options.sparsity = 1;
  EXPECT_THAT(complaint([&] { prune(weights_, options); }), HasSubstr("sparsity"));
}

}  // namespace
}  // namespace vidgen::compress
