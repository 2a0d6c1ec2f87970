#include "vidgen/train/sheet.h"

#include <cmath>

#include "vidgen/video/sink.h"

namespace vidgen::train {
namespace {

/// Its frames, those of clip after clip.
std::vector<torch::Tensor> frames_of(const torch::Tensor& clips) {
  TORCH_CHECK(clips.dim() == 5 && clips.size(4) == 3 && clips.scalar_type() == torch::kU8,
              "expected uint8 [N,T,H,W,3], found ", clips.sizes());
  return clips.contiguous().flatten(0, 1).unbind();
}

}  // namespace

video::Frame sheet_of(const torch::Tensor& clips, const std::vector<std::string>& headings) {
  const auto frames = frames_of(clips);
  const int64_t columns = clips.size(1);
  video::Tiles tiles(clips.size(0), columns, clips.size(2), clips.size(3), headings);
  for (size_t i = 0; i < frames.size(); ++i) {
    const auto place = static_cast<int64_t>(i);
    tiles.place(frames[i].data_ptr<uint8_t>(), place / columns, place % columns);
  }
  return tiles.take();
}

void write_video_grid(const torch::Tensor& clips, double fps, const std::filesystem::path& path,
                      const std::vector<std::string>& headings) {
  const auto frames = frames_of(clips);
  const int64_t count = clips.size(0);
  const auto columns = headings.empty()
                           ? static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count))))
                           : static_cast<int64_t>(headings.size());
  const auto grid =
      video::open_grid(path, {count, clips.size(1), clips.size(2), clips.size(3), fps},
                       (count + columns - 1) / columns, columns, headings);
  for (const auto& frame : frames) grid->write(frame.data_ptr<uint8_t>());
  grid->finish();
}

}  // namespace vidgen::train
