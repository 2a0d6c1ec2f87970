#include "vidgen/data/cache_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "vidgen/core/checksum.h"
#include "vidgen/core/error.h"
#include "vidgen/core/json.h"
#include "vidgen/core/log.h"

namespace vidgen::data {
namespace {

constexpr size_t kHeaderBytes = 32768;
constexpr std::string_view kMagic = "VGCLIPS2";
/// What the files of all versions begin with.
constexpr size_t kFamily = 7;
constexpr const char* kOtherVersion = "is of another version of vidgen, which makes it again";

/// What stands before the header.
struct Prefix {
  char magic[8];
  uint64_t length;
};
/// Its checksum is behind it.
constexpr size_t kRoom = kHeaderBytes - sizeof(Prefix) - sizeof(uint64_t);

/// Of all that stands before the frames.
size_t front_bytes(int64_t room_for_checksums) {
  return kHeaderBytes + static_cast<size_t>(room_for_checksums) * sizeof(uint64_t);
}

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

/// Of a key that holds a whole number. Json itself would round any number to one.
int64_t integer_at(const core::Json& json, const char* key) {
  const core::Json& value = json.at(key);
  if (!value.is_number_integer()) throw Error(core::cat(key, " is no whole number"));
  return value.get<int64_t>();
}

VideoReport report_from_json(const core::Json& json) {
  VideoReport report;
  report.width = integer_at(json, "width");
  report.height = integer_at(json, "height");
  report.fps = json.at("fps");
  report.seconds = json.at("seconds");
  report.frames_promised = integer_at(json, "frames_promised");
  report.frames_read = integer_at(json, "frames_read");
  report.frames = integer_at(json, "frames");
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

/// A quarter of what the system allows by default: decoders and libraries need some, too.
constexpr int64_t kMostOpen = 256;

int64_t allowed_open() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<int64_t>(std::min<rlim_t>(limit.rlim_cur / 4, kMostOpen));
}

std::atomic<int64_t> open_files{0};

}  // namespace

std::atomic<int64_t>& CacheBytes::most_open() {
  static std::atomic<int64_t> most{allowed_open()};
  return most;
}

CacheBytes::CacheBytes(std::filesystem::path path) : path_(std::move(path)) {
  file_ = std::make_shared<core::InputFile>(path_);
  size_ = file_->size();
  inode_ = file_->inode();
  if (open_files.fetch_add(1) < most_open()) return;
  --open_files;
  file_.reset();
}

CacheBytes::~CacheBytes() {
  if (file_) --open_files;
}

std::shared_ptr<const core::InputFile> CacheBytes::open() const {
  if (file_) return file_;
  auto file = std::make_shared<core::InputFile>(path_);
  if (file->inode() == inode_) return file;
  throw Error(core::cat("cannot read ", path_.string(), ": another file has taken its place"));
}

bool CacheBytes::remove() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0 || status.st_ino != inode_) return true;
  return ::unlink(path_.c_str()) == 0;
}

std::shared_ptr<const CacheFile> CacheFile::open(const std::filesystem::path& path,
                                                 const std::string& key) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return nullptr;
  try {
    const std::shared_ptr<CacheFile> file(new CacheFile(path));
    const std::string problem = file->read_header();
    if (problem.empty()) return file->key_ == key ? file : nullptr;
    if (problem != kOtherVersion)
      core::log_warning(core::cat(path.string(), ": ", problem, "; it is made again"));
  } catch (const Error&) {
    // Making it again says what is wrong.
  }
  return nullptr;
}

std::string CacheFile::find_damage(const std::filesystem::path& path) {
  CacheFile file(path);
  std::string problem = file.read_header();
  std::vector<uint8_t> frame(problem.empty() ? static_cast<size_t>(file.frame_bytes()) : 0);
  for (int64_t i = 0; problem.empty() && i < file.frames_; ++i) {
    if (file.read_and_check(i, 1, 1, frame.data()) >= 0) {
      problem = core::cat("frame ", i, " of ", file.frames_, " is damaged");
    }
  }
  return problem;
}

std::string CacheFile::read_header() {
  if (file_.size() < kHeaderBytes)
    return core::cat("is no clip cache, or cut short: it has ", file_.size(), " bytes");
  std::vector<char> data(kHeaderBytes);
  if (file_.open()->read(0, data.data(), data.size()) < data.size()) return "was cut short";
  Prefix prefix{};
  std::memcpy(&prefix, data.data(), sizeof prefix);
  const std::string_view magic(prefix.magic, sizeof prefix.magic);
  if (magic.substr(0, kFamily) != kMagic.substr(0, kFamily)) return "is no clip cache";
  if (magic != kMagic) return kOtherVersion;
  const char* room = data.data() + sizeof prefix;
  uint64_t sum = 0;
  std::memcpy(&sum, room + kRoom, sizeof sum);
  if (prefix.length > kRoom || core::checksum(room, kRoom, prefix.length) != sum ||
      !parse(std::string(room, prefix.length))) {
    return "its header is damaged";
  }
  // What the header gives is trusted as little as the rest: a checksum keeps nobody from lying.
  uint64_t bytes = 0, sums = 0, all = 0;
  const bool fits =
      frames_ >= 0 && height_ > 0 && width_ > 0 && (channels_ == 1 || channels_ == 3) &&
      room_for_checksums_ >= frames_ && !__builtin_mul_overflow(height_, width_, &bytes) &&
      !__builtin_mul_overflow(bytes, channels_, &bytes) &&
      !__builtin_mul_overflow(bytes, frames_, &all) &&
      !__builtin_mul_overflow(room_for_checksums_, sizeof(uint64_t), &sums) &&
      !__builtin_add_overflow(all, sums, &all) && !__builtin_add_overflow(all, kHeaderBytes, &all);
  if (fits && all == file_.size()) return "";
  return core::cat("its header gives ", frames_, " frames of ", height_, "x", width_, "x",
                   channels_, ", which does not fit its ", file_.size(), " bytes");
}

