#include <webp/demux.h>

#include "file_kind.h"
#include "picture_source.h"
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

/// Where the chunks of pictures end. One that is cut short ends behind the file's end, as does a
/// chunk whose kind is cut off.
std::vector<size_t> picture_ends(const std::string& bytes) {
  constexpr size_t kFileHeader = 12, kChunkHeader = 8;
  std::vector<size_t> ends;
  if (bytes.size() < kFileHeader) return ends;
  const size_t promised = kChunkHeader + number_at(bytes, 4, 4, /*big_endian=*/false);
  for (size_t at = kFileHeader; at < promised;) {
    const bool known = at + kChunkHeader <= bytes.size();
    const bool picture = !known || bytes.compare(at, 4, "ANMF") == 0;
    const size_t size = known ? number_at(bytes, at + 4, 4, /*big_endian=*/false) : 0;
    at += kChunkHeader + size + size % 2;
    if (picture) ends.push_back(at);
    if (at > bytes.size()) break;
  }
  return ends;
}

class WebpSource : public PictureSource {
 public:
  WebpSource(const std::filesystem::path& path, int threads)
      : bytes_(core::read_file(path, kMostBytes)) {
    open(threads);
    if (!decoder_) open_whole_part(threads);
    WebPAnimInfo info;
    if (!decoder_ || !WebPAnimDecoderGetInfo(decoder_.get(), &info)) {
      throw Error(path.string() + ": is a damaged animation (WebP)");
    }
    const WebPDemuxer* demuxer = WebPAnimDecoderGetDemuxer(decoder_.get());
    header_.width = info.canvas_width;
    header_.height = info.canvas_height;
    header_.frames = info.frame_count + lost_;
    header_.end = total_seconds(demuxer);
    if (header_.end > 0) header_.fps = static_cast<double>(info.frame_count) / header_.end;
    picture_->width = static_cast<int>(info.canvas_width);
    picture_->height = static_cast<int>(info.canvas_height);
    picture_->linesize[0] = 4 * picture_->width;
    picture_->colorspace = AVCOL_SPC_RGB;
    picture_->color_range = AVCOL_RANGE_JPEG;
  }

  bool next() override {
    if (shown_ == header_.frames) return false;
    uint8_t* pixels = nullptr;
    int stamp = 0;
    if (!WebPAnimDecoderGetNext(decoder_.get(), &pixels, &stamp)) {
      // Each picture is laid over the one before, and libwebp gives up at the first that is
      // damaged.
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

  double time() const override { return start_; }
  double duration() const override { return end_ - start_; }

 private:
  void open(int threads) {
    const WebPData data{reinterpret_cast<const uint8_t*>(bytes_.data()), bytes_.size()};
    WebPAnimDecoderOptions options;
    if (!WebPAnimDecoderOptionsInit(&options)) return;
    options.color_mode = MODE_RGBA;
    options.use_threads = threads != 1;
    decoder_.reset(WebPAnimDecoderNew(&data, &options));
  }

  /// libwebp opens nothing but whole files: of others the end is taken off, picture by picture.
  void open_whole_part(int threads) {
    const std::vector<size_t> ends = picture_ends(bytes_);
    for (size_t whole = ends.size(); whole > 0 && !decoder_; --whole) {
      if (ends[whole - 1] > bytes_.size()) continue;
      bytes_.resize(ends[whole - 1]);
      const size_t size = bytes_.size() - 8;  // of what comes behind it
      for (size_t i = 0; i < 4; ++i) bytes_[4 + i] = static_cast<char>(size >> 8 * i & 0xff);
      open(threads);
      lost_ = static_cast<int64_t>(ends.size() - whole);
    }
  }

  struct Deleter {
    void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
  };

  std::string bytes_;  // the decoder reads it
  std::unique_ptr<WebPAnimDecoder, Deleter> decoder_;
  /// Pictures at the end that are cut off.
  int64_t lost_ = 0;
  int64_t shown_ = 0;
  /// Of the file's own clock, in milliseconds.
  int stamp_ = 0;
  double start_ = 0;
  double end_ = 0;
};

}  // namespace

std::unique_ptr<PictureSource> open_webp(const std::filesystem::path& path, int threads) {
  return std::make_unique<WebpSource>(path, threads);
}

}  // namespace vidgen::video
