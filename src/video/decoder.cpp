#include "decoder.h"

extern "C" {
#include <libavutil/parseutils.h>
}

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

/// The entries of an MP4's table that its edit list shows: one that was cut without encoding it
/// anew holds the pictures from the key frame before the cut on, and shows only those after it.
int64_t shown_entries(AVStream* stream) {
  int64_t shown = 0;
  for (int i = 0; i < avformat_index_get_entries_count(stream); ++i) {
    shown += !(avformat_index_get_entry(stream, i)->flags & AVINDEX_DISCARD_FRAME);
  }
  return shown;
}

}  // namespace

Decoder::Decoder(const std::filesystem::path& path, int threads) {
  silence_libav();
  if (!open(path, threads)) {
    throw Error(path.string() + ": is not a video that FFmpeg can read");
  }
}

bool Decoder::open(const std::filesystem::path& path, int threads) {
  // "file:" keeps a name with a colon from being taken for a network protocol. FFmpeg gets the open
  // file, so it does not take the name for a pattern, and may open nothing else.
  AVIOContext* file = nullptr;
  if (avio_open(&file, ("file:" + path.string()).c_str(), AVIO_FLAG_READ) < 0) return false;
  file_.reset(file);
  AVFormatContext* input = avformat_alloc_context();
  input->pb = file;
  AvOptions options("protocol_whitelist=none");
  if (avformat_open_input(&input, path.c_str(), nullptr, &options.entries) < 0) return false;
  input_.reset(input);
  if (avformat_find_stream_info(input, nullptr) < 0) return false;

  const AVCodec* decoder = nullptr;
  const int index = av_find_best_stream(input, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  if (index < 0) return false;
  stream_ = input->streams[index];
  for (unsigned i = 0; i < input->nb_streams; ++i) {
    if (input->streams[i] != stream_) input->streams[i]->discard = AVDISCARD_ALL;
  }
  codec_.reset(avcodec_alloc_context3(decoder));
  if (avcodec_parameters_to_context(codec_.get(), stream_->codecpar) < 0) return false;
  codec_->pkt_timebase = stream_->time_base;
  codec_->thread_count = threads;
  return avcodec_open2(codec_.get(), decoder, nullptr) >= 0;
}

double Decoder::rate() const {
  const AVRational average = stream_->avg_frame_rate;
  const AVRational guess = av_guess_frame_rate(input_.get(), stream_, nullptr);
  if (average.num > 0 && average.den > 0) return av_q2d(average);
  return guess.num > 0 && guess.den > 0 ? av_q2d(guess) : 0;
}

double Decoder::seconds() const {
  if (stream_->duration > 0) {
    return static_cast<double>(stream_->duration) * av_q2d(stream_->time_base);
  }
  // Of Matroska's streams only a tag says how long each is; the file lasts as long as its sound.
  const AVDictionaryEntry* tag = av_dict_get(stream_->metadata, "DURATION", nullptr, 0);
  int64_t microseconds = 0;
  if (!tag || av_parse_time(&microseconds, tag->value, /*duration=*/1) < 0) {
    microseconds = input_->duration;
  }
  return std::max<double>(static_cast<double>(microseconds) / AV_TIME_BASE, 0);
}

int64_t Decoder::promised() const {
  if (stream_->nb_frames > 0) {
    const int64_t shown = std::string(input_->iformat->name).find("mp4") == std::string::npos
                              ? 0
                              : shown_entries(stream_);
    return shown > 0 ? std::min(shown, stream_->nb_frames) : stream_->nb_frames;
  }
  const double frames = seconds() * rate();
  return frames < 1e9 ? std::llround(frames) : 0;
}

bool Decoder::next() {
  for (;;) {
    const int code = avcodec_receive_frame(codec_.get(), picture_.get());
    if (code >= 0) return true;
    if (code == AVERROR_EOF) return false;
    // Any other code than this stands for a damaged packet, after which decoding may go on.
    if (code == AVERROR(EAGAIN)) send_packet();
  }
}

void Decoder::send_packet() {
  int code = 0;
  do {
    av_packet_unref(packet_.get());
    code = av_read_frame(input_.get(), packet_.get());
  } while (code == AVERROR(EAGAIN) || (code >= 0 && packet_->stream_index != stream_->index));
  // Where reading fails, the file ends; the pictures that the decoder still holds come out.
  avcodec_send_packet(codec_.get(), code < 0 ? nullptr : packet_.get());
}

double Decoder::time() const {
  const int64_t stamp = picture_->best_effort_timestamp;
  if (stamp == AV_NOPTS_VALUE) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(stamp) * av_q2d(stream_->time_base);
}

}  // namespace vidgen::video
