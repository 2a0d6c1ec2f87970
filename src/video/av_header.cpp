#include "av_header.h"

extern "C" {
#include <libavutil/parseutils.h>
}

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

/// The entries of an MP4's table that its edit list shows: one that was cut without encoding it
/// anew holds the pictures from the key frame before the cut on, and shows only those after it.
int64_t shown_entries(AVStream& stream) {
  int64_t shown = 0;
  for (int i = 0; i < avformat_index_get_entries_count(&stream); ++i) {
    shown += !(avformat_index_get_entry(&stream, i)->flags & AVINDEX_DISCARD_FRAME);
  }
  return shown;
}

double rate(AVFormatContext& input, AVStream& stream) {
  const AVRational average = stream.avg_frame_rate;
  const AVRational guess = av_guess_frame_rate(&input, &stream, nullptr);
  if (average.num > 0 && average.den > 0) return av_q2d(average);
  return guess.num > 0 && guess.den > 0 ? av_q2d(guess) : 0;
}

/// The number of pictures in the container's header; 0 where it has none, or one that the file
/// cannot hold: what was written into a pipe has numbers that mean nothing.
int64_t counted_pictures(const AVFormatContext& input, const AVStream& stream) {
  constexpr int64_t kSmallestPacket = 8;
  const int64_t bytes = avio_size(input.pb);
  const bool possible = bytes <= 0 || stream.nb_frames <= bytes / kSmallestPacket;
  return possible ? std::max<int64_t>(stream.nb_frames, 0) : 0;
}

double start_of(const AVStream& stream) {
  if (stream.start_time == AV_NOPTS_VALUE) return 0;
  return static_cast<double>(stream.start_time) * av_q2d(stream.time_base);
}

/// FFmpeg gives streams that do not say how long they are the length of the file, which may be that
/// of the sound: only what the formats say of the track itself counts.
double stated_end(const AVFormatContext& input, const AVStream& stream, double fps) {
  if (is_format(input, "avi")) {
    // Of a file that was cut off FFmpeg gives the length that is left.
    const int64_t pictures = counted_pictures(input, stream);
    return pictures > 0 && fps > 0 ? start_of(stream) + static_cast<double>(pictures) / fps : 0;
  }
  for (const char* name : {"mp4", "mxf", "ivf", "ogg"}) {
    if (!is_format(input, name)) continue;
    if (stream.duration <= 0) return 0;
    return start_of(stream) + static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  }
  const AVDictionaryEntry* tag = av_dict_get(stream.metadata, "DURATION", nullptr, 0);
  int64_t microseconds = 0;
  if (!is_format(input, "matroska") || !tag ||
      av_parse_time(&microseconds, tag->value, /*duration=*/1) < 0) {
    return 0;
  }
  return std::max<double>(static_cast<double>(microseconds) / AV_TIME_BASE, 0);
}

int64_t stated_pictures(const AVFormatContext& input, AVStream& stream) {
  const int64_t counted = counted_pictures(input, stream);
  const int64_t shown = is_format(input, "mp4") ? shown_entries(stream) : 0;
  return shown > 0 ? std::min(shown, counted) : counted;
}

}  // namespace

bool is_format(const AVFormatContext& input, const char* name) {
  return std::strstr(input.iformat->name, name) != nullptr;
}

bool is_cover(const AVStream& stream) {
  return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

bool is_movie(const AVStream& stream) {
  return stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_cover(stream);
}

bool has_durations(const AVFormatContext& input) {
  return is_format(input, "mp4") || is_format(input, "gif") || is_format(input, "apng");
}

bool lacks_end(const AVFormatContext& input, const std::filesystem::path& path) {
  constexpr char kEnd = 0x3B;
  constexpr std::streamoff kTail = 256;
  if (!is_format(input, "gif")) return false;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(size - kTail, 0));
  std::string tail{std::istreambuf_iterator<char>(file), {}};
  // Some makers write zeros behind it.
  while (!tail.empty() && tail.back() == 0) tail.pop_back();
  return !tail.empty() && tail.back() != kEnd;
}

bool has_index(const AVFormatContext& input) {
  if (!is_format(input, "avi")) return false;
  return std::any_of(input.streams, input.streams + input.nb_streams,
                     [](AVStream* stream) { return avformat_index_get_entries_count(stream) > 0; });
}

int64_t pictures_to_read(const AVFormatContext& input, const AVStream& stream) {
  // FFmpeg keeps the head of the file, where the number stands at 6.
  const AVCodecParameters& codec = *stream.codecpar;
  if (!is_format(input, "flic") || codec.extradata_size < 8) return 0;
  return codec.extradata[6] + 256 * codec.extradata[7];
}

SourceHeader describe(AVFormatContext& input, AVStream& stream) {
  SourceHeader header;
  header.width = stream.codecpar->width;
  header.height = stream.codecpar->height;
  const AVRational aspect = av_guess_sample_aspect_ratio(&input, &stream, nullptr);
  if (aspect.num > 0 && aspect.den > 0) header.pixel_aspect = av_q2d(aspect);
  header.fps = rate(input, stream);
  header.end = stated_end(input, stream, header.fps);
  header.frames = stated_pictures(input, stream);
  header.states_rate = !has_durations(input) && header.fps > 0;
  const auto videos = std::count_if(input.streams, input.streams + input.nb_streams,
                                    [](AVStream* other) { return is_movie(*other); });
  if (videos > 1) {
    header.notes.push_back(
        core::cat("holds ", videos, " video tracks, of which track ", stream.index, " is read"));
  }
  return header;
}

}  // namespace vidgen::video
