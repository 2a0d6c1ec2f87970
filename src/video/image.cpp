#include <cstring>

#include "libav.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/writer.h"

namespace vidgen::video {
namespace {

void check_png(bool good, const Frame& image) {
  if (good) return;
  throw Error(core::cat("cannot encode ", image.width, "x", image.height, " pixels as PNG"));
}

/// Ready to encode images of this size.
AvCodec open_png(const Frame& image, AVPixelFormat pixels) {
  const AVCodec* encoder = avcodec_find_encoder(AV_CODEC_ID_PNG);
  check_png(encoder, image);
  AvCodec codec(avcodec_alloc_context3(encoder));
  codec->width = static_cast<int>(image.width);
  codec->height = static_cast<int>(image.height);
  codec->pix_fmt = pixels;
  codec->time_base = {1, 1};
  AvOptions options("pred=mixed");
  check_png(avcodec_open2(codec.get(), encoder, &options.entries) >= 0, image);
  return codec;
}

}  // namespace

std::string encode_png(const Frame& image) {
  if (image.pixels.empty()) throw Error("there is no image to encode");
  silence_libav();
  const AVPixelFormat pixels = image.channels == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
  const AvCodec codec = open_png(image, pixels);
  const AvFrame picture(av_frame_alloc());
  picture->format = pixels;
  picture->width = codec->width;
  picture->height = codec->height;
  check_png(av_frame_get_buffer(picture.get(), 0) >= 0, image);
  const size_t row = static_cast<size_t>(image.width * image.channels);
  for (int y = 0; y < picture->height; ++y) {
    std::memcpy(picture->data[0] + y * picture->linesize[0], image.pixels.data() + y * row, row);
  }
  const AvPacket packet(av_packet_alloc());
  check_png(avcodec_send_frame(codec.get(), picture.get()) >= 0 &&
                avcodec_send_frame(codec.get(), nullptr) >= 0 &&
                avcodec_receive_packet(codec.get(), packet.get()) >= 0,
            image);
  return {reinterpret_cast<const char*>(packet->data), static_cast<size_t>(packet->size)};
}

void write_png(const std::filesystem::path& path, const Frame& image) {
  if (core::lower_extension(path) != ".png") {
    throw Error(path.string() + ": unknown extension of an image to write, expected .png");
  }
  if (image.pixels.empty()) throw Error(path.string() + ": there is no image to write");
  const std::string bytes = encode_png(image);
  core::AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

Frame read_image(const std::filesystem::path& path) {
  Frame frame;
  if (!VideoReader(path).read(frame)) throw Error(path.string() + ": the image is damaged");
  return frame;
}

}  // namespace vidgen::video
