#include "av_errors.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <utility>

namespace vidgen::video {
namespace {

/// Errors about what does no harm to the pictures.
constexpr const char* kHarmless[] = {
    "stream discovered after head already parsed",
    "unable to decode APP fields",
};

/// What FFmpeg takes for mere information though a part of the pictures is lost.
constexpr const char* kLosses[] = {"freeing incomplete packet"};

std::string format_line(const char* format, va_list arguments) {
  char text[256];
  std::vsnprintf(text, sizeof(text), format, arguments);
  std::string line = text;
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' '; }, ' ');
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line;
}

template <size_t kCount>
bool holds_one(const std::string& line, const char* const (&texts)[kCount]) {
  return std::any_of(std::begin(texts), std::end(texts),
                     [&](const char* text) { return line.find(text) != std::string::npos; });
}

/// Runs on any of FFmpeg's threads. Each decoding thread has its own copy of the context, with the
/// number of the packet that it works on.
void on_message(void* object, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_INFO || !object) return;
  AvErrors* errors = nullptr;
  int64_t packet = AvErrors::kContainer;
  const AVClass* kind = *static_cast<AVClass**>(object);
  if (kind == avcodec_get_class()) {
    const auto* codec = static_cast<AVCodecContext*>(object);
    errors = static_cast<AvErrors*>(codec->opaque);
    packet = codec->reordered_opaque;
  } else if (kind == avformat_get_class()) {
    errors = static_cast<AvErrors*>(static_cast<AVFormatContext*>(object)->opaque);
  }
  if (!errors) return;
  const std::string line = format_line(format, arguments);
  if (line.empty() || (level > AV_LOG_ERROR && !holds_one(line, kLosses))) return;
  if (!holds_one(line, kHarmless)) errors->add({packet, line});
}

}  // namespace

void silence_libav() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(on_message); });
}

void AvErrors::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
}

std::vector<AvErrors::Entry> AvErrors::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(entries_, {});
}

}  // namespace vidgen::video
