#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "av_errors.h"
#include "file_kind.h"
#include "orientation.h"
#include "picture_source.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/video/sequence.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;

/// Where fewer of the steps from number to number are the usual one, the numbers do not count the
/// pictures: they are times, for example.
constexpr double kRegularShare = 0.9;
/// Of a number only so many digits are looked at.
constexpr size_t kDigits = 15;

/// With what FFmpeg wants behind the bytes of a packet and of a probe. Throws when the file cannot
/// be read, which is another matter than what is in it.
std::string read_picture(const fs::path& file) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 30;
  std::string bytes = core::read_file(file, kMostBytes);
  static_assert(AVPROBE_PADDING_SIZE <= AV_INPUT_BUFFER_PADDING_SIZE);
  bytes.append(AV_INPUT_BUFFER_PADDING_SIZE, '\0');
  return bytes;
}

/// FFmpeg names the formats of pictures as their decoders, mostly.
const AVCodec* decoder_of(const std::string& bytes, const fs::path& file) {
  AVProbeData data{};
  data.filename = "";
  // FFmpeg only reads it.
  data.buf = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  data.buf_size = static_cast<int>(bytes.size() - AV_INPUT_BUFFER_PADDING_SIZE);
  int score = 0;
  const AVInputFormat* format = av_probe_input_format3(&data, /*is_opened=*/1, &score);
  std::string name = format ? format->name : "";
  if (const size_t at = name.rfind("_pipe"); at != std::string::npos) name.resize(at);
  if (name == "jpeg" || name == "mjpeg") name = "mjpeg";
  if (name == "j2k") name = "jpeg2000";
  if (name == "jpegxl") name = "libjxl";
  // Targa has no signature.
  if (score < AVPROBE_SCORE_RETRY && core::lower_extension(file) == ".tga") name = "targa";
  const AVCodec* codec = avcodec_find_decoder_by_name(name.c_str());
  return codec && codec->type == AVMEDIA_TYPE_VIDEO ? codec : nullptr;
}

/// FFmpeg shows what there is of a JPEG that is cut short, the rest grey, without a word.
bool is_cut_jpeg(std::string_view bytes) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(bytes[at]); };
  // From segment to segment, so that a preview in one of them does not count.
  size_t at = 2;
  while (at + 4 <= bytes.size() && byte(at) == 0xff && byte(at + 1) != 0xda) {
    at += byte(at + 1) == 0xff ? 1 : 2 + (size_t{byte(at + 2)} << 8 | byte(at + 3));
  }
  return at >= bytes.size() || bytes.find("\xff\xd9", at) == std::string_view::npos;
}

/// FFmpeg tells the orientation of a JPEG and a WebP, but not that of a TIFF.
int tiff_orientation(std::string_view bytes) {
  constexpr size_t kEntry = 12, kOrientation = 0x112, kShort = 3;
  const bool big = bytes.substr(0, 2) == "MM";
  const auto number = [&](size_t at, size_t size) { return number_at(bytes, at, size, big); };
  const size_t directory = number(4, 4);
  const size_t entries = number(directory, 2);
  for (size_t i = 0; i < entries; ++i) {
    const size_t at = directory + 2 + i * kEntry;
    if (number(at, 2) != kOrientation) continue;
    return number(at + 2, 2) == kShort ? static_cast<int>(number(at + 8, 2)) : 0;
  }
  return 0;
}

class SequenceSource : public PictureSource {
 public:
  SequenceSource(const fs::path& path, std::vector<fs::path> files, double fps)
      : files_(std::move(files)), fps_(fps), gaps_(files_.size(), false) {
    silence_libav();
    look_at_numbers(path.filename().string());
    header_.fps = fps_;
    header_.frames = static_cast<int64_t>(files_.size());
    header_.end = static_cast<double>(files_.size()) / fps_;
    std::string reason;
    for (const fs::path& file : files_) {
      const std::string problem = decode(file);
      if (reason.empty()) reason = problem;
      if (!problem.empty()) continue;
      header_.width = picture_->width;
      header_.height = picture_->height;
      is_decoded_ = &file == &files_.front();
      return;
    }
    throw Error(core::cat(path.string(), ": none of its ", files_.size(),
                          " pictures can be decoded: ", reason));
  }

  bool next() override {
    bool gap = false;
    for (; next_ < header_.frames; ++next_) {
      const auto at = static_cast<size_t>(next_);
      const std::string problem =
          std::exchange(is_decoded_, false) ? std::string() : decode(files_[at]);
      gap |= gaps_[at];
      if (problem.empty()) {
        accept(gap);
        index_ = next_++;
        return true;
      }
      leave_out(static_cast<double>(next_) / fps_, problem);
    }
    return false;
  }

  double time() const override { return static_cast<double>(index_) / fps_; }
  double duration() const override { return 1 / fps_; }
  Orientation orientation() const override {
    return orientation_of(*picture_).value_or(orientation_of_exif(tiff_orientation_));
  }

