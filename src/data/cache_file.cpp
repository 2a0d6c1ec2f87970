#include "vidgen/data/cache_file.h"

#include <algorithm>
#include <cstring>

#include "vidgen/core/error.h"
#include "vidgen/core/json.h"

namespace vidgen::data {
namespace {

constexpr size_t kHeaderBytes = 32768;
constexpr char kMagic[8] = {'V', 'G', 'C', 'L', 'I', 'P', 'S', '1'};
constexpr size_t kPrefixBytes = sizeof kMagic + sizeof(uint64_t);

core::Json to_json(const VideoReport& report) {
  return {{"width", report.width},
          {"height", report.height},
          {"fps", report.fps},
          {"seconds", report.seconds},
          {"frames_promised", report.frames_promised},
          {"frames_read", report.frames_read},
          {"frames", report.frames},
          {"damage", report.damage},
          {"notes", report.notes},
          {"fingerprint", report.fingerprint},
          {"cuts", report.cuts},
          {"breaks", report.breaks}};
}

VideoReport report_from_json(const core::Json& json) {
  VideoReport report;
  report.width = json.at("width");
  report.height = json.at("height");
  report.fps = json.at("fps");
  report.seconds = json.at("seconds");
  report.frames_promised = json.at("frames_promised");
  report.frames_read = json.at("frames_read");
  report.frames = json.at("frames");
  report.damage = json.at("damage");
  report.notes = json.at("notes").get<std::vector<std::string>>();
  report.fingerprint = json.at("fingerprint");
  report.cuts = json.at("cuts").get<std::vector<int64_t>>();
  report.breaks = json.at("breaks").get<std::vector<int64_t>>();
  return report;
}

/// Whether these are places inside the video, in order.
bool are_places(const std::vector<int64_t>& places, int64_t frames) {
  return std::is_sorted(places.begin(), places.end()) &&
         (places.empty() || (places.front() > 0 && places.back() < frames));
}

}  // namespace

std::shared_ptr<const CacheFile> CacheFile::open(const std::filesystem::path& path,
                                                 const std::string& key) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return nullptr;
  try {
    const std::shared_ptr<CacheFile> file(new CacheFile(path));
    return file->parse(key) ? file : nullptr;
  } catch (const Error&) {
    return nullptr;
  }
}

bool CacheFile::parse(const std::string& key) {
  if (file_.size() < kHeaderBytes) return false;
  std::vector<uint8_t> buffer;
  const uint8_t* data = file_.read(0, kHeaderBytes, buffer);
  if (std::memcmp(data, kMagic, sizeof kMagic) != 0) return false;
  uint64_t length = 0;
  std::memcpy(&length, data + sizeof kMagic, sizeof length);
  if (length > kHeaderBytes - kPrefixBytes) return false;
  try {
    const auto* text = reinterpret_cast<const char*>(data) + kPrefixBytes;
    const core::Json header = core::parse_json({text, length});
    if (header.at("key") != key) return false;
    frames_ = header.at("frames");
    height_ = header.at("height");
    width_ = header.at("width");
    channels_ = header.at("channels");
    report_ = report_from_json(header.at("report"));
  } catch (const core::Json::exception&) {
    return false;
  } catch (const Error&) {
    return false;
  }
  if (report_.frames != frames_ || !are_places(report_.cuts, frames_) ||
      !are_places(report_.breaks, frames_)) {
    return false;
  }
  return file_.size() == kHeaderBytes + static_cast<size_t>(frames_ * height_ * width_ * channels_);
}

const uint8_t* CacheFile::read(int64_t first, int64_t count, std::vector<uint8_t>& buffer) const {
  const int64_t bytes = height_ * width_ * channels_;
  return file_.read(kHeaderBytes + static_cast<size_t>(first * bytes),
                    static_cast<size_t>(count * bytes), buffer);
}

CacheFileWriter::CacheFileWriter(const std::filesystem::path& path) : file_(path) {
  file_.write(std::string(kHeaderBytes, '\0'));
}

void CacheFileWriter::append(const video::Frame& frame) {
  if (frames_++ == 0) {
    height_ = frame.height;
    width_ = frame.width;
    channels_ = frame.channels;
  }
  file_.write(frame.pixels.data(), frame.pixels.size());
}

std::string CacheFileWriter::header(const std::string& key, const VideoReport& report) const {
  return core::Json{{"key", key},      {"frames", frames_},     {"height", height_},
                    {"width", width_}, {"channels", channels_}, {"report", to_json(report)}}
      .dump(-1, ' ', false, core::Json::error_handler_t::replace);
}

void CacheFileWriter::commit(const std::string& key, const VideoReport& report) {
  constexpr size_t kRoom = kHeaderBytes - kPrefixBytes;
  std::string header = this->header(key, report);
  if (header.size() > kRoom) {
    VideoReport without_cuts = report;
    without_cuts.cuts.clear();
    without_cuts.notes.push_back(
        core::cat("has ", report.cuts.size(), " cuts, too many to keep: clips may span them"));
    header = this->header(key, without_cuts);
  }
  if (header.size() > kRoom) {
    throw Error(report.path.string() + ": the name is too long for the clip cache");
  }
  const uint64_t length = header.size();
  file_.write_at(sizeof kMagic, &length, sizeof length);
  file_.write_at(kPrefixBytes, header.data(), header.size());
  file_.write_at(0, kMagic, sizeof kMagic);
  file_.commit();
}

}  // namespace vidgen::data
