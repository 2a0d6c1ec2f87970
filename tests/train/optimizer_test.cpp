// Adam, AdamW and the gradient scaler against PyTorch's.
#include "vidgen/train/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/fixture.h"

namespace vidgen::train {
namespace {

using test::Fixture;

AdamOptions options_of(const core::Json& variant) {
  AdamOptions options;
  options.type = variant["class"] == "AdamW" ? OptimizerType::kAdamW : OptimizerType::kAdam;
  options.lr = variant["lr"];
  options.beta1 = variant["betas"][0];
  options.beta2 = variant["betas"][1];
  options.eps = variant["eps"];
  options.weight_decay = variant["weight_decay"];
  return options;
}

std::vector<std::string> names_under(const Fixture& fixture, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& name : fixture.names()) {
    if (name.rfind(prefix, 0) == 0) names.push_back(name.substr(prefix.size()));
  }
  return names;
}

TEST(AdamTest, MatchesPyTorch) {
  Fixture fixture("adam");
  const auto checkpoints = fixture.integers("checkpoints");
  for (const auto& [variant, settings] : fixture.param("variants").items()) {
    SCOPED_TRACE(variant);
    std::vector<std::pair<std::string, torch::Tensor>> parameters;
    for (const auto& name : names_under(fixture, "in.grad.")) {
      parameters.emplace_back(name, fixture.tensor("in." + name).clone().requires_grad_());
    }
    ASSERT_FALSE(parameters.empty());
    Adam adam(parameters, options_of(settings));
    for (int64_t step = 1; step <= fixture.integer("steps"); ++step) {
      for (auto& [name, parameter] : parameters) {
        parameter.mutable_grad() = fixture.tensor("in.grad." + name)[step - 1].clone();
      }
      adam.step();
      for (const int64_t checkpoint : checkpoints) {
        if (checkpoint != step) continue;
        for (const auto& [name, parameter] : parameters) {
          fixture.expect_close(core::cat("out.", variant, ".", name, ".step", step),
                               parameter.detach());
        }
      }
    }
    checkpoint::StateSaver state;
    adam.visit(state, "adam");
    for (const auto& [name, parameter] : parameters) {
      for (const std::string moment : {".exp_avg", ".exp_avg_sq"}) {
        fixture.expect_close("out." + variant + "." + name + moment,
                             state.tensors.at("adam." + name + moment));
      }
    }
  }
}

TEST(AdamTest, ReadsGradientsOfAnotherLayoutRight) {
  const auto start = torch::randn({4, 3, 2, 2});
  const auto gradient = torch::randn({4, 3, 2, 2});
  const auto step = [&](torch::MemoryFormat weight_format, torch::MemoryFormat gradient_format) {
    auto weight = start.clone().contiguous(weight_format).requires_grad_();
    weight.mutable_grad() = gradient.contiguous(gradient_format);
    Adam adam({{"w", weight}}, AdamOptions());
    adam.step();
    return weight.detach().contiguous();
  };
  const auto expected = step(torch::MemoryFormat::Contiguous, torch::MemoryFormat::Contiguous);
  EXPECT_TRUE(
      expected.equal(step(torch::MemoryFormat::ChannelsLast, torch::MemoryFormat::Contiguous)));
  EXPECT_TRUE(
      expected.equal(step(torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast)));
  EXPECT_FALSE(expected.equal(start));
}

TEST(AdamTest, AnOverflowChangesNothingAtAll) {
  auto weight = torch::ones({3}).requires_grad_();
  weight.mutable_grad() = torch::full({3}, INFINITY);
  Adam adam({{"w", weight}}, AdamOptions());
  adam.step(torch::ones({}));
  EXPECT_TRUE(weight.detach().equal(torch::ones({3})));
  checkpoint::StateSaver state;
  adam.visit(state, "a");
  EXPECT_EQ(state.tensors.at("a.w.step").item<float>(), 0);
  EXPECT_TRUE(state.tensors.at("a.w.exp_avg").equal(torch::zeros({3})));
}

GradScalerOptions scaler_options(const Fixture& fixture) {
  GradScalerOptions options;
  options.init_scale = fixture.number("init_scale");
  options.growth_factor = fixture.number("growth");
  options.backoff_factor = fixture.number("backoff");
  options.growth_interval = fixture.integer("growth_interval");
  return options;
}

TEST(GradScalerTest, ReproducesTheTraceOfPyTorch) {
  Fixture fixture("grad_scaler");
  const auto names = names_under(fixture, "in.grad.");
  std::map<std::string, torch::Tensor> parameters, history;
  for (const auto& name : names) parameters[name] = fixture.tensor("in." + name).clone();
  GradScaler scaler(scaler_options(fixture), /*enabled=*/true, torch::kCPU);
  std::vector<torch::Tensor> found_inf, scale, tracker, stepped;
  std::map<std::string, std::vector<torch::Tensor>> values;
  for (int64_t i = 0; i < fixture.integer("steps"); ++i) {
    std::vector<torch::Tensor> gradients;
    for (const auto& name : names) {
      gradients.push_back(scaler.scale(fixture.tensor("in.grad." + name)[i]).clone());
    }
    scaler.unscale(gradients);
    const bool overflow = scaler.found_inf().item<float>() != 0;
    for (size_t p = 0; p < names.size(); ++p) {
      if (!overflow) parameters[names[p]].sub_(gradients[p], fixture.number("lr"));
      values[names[p]].push_back(parameters[names[p]].clone());
    }
    found_inf.push_back(scaler.found_inf().clone());
    scaler.update();
    checkpoint::StateSaver state;
    scaler.visit(state, "s");
    scale.push_back(state.tensors.at("s.scale").clone());
    tracker.push_back(state.tensors.at("s.growth_tracker").clone());
    stepped.push_back(torch::tensor(!overflow, torch::kU8));
  }
  fixture.expect_close("out.found_inf", torch::stack(found_inf));
  fixture.expect_close("out.scale", torch::stack(scale));
  fixture.expect_close("out.growth_tracker", torch::stack(tracker));
  fixture.expect_close("out.stepped", torch::stack(stepped));
  for (const auto& name : names) fixture.expect_close("out." + name, torch::stack(values[name]));
  const auto skipped = (1 - torch::stack(stepped).to(torch::kLong)).sum();
  EXPECT_EQ(scaler.skipped_steps().item<int64_t>(), skipped.item<int64_t>());
}

TEST(GradScalerTest, DisabledChangesNothing) {
  GradScaler scaler(GradScalerOptions(), /*enabled=*/false, torch::kCPU);
  const auto loss = torch::tensor(3.0f);
  EXPECT_TRUE(scaler.scale(loss).equal(loss));
  auto gradient = torch::tensor({1.0f, INFINITY});
  scaler.unscale({gradient});
  scaler.update();
  EXPECT_EQ(gradient[0].item<float>(), 1);
  checkpoint::StateSaver state;
  scaler.visit(state, "s");
  EXPECT_TRUE(state.tensors.empty());
}

}  // namespace
}  // namespace vidgen::train
