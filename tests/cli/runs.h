#pragma once

#include <gtest/gtest.h>

#include <filesystem>

#include "cli/workspace.h"
#include "vidgen/checkpoint/safetensors.h"

namespace vidgen::test {

/// Everything that keeps state between steps, and log lines that begin before a checkpoint and end
/// after it.
constexpr const char* kFullConfig = R"(run_dir: run
data: {sources: clip.mp4, size: 16, frames: 10, crop: random, resize: 20, horizontal_flip: true, workers: 2}
model:
  generator: {widths: [8, 8], attention: [8]}
  temporal: {type: lstm, content_dim: 4, motion_dim: 2, hidden: 4, layers: 2}
  discriminators:
    - {type: frame, widths: [8, 8], frames: 2}
    - {type: clip, widths: [8, 8]}
loss: {type: relativistic, r1: 0.1, r2: 0.1, gradient_penalty: 1, penalty_every: 3}
optim:
  generator: {type: adamw, lr: 1e-3, weight_decay: 0.01}
  discriminator: {lr: 1e-3}
  warmup_steps: 30
  clip_grad_norm: 1
train:
  batch_size: 2
  accumulate: 2
  precision: bfloat16
  scaler: {mode: on, growth_interval: 3}
  ema: {half_life: 50}
  seed: 5
  log_every: 3
  sample_every: 7
  sample_clips: 1
  checkpoint_every: 5
)";

/// The same files as in a run that was never interrupted: every tensor, counter and log line, apart
/// from what tells the time.
inline void expect_same_runs(const std::filesystem::path& got, const std::filesystem::path& want,
                             int64_t step) {
  const auto got_file = checkpoint::read_safetensors(checkpoint_file(got, step));
  const auto want_file = checkpoint::read_safetensors(checkpoint_file(want, step));
  EXPECT_EQ(got_file.metadata, want_file.metadata);
  ASSERT_EQ(got_file.tensors.size(), want_file.tensors.size());
  for (const auto& [name, tensor] : want_file.tensors) {
    ASSERT_EQ(got_file.tensors.count(name), 1u) << name;
    const auto& other = got_file.tensors.at(name);
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
    EXPECT_TRUE(tensor.scalar_type() == other.scalar_type() && tensor.equal(other)) << name;
  }
  EXPECT_TRUE(read_bytes(got / "weights.safetensors") == read_bytes(want / "weights.safetensors"));

  auto got_log = read_log(got), want_log = read_log(want);
  for (auto* log : {&got_log, &want_log}) {
    for (auto& line : *log) {
      for (const char* clock : {"clips_per_second", "seconds", "time"}) line.erase(clock);
    }
  }
  EXPECT_EQ(got_log, want_log);
}

}  // namespace vidgen::test
