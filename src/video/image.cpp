#include <climits>

#include "libav.h"
#include "metadata.h"
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

void check_png_size(const std::filesystem::path& path, int64_t width, int64_t height) {
  silence_libav();
  // FFmpeg's own limit.
  const bool fits =
      width > 0 && height > 0 && width <= INT_MAX && height <= INT_MAX &&
      av_image_check_size2(static_cast<unsigned>(width), static_cast<unsigned>(height), INT_MAX,
                           AV_PIX_FMT_NONE, 0, nullptr) >= 0;
  if (fits) return;
  throw Error(core::cat(path.string(), ": a picture of ", width, "x", height,
                        " pixels cannot be written as PNG, expected at most 2^28 pixels"));
}

std::string encode_png(const Frame& image) {
  if (image.pixels.empty()) throw Error("there is no image to encode");
  silence_libav();
  const AVPixelFormat pixels = image.channels == 1 ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
  const AvCodec codec = open_png(image, pixels);
  const AvFrame picture(av_frame_alloc());
  picture->format = pixels;
  picture->width = codec->width;
  picture->height = codec->height;
  // The encoder only reads, so the pixels need no copy.
  auto* data = const_cast<uint8_t*>(image.pixels.data());
  const auto keep = [](void*, uint8_t*) {};
  picture->buf[0] =
      av_buffer_create(data, image.pixels.size(), keep, nullptr, AV_BUFFER_FLAG_READONLY);
  check_png(picture->buf[0], image);
  picture->data[0] = data;
  picture->linesize[0] = static_cast<int>(image.width * image.channels);
  const AvPacket packet(av_packet_alloc());
  check_png(avcodec_send_frame(codec.get(), picture.get()) >= 0 &&
                avcodec_send_frame(codec.get(), nullptr) >= 0 &&
                avcodec_receive_packet(codec.get(), packet.get()) >= 0,
            image);
  return {reinterpret_cast<const char*>(packet->data), static_cast<size_t>(packet->size)};
}

void write_png(const std::filesystem::path& path, const Frame& image, const Metadata& metadata) {
  if (core::lower_extension(path) != ".png") {
    throw Error(path.string() + ": unknown extension of an image to write, expected .png");
  }
  if (image.pixels.empty()) throw Error(path.string() + ": there is no image to write");
  check_png_size(path, image.width, image.height);
  check_metadata(path, metadata);
  constexpr size_t kBeforeChunks = 33;  // the signature and the first chunk, IHDR
  const std::string bytes = encode_png(image).insert(kBeforeChunks, png_chunks(metadata));
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
