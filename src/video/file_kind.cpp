#include "file_kind.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "libav.h"
#include "vidgen/core/error.h"

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSignatureBytes = 4096;
/// A photograph with a video behind it is searched up to here.
constexpr size_t kPhotoBytes = size_t{64} << 20;

/// A file that is read here and there.
class RandomFile {
 public:
  explicit RandomFile(const fs::path& path) : path_(path) {
    // O_NONBLOCK: a pipe would otherwise wait for a writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) fail();
  }
  ~RandomFile() { ::close(descriptor_); }
  RandomFile(const RandomFile&) = delete;
  RandomFile& operator=(const RandomFile&) = delete;

  /// Fewer bytes at the end of the file.
  std::string read(uint64_t offset, size_t bytes) const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail();
    const auto size = static_cast<uint64_t>(status.st_size);
    bytes = std::min(bytes, size > offset ? static_cast<size_t>(size - offset) : 0);
    std::string data(bytes, '\0');
    size_t done = 0;
    while (done < bytes) {
      const ssize_t count =
          ::pread(descriptor_, data.data() + done, bytes - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail();
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    data.resize(done);
    return data;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(core::cat(path_.string(), ": cannot be read: ", std::strerror(errno)));
  }

  const fs::path path_;
  int descriptor_;
};

bool begins_with(std::string_view data, std::string_view bytes, size_t at = 0) {
  return data.size() >= at && data.substr(at, bytes.size()) == bytes;
}

/// Whether the chunk that makes a PNG an animation comes before its picture.
bool is_animated_png(const RandomFile& file) {
  uint64_t at = 8;
  for (int chunk = 0; chunk < 64; ++chunk) {
    const std::string head = file.read(at, 8);
    if (head.size() < 8 || begins_with(head, "IDAT", 4)) return false;
    if (begins_with(head, "acTL", 4)) return true;
    at += 12 + number_at(head, 0, 4, /*big_endian=*/true);
  }
  return false;
}

/// Full pictures in a TIFF: not counted are those that it calls smaller copies of others.
int64_t count_tiff_pages(const RandomFile& file, std::string_view head) {
  constexpr uint64_t kNewSubfileType = 254;
  const bool big_endian = head[0] == 'M';
  uint64_t at = number_at(head, 4, 4, big_endian);
  int64_t pages = 0;
  for (int directory = 0; at != 0 && directory < 4096; ++directory) {
    const size_t entries = number_at(file.read(at, 2), 0, 2, big_endian);
    const std::string table = file.read(at + 2, entries * 12 + 4);
    if (entries == 0 || table.size() < entries * 12 + 4) break;
    bool reduced = false;
    for (size_t i = 0; i < entries; ++i) {
      if (number_at(table, i * 12, 2, big_endian) == kNewSubfileType) {
        reduced = (number_at(table, i * 12 + 8, 4, big_endian) & 1) != 0;
      }
    }
    pages += !reduced;
    at = number_at(table, entries * 12, 4, big_endian);
  }
  return pages;
}

bool has_video_behind(const RandomFile& file) {
  const std::string data = file.read(0, kPhotoBytes);
  for (size_t at = data.find("ftyp"); at != std::string::npos; at = data.find("ftyp", at + 1)) {
    for (const char* brand : {"mp4", "iso", "qt  ", "avc1"}) {
      if (at >= 4 && begins_with(data, brand, at + 4)) return true;
    }
  }
  return false;
}

/// What FFmpeg would take for something else, by its first bytes.
constexpr std::pair<std::string_view, const char*> kForeign[] = {
    {"%PDF", "a PDF"},
    {"PK\3\4", "an archive (ZIP) or a document"},
    {"Rar!", "an archive (RAR)"},
    {"7z\xbc\xaf", "an archive (7z)"},
    {"\x1f\x8b", "an archive (gzip)"},
    {"BZh", "an archive (bzip2)"},
    {"\3757zXZ", "an archive (xz)"},
    {"(\xb5/\xfd", "an archive (zstd)"},
    {"SIMPLE  =", "data of measurements (FITS)"},
    {"\x89HDF", "data of measurements (HDF5)"}};

/// By its first bytes; `known` tells whether they say what it is.
FileKind look_at_signature(const RandomFile& file, std::string_view head, bool& known) {
  FileKind kind;
  known = true;
  for (const auto& [bytes, name] : kForeign) {
    if (!begins_with(head, bytes)) continue;
    kind.refusal = core::cat("is ", name, ", not a video");
    return kind;
  }
  if (begins_with(head, "DICM", 128)) {
    kind.player = FileKind::Player::kDicom;
  } else if (begins_with(head, "RIFF") && begins_with(head, "WEBP", 8)) {
    const bool animated = begins_with(head, "VP8X", 12) && head.size() > 20 && (head[20] & 2) != 0;
    kind.player = animated ? FileKind::Player::kWebp : FileKind::Player::kFfmpeg;
    kind.still = !animated;
  } else if (begins_with(head, "\x89PNG\r\n\x1a\n")) {
    kind.still = !is_animated_png(file);
  } else if (begins_with(head, std::string_view("II*\0", 4)) ||
             begins_with(head, std::string_view("MM\0*", 4))) {
    kind.still = true;
    if (const int64_t pages = count_tiff_pages(file, head); pages > 1) {
      kind.refusal = core::cat("is a TIFF of ", pages,
                               " pictures, of which only the first can be read: write them as "
                               "numbered files");
    }
  } else if (begins_with(head, "ftypcrx ", 4)) {
    kind.refusal = "is a raw photograph (CR3), not a video";
  } else {
    known = false;
  }
  return kind;
}

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The format that FFmpeg takes a file for when it opens it, and how sure it is.
const AVInputFormat* probe_as_ffmpeg(const fs::path& path, int& score) {
  AVIOContext* opened = nullptr;
  if (avio_open(&opened, ("file:" + path.string()).c_str(), AVIO_FLAG_READ) < 0) return nullptr;
  const AvFile input(opened);
  const AVInputFormat* format = nullptr;
  score = av_probe_input_buffer2(opened, &format, path.c_str(), nullptr, 0, 0);
  return score < 0 ? nullptr : format;
}

/// The same by the beginning alone, which takes a tenth of the time where it is none.
const AVInputFormat* probe_quickly(const RandomFile& file, int& score) {
  constexpr size_t kSizes[] = {4 << 10, 64 << 10};
  const AVInputFormat* format = nullptr;
  for (const size_t bytes : kSizes) {
    std::string head = file.read(0, bytes);
    const bool whole = head.size() < bytes;
    AVProbeData data{};
    data.filename = "";
    data.buf_size = static_cast<int>(head.size());
    head.append(AVPROBE_PADDING_SIZE, '\0');
    data.buf = reinterpret_cast<unsigned char*>(head.data());
    format = av_probe_input_format3(&data, /*is_opened=*/1, &score);
    // Whether there is more than one picture shows later.
    const bool picture = begins_with(head, "\xff\xd8");
    if (whole || (score > AVPROBE_SCORE_RETRY && !picture)) break;
  }
  return format;
}

/// Whether there are none but characters of a text.
bool is_text(std::string_view head) {
  return std::all_of(head.begin(), head.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f';
  });
}