 private:
  void look_at_numbers(const std::string& name) {
    // The number is where two of the names differ first, or earlier digits of it.
    const std::string first = files_.front().filename().string();
    const std::string last = files_.back().filename().string();
    size_t place = static_cast<size_t>(
        std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first - first.begin());
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    while (place > 0 && is_digit(first[place - 1])) --place;
    std::vector<int64_t> steps;
    int64_t before = 0;
    for (const fs::path& file : files_) {
      const std::string name_of_file = file.filename().string();
      const std::string_view whole = number_in(name_of_file, place);
      std::string digits(whole);
      // SECONDS.MICROSECONDS is one number.
      const auto dot = static_cast<size_t>(whole.data() - name_of_file.data()) + whole.size();
      for (size_t i = dot + 1; name_of_file[dot] == '.' && is_digit(name_of_file[i]); ++i) {
        digits += name_of_file[i];
      }
      if (digits.size() > kDigits) digits.erase(0, digits.size() - kDigits);
      const int64_t number = digits.empty() ? 0 : std::stoll(digits);
      if (&file != &files_.front()) steps.push_back(number - before);
      before = number;
    }
    std::map<int64_t, size_t> counts;
    for (const int64_t step : steps) ++counts[step];
    const auto usual =
        std::max_element(counts.begin(), counts.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto regular = static_cast<double>(usual->second);
    if (regular < kRegularShare * static_cast<double>(steps.size())) {
      header_.notes.push_back(core::cat("the numbers of its pictures (", name,
                                        ") do not rise evenly: each is shown for as long as the "
                                        "others"));
      return;
    }
    size_t gaps = 0;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i] <= usual->first) continue;
      gaps_[i + 1] = true;
      if (gaps++ > 0) continue;
      header_.notes.push_back("numbers are missing behind " + files_[i].filename().string());
    }
    if (gaps > 1) header_.notes.back() += core::cat(" and in ", gaps - 1, " other places");
    if (counts.count(0) > 0)
      header_.notes.push_back("several of its pictures have the same number");
  }

  /// Decodes a file; returns what is wrong with it, "" when nothing is.
  std::string decode(const fs::path& file) {
    std::string bytes = read_picture(file);
    const std::string name = file.filename().string();
    const auto size = static_cast<int>(bytes.size() - AV_INPUT_BUFFER_PADDING_SIZE);
    if (!open_codec(bytes, file)) return name + " is not a picture that FFmpeg can decode";
    if (codec_->codec_id == AV_CODEC_ID_MJPEG && is_cut_jpeg(bytes)) return name + " is cut short";
    tiff_orientation_ = codec_->codec_id == AV_CODEC_ID_TIFF ? tiff_orientation(bytes) : 0;
    errors_.take();
    packet_->data = reinterpret_cast<uint8_t*>(bytes.data());
    packet_->size = size;
    packet_->flags = AV_PKT_FLAG_KEY;  // otherwise a PNG is added to the one before
    avcodec_flush_buffers(codec_.get());
    int code = avcodec_send_packet(codec_.get(), packet_.get());
    if (code >= 0) code = avcodec_receive_frame(codec_.get(), picture_.get());
    if (code == AVERROR(EAGAIN)) {  // a decoder that waits for what comes behind the picture
      avcodec_send_packet(codec_.get(), nullptr);
      code = avcodec_receive_frame(codec_.get(), picture_.get());
    }
    packet_->data = nullptr;
    packet_->size = 0;
    const auto errors = errors_.take();
    if (!errors.empty()) return core::cat(name, ": ", errors.front().text);
    const bool corrupt = code >= 0 && ((picture_->flags & AV_FRAME_FLAG_CORRUPT) != 0 ||
                                       picture_->decode_error_flags);
    return code < 0 || corrupt ? name + " is damaged" : "";
  }

  bool open_codec(const std::string& bytes, const fs::path& file) {
    const AVCodec* decoder = decoder_of(bytes, file);
    if (!decoder) return false;
    if (codec_ && codec_->codec_id == decoder->id) return true;
    codec_.reset(avcodec_alloc_context3(decoder));
    codec_->thread_count = 1;
    errors_.watch(*codec_);
    return avcodec_open2(codec_.get(), decoder, nullptr) >= 0;
  }

  const std::vector<fs::path> files_;
  const double fps_;
  /// Whether numbers are missing before the picture.
  std::vector<bool> gaps_;
  AvErrors errors_;  // outlives the decoder, which reports to it
  AvCodec codec_;
  AvPacket packet_{av_packet_alloc()};
  /// As EXIF has it, of the picture that was decoded; 0 when it says nothing.
  int tiff_orientation_ = 0;
  /// Of the picture that is shown; -1 before the first.
  int64_t index_ = -1;
  /// The picture that comes next, which the constructor may have decoded already.
  int64_t next_ = 0;
  bool is_decoded_ = false;
};

}  // namespace

std::unique_ptr<PictureSource> open_sequence(const fs::path& path, std::vector<fs::path> files,
                                             double fps) {
  return std::make_unique<SequenceSource>(path, std::move(files), fps);
}

}  // namespace vidgen::video
