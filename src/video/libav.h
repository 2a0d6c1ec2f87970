#pragma once

#include <memory>
#include <type_traits>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>
}

/// FFmpeg's objects, each owned by one pointer.
namespace vidgen::video {

/// For FFmpeg's functions that free an object, and those that clear the pointer to it as well.
template <auto kFree>
struct AvDeleter {
  template <class T>
  void operator()(T* object) const {
    if constexpr (std::is_invocable_v<decltype(kFree), T**>) {
      kFree(&object);
    } else {
      kFree(object);
    }
  }
};
/// For an AVIOContext with functions of our own.
struct AvBufferedDeleter {
  void operator()(AVIOContext* context) const {
    av_freep(&context->buffer);
    avio_context_free(&context);
  }
};

using AvBuffered = std::unique_ptr<AVIOContext, AvBufferedDeleter>;
using AvCodec = std::unique_ptr<AVCodecContext, AvDeleter<avcodec_free_context>>;
using AvFile = std::unique_ptr<AVIOContext, AvDeleter<avio_closep>>;
using AvFrame = std::unique_ptr<AVFrame, AvDeleter<av_frame_free>>;
using AvInput = std::unique_ptr<AVFormatContext, AvDeleter<avformat_close_input>>;
using AvOutput = std::unique_ptr<AVFormatContext, AvDeleter<avformat_free_context>>;
using AvPacket = std::unique_ptr<AVPacket, AvDeleter<av_packet_free>>;
using AvScaler = std::unique_ptr<SwsContext, AvDeleter<sws_freeContext>>;

/// "key=value:key=value". What is left in the dictionary after use FFmpeg did not know.
struct AvOptions {
  explicit AvOptions(const char* text) { av_dict_parse_string(&entries, text, "=", ":", 0); }
  ~AvOptions() { av_dict_free(&entries); }
  AvOptions(const AvOptions&) = delete;
  AvOptions& operator=(const AvOptions&) = delete;

  AVDictionary* entries = nullptr;
};

/// Stops FFmpeg from printing to stderr: what goes wrong is collected by AvErrors, and reported
/// through vidgen::Error.
void silence_libav();

}  // namespace vidgen::video
