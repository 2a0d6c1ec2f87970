#include "vidgen/train/sheet.h"

#include <cmath>
#include <cstring>

#include "vidgen/video/writer.h"

namespace vidgen::train {

std::vector<video::Clip> to_video_clips(const torch::Tensor& clips) {
  TORCH_CHECK(clips.dim() == 5 && clips.size(4) == 3 && clips.scalar_type() == torch::kU8,
              "expected uint8 [N,T,H,W,3], found ", clips.sizes());
  std::vector<video::Clip> result;
  for (int64_t i = 0; i < clips.size(0); ++i) {
    const auto clip = clips[i].contiguous();
    video::Clip one{clip.size(0), clip.size(1), clip.size(2), {}};
    one.pixels.assign(clip.data_ptr<uint8_t>(), clip.data_ptr<uint8_t>() + clip.numel());
    result.push_back(std::move(one));
  }
  return result;
}

video::Frame sheet_of(const torch::Tensor& clips) {
  return video::contact_sheet(to_video_clips(clips));
}

void write_sheet(const torch::Tensor& clips, const std::filesystem::path& path) {
  video::write_png(path, sheet_of(clips));
}

void write_video_grid(const torch::Tensor& clips, double fps, const std::filesystem::path& path) {
  const auto count = clips.size(0);
  const auto columns = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const int64_t rows = (count + columns - 1) / columns;
  TORCH_CHECK(clips.dim() == 5 && clips.size(4) == 3 && clips.scalar_type() == torch::kU8,
              "expected uint8 [N,T,H,W,3], found ", clips.sizes());
  const auto pixels = clips.contiguous();
  video::Tiles tiles(rows, columns, clips.size(2), clips.size(3));
  video::VideoWriter writer(path, tiles.picture().width, tiles.picture().height, fps);
  for (int64_t t = 0; t < clips.size(1); ++t) {
    for (int64_t i = 0; i < count; ++i)
      tiles.place(pixels[i][t].data_ptr<uint8_t>(), i / columns, i % columns);
    writer.write(tiles.picture().pixels.data());
  }
  writer.finish();
}

}  // namespace vidgen::train