bool CacheFile::parse(const std::string& text) {
  try {
    const core::Json header = core::parse_json(text);
    key_ = header.at("key");
    frames_ = integer_at(header, "frames");
    height_ = integer_at(header, "height");
    width_ = integer_at(header, "width");
    channels_ = integer_at(header, "channels");
    room_for_checksums_ = integer_at(header, "checksums");
    report_ = report_from_json(header.at("report"));
  } catch (const core::Json::exception&) {
    return false;
  } catch (const Error&) {
    return false;
  }
  return report_.frames == frames_ && are_places(report_.cuts, frames_) &&
         are_places(report_.breaks, frames_);
}

int64_t CacheFile::read_and_check(int64_t first, int64_t count, int64_t stride,
                                  uint8_t* out) const {
  const auto bytes = static_cast<uint64_t>(frame_bytes());
  // Each thread keeps the memory for the next clip.
  thread_local std::vector<uint64_t> checksums;
  checksums.resize(static_cast<size_t>((count - 1) * stride + 1));
  const auto file = file_.open();
  const uint64_t place = kHeaderBytes + static_cast<uint64_t>(first) * sizeof(uint64_t);
  const size_t size = checksums.size() * sizeof(uint64_t);
  if (file->read(place, checksums.data(), size) < size) return first;
  // Frames that lie one behind the other are read at once.
  const int64_t run = stride == 1 ? count : 1;
  for (int64_t i = 0; i < count; i += run) {
    const uint64_t start =
        front_bytes(room_for_checksums_) + static_cast<uint64_t>(first + i * stride) * bytes;
    const size_t found = file->read(start, out, static_cast<uint64_t>(run) * bytes);
    for (int64_t k = i; k < i + run; ++k, out += bytes) {
      const int64_t frame = first + k * stride;
      const bool whole = found >= static_cast<uint64_t>(k - i + 1) * bytes;
      if (!whole || core::checksum(out, bytes, static_cast<uint64_t>(frame)) !=
                        checksums[static_cast<size_t>(k * stride)])
        return frame;
    }
  }
  return -1;
}

void CacheFile::read(int64_t first, int64_t count, int64_t stride, uint8_t* out) const {
  const int64_t damaged = read_and_check(first, count, stride, out);
  if (damaged < 0) return;
  const bool removed = file_.remove();
  throw Error(core::cat(file_.path().string(), ": frame ", damaged, " of ", frames_,
                        " of this clip cache is damaged: ",
                        removed ? "the file was deleted, and the same command makes it again"
                                : "delete the file, and the same command makes it again"));
}

CacheFileWriter::CacheFileWriter(const std::filesystem::path& path, int64_t expected_frames)
    : path_(path),
      file_(std::make_unique<core::AtomicFile>(path)),
      room_(std::max<int64_t>(expected_frames, 1)) {
  file_->write(std::string(front_bytes(room_), '\0'));
}

void CacheFileWriter::append(const video::Frame& frame) {
  if (frames_ == 0) {
    height_ = frame.height;
    width_ = frame.width;
    channels_ = frame.channels;
  }
  const auto& pixels = frame.pixels;
  checksums_.push_back(
      core::checksum(pixels.data(), pixels.size(), static_cast<uint64_t>(frames_++)));
  file_->write(pixels.data(), pixels.size());
}

std::string CacheFileWriter::header(const std::string& key, const VideoReport& report) const {
  return core::Json{{"key", key},
                    {"frames", frames_},
                    {"height", height_},
                    {"width", width_},
                    {"channels", channels_},
                    {"checksums", room_},
                    {"report", to_json(report)}}
      .dump(-1, ' ', false, core::Json::error_handler_t::replace);
}

void CacheFileWriter::commit(const std::string& key, const VideoReport& report) {
  if (frames_ > room_) make_room();
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
  write_front(*file_, std::move(header));
  file_->commit();
}

/// All that stands before the frames.
void CacheFileWriter::write_front(core::AtomicFile& file, std::string header) const {
  Prefix prefix{};
  kMagic.copy(prefix.magic, sizeof prefix.magic);
  prefix.length = header.size();
  header.resize(kRoom, '\0');
  const uint64_t sum = core::checksum(header.data(), header.size(), prefix.length);
  std::string front(front_bytes(room_), '\0');
  std::memcpy(front.data(), &prefix, sizeof prefix);
  header.copy(front.data() + sizeof prefix, header.size());
  std::memcpy(front.data() + kHeaderBytes - sizeof sum, &sum, sizeof sum);
  std::memcpy(front.data() + kHeaderBytes, checksums_.data(), checksums_.size() * sizeof(uint64_t));
  file.write_at(0, front.data(), front.size());
}

/// For the checksums, by another file with the same frames.
void CacheFileWriter::make_room() {
  constexpr size_t kPart = 1 << 20;
  const core::InputFile frames(file_->temporary());
  uint64_t place = front_bytes(room_);
  room_ = frames_;
  auto larger = std::make_unique<core::AtomicFile>(path_);
  larger->write(std::string(front_bytes(room_), '\0'));
  std::string part(kPart, '\0');
  while (const size_t bytes = frames.read(place, part.data(), part.size())) {
    larger->write(part.data(), bytes);
    place += bytes;
  }
  file_ = std::move(larger);
}

}  // namespace vidgen::data
