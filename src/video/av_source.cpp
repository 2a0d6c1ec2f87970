#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <utility>

#include "av_errors.h"
#include "av_header.h"
#include "damage_tracker.h"
#include "orientation.h"
#include "picture_source.h"
#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Packets are decoded in an order in which stamps fall by more than this only where another
/// recording begins.
constexpr double kJoinSeconds = 0.2;
/// Where the container lost something, the distance to the next packet is that much longer.
constexpr double kLossFactor = 1.5;
constexpr int kLongestSearchSeconds = 120;
constexpr int64_t kLongestSearchBytes = int64_t{64} << 20;
constexpr const char* kSkipped = "packets of the index are missing";

/// Nothing is wrong with a file that there is no memory for.
void check_memory(int code) {
  if (code == AVERROR(ENOMEM)) throw std::bad_alloc();
}

std::string reason_of(int code) {
  check_memory(code);
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

/// FFmpeg's own decoders of VP8 and VP9 leave out the transparency that WebM keeps beside them.
const AVCodec* decoder_with_alpha(const AVStream& stream) {
  const AVDictionaryEntry* mode = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
  if (!mode || std::strcmp(mode->value, "1") != 0) return nullptr;
  const AVCodecID id = stream.codecpar->codec_id;
  if (id == AV_CODEC_ID_VP8) return avcodec_find_decoder_by_name("libvpx");
  if (id == AV_CODEC_ID_VP9) return avcodec_find_decoder_by_name("libvpx-vp9");
  return nullptr;
}

class AvSource : public PictureSource {
 public:
  AvSource(const std::filesystem::path& path, int threads) : path_(path) {
    silence_libav();
    open_file();
    // Reading packets adds entries, so it has to be asked now.
    const bool indexed = has_index(*input_);
    find_stream();
    open_codec(threads);
    header_ = describe(*input_, *stream_);
    header_.indexed = indexed;
    pictures_ = pictures_to_read(*input_, *stream_);
    DamageTracker::Traits traits;
    traits.intra_only = is_intra_only();
    traits.waits_for_start = decoder_->id == AV_CODEC_ID_H264;
    traits.stated = header_.frames > 0 || header_.end > 0;
    tracker_.emplace(traits);
  }

  bool next() override {
    while (decode()) {
      DamageTracker::Picture picture;
      picture.packet = std::clamp<int64_t>(picture_->reordered_opaque, 0, tracker_->packets() - 1);
      picture.key = picture_->key_frame != 0;
      picture.corrupt =
          (picture_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || picture_->decode_error_flags != 0;
      picture.shown = time();
      if (!tracker_->accept(picture)) continue;
      set_fields();
      // H.264 and H.265 say it with a key frame, for all up to the next one.
      const auto own = orientation_of(*picture_);
      if (own || picture.key) turned_ = own;
      return true;
    }
    return false;
  }

  double time() const override { return seconds(picture_->best_effort_timestamp); }

  /// Where the container does not say for how long a picture is shown, FFmpeg fills in one over a
  /// rate that it guesses, or that a header lies about.
  double duration() const override {
    const double duration = seconds(picture_->pkt_duration);
    if (has_durations(*input_)) return duration;
    const AVRational guess = stream_->r_frame_rate;
    const bool guessed = guess.num > 0 && std::abs(duration - av_q2d(av_inv_q(guess))) <
                                              1.5 * av_q2d(stream_->time_base);
    return guessed || duration < usual_distance_ / 4 ? 0 : duration;
  }

  Orientation orientation() const override { return turned_ ? *turned_ : orientation_of(*stream_); }

  bool is_after_gap() const override { return tracker_->is_after_gap(); }
  Damage damage() const override { return tracker_->damage(); }

 private:
  void open_file() {
    // "file:" keeps a name with a colon from being taken for a network protocol. FFmpeg gets the
    // open file, so it does not take the name for a pattern, and may open nothing else.
    AVIOContext* file = nullptr;
    const int opened = avio_open(&file, ("file:" + path_.string()).c_str(), AVIO_FLAG_READ);
    if (opened < 0) throw Error(core::cat(path_.string(), ": cannot be read: ", reason_of(opened)));
    file_.reset(file);
    AVFormatContext* input = avformat_alloc_context();
    input->pb = file;
    // Pictures may come long after the sound.
    input->max_analyze_duration = int64_t{kLongestSearchSeconds} * AV_TIME_BASE;
    input->probesize = kLongestSearchBytes;
    errors_.watch(*input);
    AvOptions options("protocol_whitelist=none");
    if (const int code = avformat_open_input(&input, path_.c_str(), nullptr, &options.entries);
        code < 0) {
      check_memory(code);
      if (file->error < 0 && file->error != AVERROR_EOF) {
        throw Error(core::cat(path_.string(), ": cannot be read: ", reason_of(file->error)));
      }
      const auto errors = errors_.take();
      throw Error(core::cat(path_.string(), ": is not a video that FFmpeg can read",
                            errors.empty() ? "" : " (" + errors.front().text + ")"));
    }
    input_.reset(input);
  }

  void find_stream() {
    if (const int code = avformat_find_stream_info(input_.get(), nullptr); code < 0) {
      check_memory(code);
      throw Error(path_.string() + ": is not a video that FFmpeg can read");
    }
    bool cover = false, video = false;
    for (unsigned i = 0; i < input_->nb_streams; ++i) {
      AVStream& stream = *input_->streams[i];
      stream.discard = AVDISCARD_ALL;
      cover |= is_cover(stream);
      video |= is_movie(stream);
    }
    const int index = av_find_best_stream(input_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &decoder_, 0);
    if (index < 0 || is_cover(*input_->streams[index])) {
      throw Error(path_.string() + (cover   ? ": holds no video, only a cover picture"
                                    : video ? ": holds no video that FFmpeg can decode"
                                            : ": holds no video"));
    }
    stream_ = input_->streams[index];
    stream_->discard = AVDISCARD_DEFAULT;
    for (const auto& error : errors_.take()) {
      if (early_error_.empty()) early_error_ = error.text;
    }
  }

  void open_codec(int threads) {
    if (const AVCodec* other = decoder_with_alpha(*stream_)) decoder_ = other;
    codec_.reset(avcodec_alloc_context3(decoder_));
    if (avcodec_parameters_to_context(codec_.get(), stream_->codecpar) < 0) {
      throw Error(path_.string() + ": is not a video that FFmpeg can read");
    }
    codec_->pkt_timebase = stream_->time_base;
    codec_->flags |= AV_CODEC_FLAG_UNALIGNED;  // crops on the left to the pixel
    // Where recordings are joined, Theora begins anew with headers, which several threads refuse.
    codec_->thread_count = decoder_->id == AV_CODEC_ID_THEORA ? 1 : threads;
    errors_.watch(*codec_);
    const int opened = avcodec_open2(codec_.get(), decoder_, nullptr);
    if (opened < 0) {
      throw Error(core::cat(path_.string(), ": its video (", avcodec_get_name(decoder_->id),
                            ") cannot be decoded: ", reason_of(opened)));
    }
  }

  /// A container knows better than its pictures where encoders mark progressive ones as interlaced
  /// because of a setting, and where they have no word for it, as Motion JPEG.
  void set_fields() {
    const AVFieldOrder order = stream_->codecpar->field_order;
    if (order == AV_FIELD_PROGRESSIVE) picture_->interlaced_frame = 0;
    if (order <= AV_FIELD_PROGRESSIVE || picture_->interlaced_frame != 0 || !is_intra_only())
      return;
    picture_->interlaced_frame = 1;
    picture_->top_field_first = order == AV_FIELD_TT || order == AV_FIELD_BT;
  }

  bool is_intra_only() const {
    const AVCodecDescriptor* codec = avcodec_descriptor_get(decoder_->id);
    return codec && (codec->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
  }

  /// Goes on to the next picture that the decoder gives, good or not.
  bool decode() {
    for (;;) {
      const int code = avcodec_receive_frame(codec_.get(), picture_.get());
      collect_errors();
      if (code >= 0) return true;
      if (code == AVERROR_EOF) {
        tracker_->finish(abrupt_end());
        return false;
      }
      if (code == AVERROR(EAGAIN)) {
        send_packet();
      } else {
        note_failure(code);
      }
    }
  }

  /// One packet is read ahead: whether a part of a packet is missing, or another recording begins
  /// behind it, shows only then.
  void send_packet() {
    if (tracker_->packets() == 0) has_ahead_ = read_packet(*ahead_);
    if (!has_ahead_) {
      avcodec_send_packet(codec_.get(), nullptr);
      return;
    }
    std::swap(packet_, ahead_);
    // H.261 has no key frames: pictures become whole block by block.
    const bool key = (packet_->flags & AV_PKT_FLAG_KEY) != 0 || decoder_->id == AV_CODEC_ID_H261;
    tracker_->add_packet({key, seconds(packet_->pts), begins_});
    codec_->reordered_opaque = tracker_->packets() - 1;
    has_ahead_ = read_packet(*ahead_);
    begins_ = has_ahead_ && distance_ahead() < -kJoinSeconds;
    look_for_loss();
    const int code = avcodec_send_packet(codec_.get(), packet_.get());
    collect_errors();
    if (code < 0) note_failure(code);
  }

  bool is_wanted(const AVPacket& packet) const {
    if (packet.stream_index != stream_->index) return false;
    // Where Ogg files are joined, Theora's comments come again, which the decoder takes for a
    // fault.
    constexpr uint8_t kComments = 0x81;
    return decoder_->id != AV_CODEC_ID_THEORA || packet.size == 0 || packet.data[0] != kComments;
  }

  bool read_packet(AVPacket& packet) {
    if (pictures_ > 0 && tracker_->packets() >= pictures_) return false;
    int code = 0;
    do {
      av_packet_unref(&packet);
      code = av_read_frame(input_.get(), &packet);
    } while (code == AVERROR(EAGAIN) || (code >= 0 && !is_wanted(packet)));
    if (code >= 0) return true;
    const int error = file_->error;
    if (error < 0 && error != AVERROR_EOF) {
      throw Error(core::cat(path_.string(), ": cannot be read to its end: ", reason_of(error)));
    }
    end_code_ = code;
    return false;
  }

  /// Why the pictures end before they should; "" when they do not.
  std::string abrupt_end() const {
    if (lacks_end(*input_, path_)) return "the end of the file is missing";
    if (end_code_ != AVERROR_EOF && !has_all()) return reason_of(end_code_);
    const bool rest = header_.indexed && entry_ < avformat_index_get_entries_count(stream_) - 1;
    return rest ? kSkipped : "";
  }

  /// Whether nothing is promised beyond what was read: what is behind it, garbage for example, does
  /// no harm.
  bool has_all() const {
    return !has_ahead_ && header_.frames > 0 && tracker_->packets() >= header_.frames;
  }

  /// From the packet that is decoded next to the one behind it, in seconds, in the order in which
  /// they are decoded; NaN when not known.
  double distance_ahead() const { return seconds(ahead_->dts) - seconds(packet_->dts); }

  /// Of what the container says is missing in this packet, or behind it.
  void look_for_loss() {
    bool missing = (packet_->flags & AV_PKT_FLAG_CORRUPT) != 0;
    if (is_format(*input_, "mpegts")) {
      // Its parsers put a mark that comes with the packet behind onto this one.
      missing = std::exchange(was_marked_, missing);
    } else if (is_format(*input_, "mpeg")) {
      // Here only the end of the file makes one, on any of the pictures before.
      missing = false;
    }
    // What is missing at the end of a recording, before the next one, is no damage.
    const bool ends = !has_ahead_ || begins_;
    if (missing && (!ends || header_.end > 0)) {
      tracker_->add_error(tracker_->packets() - 1, "a part of a packet is missing");
    }
    collect_errors();
    const double distance = has_ahead_ ? distance_ahead() : 0;
    if (!(distance > 0)) return;
    if (skips_entries()) tracker_->add_loss(kSkipped);
    const bool longer = usual_distance_ > 0 && distance > kLossFactor * usual_distance_;
    if (longer && !early_error_.empty()) tracker_->add_loss(early_error_);
    if (!longer) usual_distance_ = distance;
  }

  /// Whether the index of an AVI has a picture between the packet and the one behind it: where a
  /// chunk's head is damaged FFmpeg looks for the next one, without a word.
  bool skips_entries() {
    constexpr int64_t kChunkHead = 8;
    if (!is_format(*input_, "avi")) return false;
    const int count = avformat_index_get_entries_count(stream_);
    const auto position = [&] {
      return avformat_index_get_entry(stream_, entry_)->pos + kChunkHead;
    };
    while (entry_ < count && position() <= packet_->pos) ++entry_;
    return entry_ < count && position() < ahead_->pos;
  }

  void collect_errors() {
    for (const auto& error : errors_.take()) {
      const bool cut = error.text.find("ended prematurely") != std::string::npos;
      if (error.packet == AvErrors::kContainer) {
        if ((!cut || header_.end > 0) && !has_all()) tracker_->add_loss(error.text);
      } else {
        last_error_ = std::max(last_error_, error.packet);
        tracker_->add_error(error.packet, error.text);
      }
    }
  }

  /// Several threads return an error some packets later than it arises, and mostly say more of it,
  /// and earlier, in the log.
  void note_failure(int code) {
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
    check_memory(code);
    const int64_t last = tracker_->packets() - 1;
    if (last_error_ >= 0 && last - last_error_ <= codec_->thread_count) return;
    tracker_->add_error(last, reason_of(code));
  }

  double seconds(int64_t stamp) const {
    return stamp == AV_NOPTS_VALUE ? kNaN : static_cast<double>(stamp) * av_q2d(stream_->time_base);
  }

  const std::filesystem::path path_;
  AvErrors errors_;  // outlives what reports to it
  AvFile file_;      // closed after the input that reads it
  AvInput input_;
  AvCodec codec_;
  const AVCodec* decoder_ = nullptr;
  /// The one to be decoded, and the one behind it.
  AvPacket packet_{av_packet_alloc()};
  AvPacket ahead_{av_packet_alloc()};
  bool has_ahead_ = false;
  /// Whether another recording begins with the packet ahead.
  bool begins_ = false;
  /// How the pictures themselves ask to be turned.
  std::optional<Orientation> turned_;
  AVStream* stream_ = nullptr;
  std::optional<DamageTracker> tracker_;
  /// What the container reported while its streams were being found, which is read far ahead.
  std::string early_error_;
  double usual_distance_ = 0;
  bool was_marked_ = false;
  /// How many are to be read; 0 is all.
  int64_t pictures_ = 0;
  /// Of an AVI's index, the first that is not read yet.
  int entry_ = 0;
  /// What FFmpeg said where the packets ended.
  int end_code_ = AVERROR_EOF;
  /// The last packet in which something was wrong.
  int64_t last_error_ = -1;
};

}  // namespace

std::unique_ptr<PictureSource> open_with_ffmpeg(const std::filesystem::path& path, int threads) {
  return std::make_unique<AvSource>(path, threads);
}

}  // namespace vidgen::video
