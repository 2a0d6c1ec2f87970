#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/video/frame.h"

/// Pictures of rendered clips: uint8 RGB [N,T,H,W,3] on the CPU.
namespace vidgen::train {

/// A row for each clip and a column, with its heading where there are any, for each frame.
video::Frame sheet_of(const torch::Tensor& clips, const std::vector<std::string>& headings = {});

/// A video in which the clips play side by side, row by row in as many columns as there are
/// headings; without, as nearly square as their number allows.
void write_video_grid(const torch::Tensor& clips, double fps, const std::filesystem::path& path,
                      const std::vector<std::string>& headings = {});

}  // namespace vidgen::train
