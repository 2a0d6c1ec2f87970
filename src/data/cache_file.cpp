#include "vidgen/data/cache_file.h"

#include <cstring>

#include "vidgen/core/error.h"
#include "vidgen/core/json.h"

namespace vidgen::data {
namespace {

constexpr size_t kHeaderBytes = 16384;
constexpr char kMagic[8] = {'V', 'G', 'C', 'L', 'I', 'P', 'S', '1'};
constexpr size_t kPrefixBytes = sizeof kMagic + sizeof(uint64_t);

core::Json to_json(const VideoReport& report) {
  return {{"width", report.width},
          {"height", report.height},
          {"fps", report.fps},
          {"frames_promised", report.frames_promised},
          {"frames_read", report.frames_read},
          {"frames", report.frames},
          {"problem", report.problem}};
}

VideoReport report_from_json(const core::Json& json) {
  VideoReport report;
  report.width = json.at("width");
  report.height = json.at("height");
  report.fps = json.at("fps");
  report.frames_promised = json.at("frames_promised");
  report.frames_read = json.at("frames_read");
  report.frames = json.at("frames");
  report.problem = json.at("problem");
  return report;
}

}  // namespace

std::shared_ptr<const CacheFile> CacheFile::open(const std::filesystem::path& path,
                                                 const std::string& key) {
  if (!std::filesystem::is_regular_file(path)) return nullptr;
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
    const core::Json header = core::Json::parse(text, text + length);
    if (header.at("key") != key) return false;
    frames_ = header.at("frames");
    height_ = header.at("height");
    width_ = header.at("width");
    channels_ = header.at("channels");
    report_ = report_from_json(header.at("report"));
  } catch (const core::Json::exception&) {
    return false;
  }
  // A file that only remembers a problem holds no frames.
  if (report_.problem.empty() && report_.frames != frames_) return false;
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

void CacheFileWriter::commit(const std::string& key, const VideoReport& report) {
  const std::string header =
      core::Json{{"key", key},      {"frames", frames_},     {"height", height_},
                 {"width", width_}, {"channels", channels_}, {"report", to_json(report)}}
          .dump(-1, ' ', false, core::Json::error_handler_t::replace);
  if (header.size() > kHeaderBytes - kPrefixBytes) {
    throw Error(report.path.string() + ": the name is too long for the clip cache");
  }
  const uint64_t length = header.size();
  file_.write_at(sizeof kMagic, &length, sizeof length);
  file_.write_at(kPrefixBytes, header.data(), header.size());
  file_.write_at(0, kMagic, sizeof kMagic);
  file_.commit();
}

}  // namespace vidgen::data
