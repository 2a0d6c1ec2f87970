#include "vidgen/nn/threads.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "vidgen/core/resources.h"

namespace vidgen::nn {
namespace {

cpu_set_t cpus_of_thread() {
  cpu_set_t cpus;
  EXPECT_EQ(::sched_getaffinity(0, sizeof cpus, &cpus), 0);
  return cpus;
}

/// Where each of LibTorch's threads may run.
std::vector<cpu_set_t> cpus_of_threads() {
  std::vector<cpu_set_t> all(static_cast<size_t>(at::get_num_threads()));
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t, int64_t) {
    all.at(static_cast<size_t>(at::get_thread_num())) = cpus_of_thread();
  });
  return all;
}

/// As many of LibTorch's threads as asked for, and as before afterwards.
class ThreadsApartTest : public testing::Test {
 protected:
  void TearDown() override { at::set_num_threads(before_); }

  const cpu_set_t all_ = cpus_of_thread();
  const int before_ = at::get_num_threads();
};

TEST_F(ThreadsApartTest, AreOnCpusOfTheirOwnForAsLongAsItLives) {
  const int count = CPU_COUNT(&all_);
  if (count < 2) GTEST_SKIP() << "one CPU";
  set_up_threads(count);
  {
    const ThreadsApart apart(true);
    cpu_set_t seen;
    CPU_ZERO(&seen);
    for (const auto& cpus : cpus_of_threads()) {
      EXPECT_EQ(CPU_COUNT(&cpus), 1);
      CPU_OR(&seen, &seen, &cpus);
    }
    EXPECT_TRUE(CPU_EQUAL(&seen, &all_));
  }
  for (const auto& cpus : cpus_of_threads()) EXPECT_TRUE(CPU_EQUAL(&cpus, &all_));
}

TEST_F(ThreadsApartTest, AreLeftAloneWhereTheyAreFewer) {
  set_up_threads(std::max(CPU_COUNT(&all_) - 1, 1));
  const ThreadsApart apart(true);
  for (const auto& cpus : cpus_of_threads()) EXPECT_TRUE(CPU_EQUAL(&cpus, &all_));
}

TEST_F(ThreadsApartTest, AreAsManyAsTheUserSaysOrAsCanRun) {
  set_up_threads(3);
  EXPECT_EQ(at::get_num_threads(), 3);
  if (std::getenv("OMP_NUM_THREADS") || std::getenv("MKL_NUM_THREADS")) return;
  at::set_num_threads(CPU_SETSIZE);
  set_up_threads(0);
  EXPECT_EQ(at::get_num_threads(), core::usable_cpus());
}

}  // namespace
}  // namespace vidgen::nn
