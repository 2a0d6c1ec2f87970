#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// The files that `vidgen sample` writes, frame by frame: memory does not grow with the clips, but
/// for a sheet, which is one picture.
namespace vidgen::cli {

enum class SampleFormat { kVideo, kSheet, kTensor, kFolder };

/// By the name's extension; one that ends in a slash, or that has none, is a folder of one video a
/// clip. Throws vidgen::Error for another.
SampleFormat sample_format(const std::filesystem::path& out);

struct SampleOutputOptions {
  std::filesystem::path out;
  /// Clips in all, their frames, and pixels of a side.
  int64_t clips = 0;
  int64_t frames = 0;
  int64_t size = 0;
  double fps = 25;
  /// Of a video in which the clips play side by side; 0 for one clip after the other.
  int64_t rows = 0;
  int64_t columns = 0;
  /// That the clips are of, as many of each, where several were asked for: the files of a folder
  /// are named after them.
  std::vector<uint64_t> seeds{};
};

/// Nothing is left of a file without finish(). Failures throw vidgen::Error naming it.
class SampleOutput {
 public:
  virtual ~SampleOutput() = default;
  /// Frames uint8 RGB [M,size,size,3], those of clip after clip.
  virtual void add(const torch::Tensor& frames) = 0;
  virtual void finish() = 0;
};

std::unique_ptr<SampleOutput> open_sample_output(const SampleOutputOptions& options);

}  // namespace vidgen::cli
