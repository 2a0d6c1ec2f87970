#include "encoder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

int64_t seek_to(int descriptor, int64_t offset, int whence) {
  if (whence & AVSEEK_SIZE) {
    struct stat status {};
    return ::fstat(descriptor, &status) == 0 ? status.st_size : AVERROR(errno);
  }
  const auto position = ::lseek(descriptor, offset, whence & ~AVSEEK_FORCE);
  return position < 0 ? AVERROR(errno) : position;
}

core::AtomicFile& as_file(void* file) { return *static_cast<core::AtomicFile*>(file); }

}  // namespace

Encoder::Encoder(const std::filesystem::path& path, const EncoderFormat& format, int width,
                 int height, double fps, const Metadata& metadata)
    : path_(path), file_(path) {
  silence_libav();
  open_codec(format, width, height, fps);
  for (const auto& [key, text] : metadata) {
    check(av_dict_set(&container_->metadata, key.c_str(), text.c_str(), AV_DICT_MATCH_CASE));
  }
  open_file(format.container_options);
}

void Encoder::open_codec(const EncoderFormat& format, int width, int height, double fps) {
  const AVCodec* encoder = avcodec_find_encoder_by_name(format.encoder);
  if (!encoder) {
    throw Error(
        core::cat(path_.string(), ": the installed FFmpeg has no encoder ", format.encoder));
  }
  AVFormatContext* container = nullptr;
  check(avformat_alloc_output_context2(&container, nullptr, nullptr, file_.temporary().c_str()));
  container_.reset(container);
  codec_.reset(avcodec_alloc_context3(encoder));
  codec_->width = width;
  codec_->height = height;
  codec_->pix_fmt = format.pixels;
  codec_->framerate = av_d2q(fps, 1001000);
  codec_->time_base = av_inv_q(codec_->framerate);
  if (format.pixels == AV_PIX_FMT_YUV420P) {
    // What libswscale makes of RGB; players guess when it is not said.
    codec_->color_range = AVCOL_RANGE_MPEG;
    codec_->colorspace = AVCOL_SPC_SMPTE170M;
    codec_->color_primaries = AVCOL_PRI_SMPTE170M;
    codec_->color_trc = AVCOL_TRC_SMPTE170M;
  }
  if (container_->oformat->flags & AVFMT_GLOBALHEADER) codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  AvOptions options(format.encoder_options);
  check(avcodec_open2(codec_.get(), encoder, &options.entries));

  picture_->format = format.pixels;
  picture_->width = width;
  picture_->height = height;
  check(av_frame_get_buffer(picture_.get(), 0));
}

void Encoder::open_file(const char* container_options) {
  AVStream* stream = avformat_new_stream(container_.get(), nullptr);
  if (!stream) check(AVERROR(ENOMEM));
  stream->time_base = codec_->time_base;
  stream->avg_frame_rate = codec_->framerate;
  check(avcodec_parameters_from_context(stream->codecpar, codec_.get()));
  output_ = open_output();
  container_->pb = output_.get();
  AvOptions options(container_options);
  check(avformat_write_header(container_.get(), &options.entries));
}

AvBuffered Encoder::open_output() {
  constexpr int kBufferBytes = 1 << 15;
  // FFmpeg 7 passes constant data.
  const auto write = [](void* file, auto* data, int bytes) {
    const int error = as_file(file).try_write(data, static_cast<size_t>(bytes));
    return error == 0 ? bytes : AVERROR(error);
  };
  const auto seek = [](void* file, int64_t offset, int whence) {
    return seek_to(as_file(file).descriptor(), offset, whence);
  };
  auto* buffer = static_cast<unsigned char*>(av_malloc(kBufferBytes));
  if (!buffer) throw std::bad_alloc();
  AvBuffered output(
      avio_alloc_context(buffer, kBufferBytes, /*write_flag=*/1, &file_, nullptr, write, seek));
  if (!output) {
    av_free(buffer);
    throw std::bad_alloc();
  }
  return output;
}

AVFrame& Encoder::picture() {
  // The encoder may still hold the picture before.
  check(av_frame_make_writable(picture_.get()));
  return *picture_;
}

void Encoder::send() {
  picture_->pts = frames_++;
  check(avcodec_send_frame(codec_.get(), picture_.get()));
  write_packets();
}

void Encoder::write_packets() {
  for (;;) {
    const int code = avcodec_receive_packet(codec_.get(), packet_.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check(code);
    if (packet_->duration == 0) packet_->duration = 1;
    av_packet_rescale_ts(packet_.get(), codec_->time_base, container_->streams[0]->time_base);
    check(av_interleaved_write_frame(container_.get(), packet_.get()));
  }
}

void Encoder::finish(const std::string& end) {
  if (frames_ == 0) throw Error(path_.string() + ": there are no frames to write");
  check(avcodec_send_frame(codec_.get(), nullptr));
  write_packets();
  check(av_write_trailer(container_.get()));
  if (!end.empty()) {
    avio_seek(output_.get(), -1, SEEK_CUR);
    avio_write(output_.get(), reinterpret_cast<const unsigned char*>(end.data()),
               static_cast<int>(end.size()));
  }
  avio_flush(output_.get());
  check(output_->error);
  file_.commit();
}

void Encoder::check(int code) const {
  if (code >= 0) return;
  if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
  if (code == AVERROR_EXTERNAL) {
    throw Error(core::cat(path_.string(), ": cannot write: the encoder ",
                          avcodec_get_name(codec_->codec_id),
                          " failed, as it does where memory runs out or no thread can be started"));
  }
  char reason[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, reason, sizeof reason);
  throw Error(core::cat(path_.string(), ": cannot write: ", reason));
}

}  // namespace vidgen::video
