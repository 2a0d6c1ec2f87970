#include "webp_source.h"

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::video {
namespace {

constexpr uint64_t kMostBytes = uint64_t{2} << 30;
/// Browsers show a picture that asks for at most 10 ms for 100.
constexpr int kShortestMs = 11;
constexpr double kDefaultSeconds = 0.1;

double seconds_of(int milliseconds) {
  return milliseconds < kShortestMs ? kDefaultSeconds : milliseconds / 1000.0;
}

/// All pictures' durations, which lie before the pictures in the file.
double total_seconds(const WebPDemuxer* demuxer) {
  WebPIterator frame;
  double total = 0;
  if (!WebPDemuxGetFrame(demuxer, 1, &frame)) return 0;
  do {
    total += seconds_of(frame.duration);
  } while (WebPDemuxNextFrame(&frame));
  WebPDemuxReleaseIterator(&frame);
  return total;
}

bool is_opaque(const uint8_t* pixels, const AVFrame& picture) {
  const size_t bytes =
      size_t{4} * static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
  uint8_t alpha = 255;
  for (size_t i = 3; i < bytes; i += 4) alpha &= pixels[i];
  return alpha == 255;
}

}  // namespace

WebpSource::WebpSource(const std::filesystem::path& path, int threads)
    : bytes_(core::read_file(path, kMostBytes)) {
  const WebPData data{reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size()};
  WebPAnimDecoderOptions options;
  WebPAnimInfo info;
  if (WebPAnimDecoderOptionsInit(&options)) {
    options.color_mode = MODE_RGBA;
    options.use_threads = threads != 1;
    decoder_.reset(WebPAnimDecoderNew(&data, &options));
  }
  if (!decoder_ || !WebPAnimDecoderGetInfo(decoder_.get(), &info)) {
    throw Error(path.string() + ": is a damaged animation (WebP)");
  }
  const WebPDemuxer* demuxer = WebPAnimDecoderGetDemuxer(decoder_.get());
  header_.width = info.canvas_width;
  header_.height = info.canvas_height;
  header_.frames = info.frame_count;
  header_.end = total_seconds(demuxer);
  if (header_.end > 0) header_.fps = static_cast<double>(info.frame_count) / header_.end;
  picture_->width = static_cast<int>(info.canvas_width);
  picture_->height = static_cast<int>(info.canvas_height);
  picture_->linesize[0] = 4 * picture_->width;
  picture_->colorspace = AVCOL_SPC_RGB;
  picture_->color_range = AVCOL_RANGE_JPEG;
}

bool WebpSource::next() {
  if (shown_ == header_.frames) return false;
  uint8_t* pixels = nullptr;
  int stamp = 0;
  if (!WebPAnimDecoderGetNext(decoder_.get(), &pixels, &stamp)) {
    // Each picture is laid over the one before, and libwebp gives up at the first that is damaged.
    damage_ = {1, header_.frames - shown_, end_, "a picture cannot be decoded (WebP)", 0};
    shown_ = header_.frames;
    return false;
  }
  picture_->data[0] = pixels;
  picture_->format = is_opaque(pixels, *picture_) ? AV_PIX_FMT_RGB0 : AV_PIX_FMT_RGBA;
  start_ = end_;
  end_ += seconds_of(stamp - stamp_);
  stamp_ = stamp;
  ++shown_;
  return true;
}

}  // namespace vidgen::video