/// By what FFmpeg takes it for.
FileKind look_at_format(const fs::path& path, const RandomFile& file, Probe probe) {
  int score = 0;
  const AVInputFormat* format =
      probe == Probe::kQuick ? probe_quickly(file, score) : probe_as_ffmpeg(path, score);
  FileKind kind;
  if (!format) return kind;
  const std::string name = format->name;
  const std::string head = file.read(0, 2);
  const bool jpeg = begins_with(head, "\xff\xd8");
  kind.certain = score > AVPROBE_SCORE_RETRY || (name == "mjpeg" && jpeg);
  kind.still = name == "image2" || (name.size() > 5 && name.substr(name.size() - 5) == "_pipe");
  if (is_one_of(name, {"tty", "bin", "xbin", "adf", "idf"})) {
    kind.refusal = "is text, not a video";
  } else if (is_one_of(name, {"rawvideo", "v210", "v210x", "bitpacked"})) {
    kind.refusal =
        "is video without a header, so its size and pixels are not known: put it into a container, "
        "as ffmpeg -f rawvideo -video_size WxH -pixel_format F does";
  } else if (name == "mjpeg" && !jpeg) {
    kind.refusal = "is not a video that FFmpeg can read (JPEG pictures in a file of another kind)";
  } else if (kind.still && jpeg && has_video_behind(file)) {
    kind.refusal = "is a photograph with a video behind it (motion photo), which is not read";
  }
  return kind;
}

}  // namespace

uint64_t number_at(std::string_view data, size_t at, size_t bytes, bool big_endian) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    const size_t place = at + (big_endian ? i : bytes - 1 - i);
    value = value << 8 | static_cast<unsigned char>(place < data.size() ? data[place] : 0);
  }
  return value;
}

FileKind look_at_file(const fs::path& path, Probe probe) {
  silence_libav();
  const RandomFile file(path);
  bool known = false;
  const std::string head = file.read(0, kSignatureBytes);
  FileKind kind = look_at_signature(file, head, known);
  if (known) {
    kind.certain = true;
    return kind;
  }
  if (probe == Probe::kQuick && is_text(head)) return kind;
  return look_at_format(path, file, probe);
}

FileKind look_at_picture(const fs::path& path) {
  const RandomFile file(path);
  bool known = false;
  const FileKind kind = look_at_signature(file, file.read(0, kSignatureBytes), known);
  return known ? kind : FileKind{FileKind::Player::kFfmpeg, /*still=*/true, false, ""};
}

bool is_picture_track(const fs::path& path) {
  const std::string head = RandomFile(path).read(0, 64);
  if (!begins_with(head, "ftyp", 4)) return false;
  const size_t end = std::min<size_t>(head.size(), number_at(head, 0, 4, /*big_endian=*/true));
  for (size_t at = 8; at + 4 <= end; at += 4) {
    if (at == 12) continue;  // a version
    for (const char* brand : {"avis", "msf1", "hevc"}) {
      if (begins_with(head, brand, at)) return true;
    }
  }
  return false;
}

}  // namespace vidgen::video
