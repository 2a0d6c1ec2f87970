#include "support/fixture.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cmath>

namespace vidgen::test {
namespace {

/// One tensor that must be equal and one with a tolerance, whichever the set has.
class FixtureTest : public ::testing::Test {
 protected:
  FixtureTest() {
    for (const auto& [name, line] : fixture_.entry().at("tensors").items()) {
      if (line.size() < 4) {
        input_ = name;
      } else if (line.at(3).get<double>() == 0) {
        exact_ = name;
      } else if (line.at(1).size() > 0) {
        close_ = name;
        atol_ = line.at(3).get<double>();
      }
    }
  }

  Fixture fixture_{"quantize"};
  std::string input_;
  std::string exact_;
  std::string close_;
  double atol_ = 0;
};

TEST_F(FixtureTest, AcceptsTheExpectedTensor) {
  for (const auto& name : {exact_, close_}) fixture_.expect_close(name, fixture_.tensor(name));
  auto got = fixture_.tensor(close_).to(torch::kDouble);
  got.flatten()[0] += 0.9 * atol_;
  fixture_.expect_close(close_, got);
}

TEST_F(FixtureTest, ReportsADifference) {
  auto got = fixture_.tensor(close_).to(torch::kDouble);
  got.flatten()[0] += 0.01;
  EXPECT_NONFATAL_FAILURE(fixture_.expect_close(close_, got), close_ + ": 1 of ");
  EXPECT_NONFATAL_FAILURE(
      fixture_.expect_close(exact_, fixture_.tensor(exact_).to(torch::kInt) + 1), "got ");
}

TEST_F(FixtureTest, ReportsWhatCannotBeCompared) {
  auto got = fixture_.tensor(close_).clone();
  EXPECT_NONFATAL_FAILURE(fixture_.expect_close(close_, got.unsqueeze(0)), "has shape");
  EXPECT_NONFATAL_FAILURE(fixture_.expect_close(close_, torch::Tensor()), "is undefined");
  got.flatten()[0] = std::nan("");
  EXPECT_NONFATAL_FAILURE(fixture_.expect_close(close_, got), "got nan");
}

TEST_F(FixtureTest, KnowsWhatIsThere) {
  EXPECT_TRUE(fixture_.has(input_));
  EXPECT_FALSE(fixture_.has("none"));
  EXPECT_THROW(fixture_.tensor("none"), Error);
  EXPECT_THROW(fixture_.integer("none"), Error);
  EXPECT_THROW(fixture_.expect_close(input_, fixture_.tensor(input_)), Error);
  EXPECT_THROW(Fixture("none"), Error);
}

}  // namespace
}  // namespace vidgen::test
