#include <cstring>

#include "encoder.h"
#include "vidgen/core/error.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/writer.h"

namespace vidgen::video {
namespace {

constexpr EncoderFormat png_format(AVPixelFormat pixels) {
  return {"png", pixels, "pred=mixed", "", "image2pipe"};
}

}  // namespace

void write_png(const std::filesystem::path& path, const Frame& image) {
  if (path.extension() != ".png") {
    throw Error(path.string() + ": unknown extension of an image to write, expected .png");
  }
  if (image.pixels.empty()) throw Error(path.string() + ": there is no image to write");
  const AVPixelFormat pixels = image.channels == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
  const auto width = static_cast<int>(image.width), height = static_cast<int>(image.height);
  Encoder encoder(path, png_format(pixels), width, height, /*fps=*/1);
  AVFrame& picture = encoder.picture();
  const size_t row = static_cast<size_t>(image.width * image.channels);
  for (int y = 0; y < height; ++y) {
    std::memcpy(picture.data[0] + y * picture.linesize[0], image.pixels.data() + y * row, row);
  }
  encoder.send();
  encoder.finish();
}

Frame read_image(const std::filesystem::path& path) {
  Frame frame;
  if (!VideoReader(path).read(frame)) throw Error(path.string() + ": the image is damaged");
  return frame;
}

}  // namespace vidgen::video
