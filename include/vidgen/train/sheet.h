#pragma once

#include <torch/types.h>

#include <filesystem>
#include <vector>

#include "vidgen/video/frame.h"

/// Pictures of rendered clips: uint8 RGB [N,T,H,W,3] on the CPU.
namespace vidgen::train {

std::vector<video::Clip> to_video_clips(const torch::Tensor& clips);

/// A row for each clip and a column for each frame.
video::Frame sheet_of(const torch::Tensor& clips);

/// sheet_of() as a PNG.
void write_sheet(const torch::Tensor& clips, const std::filesystem::path& path);

/// A video in which the clips play side by side, as nearly square as their number allows.
void write_video_grid(const torch::Tensor& clips, double fps, const std::filesystem::path& path);

}  // namespace vidgen::train
