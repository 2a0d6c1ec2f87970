#include "fingerprint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "vidgen/core/checksum.h"
#include "vidgen/core/error.h"
#include "vidgen/video/sequence.h"

namespace vidgen::data {
namespace {

namespace fs = std::filesystem;

/// Of a video at most so many bytes are read: a fraction of what decoding it takes.
constexpr uint64_t kMostBytes = 64 << 20;
constexpr uint64_t kPieceBytes = 1 << 20;

class ContentReader {
 public:
  explicit ContentReader(const fs::path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) fail();
    size_ = static_cast<uint64_t>(status.st_size);
  }
  ~ContentReader() { ::close(descriptor_); }
  ContentReader(const ContentReader&) = delete;
  ContentReader& operator=(const ContentReader&) = delete;

  uint64_t size() const { return size_; }

  /// The checksum of the bytes from `begin` to `end`, with `seed` as its seed.
  uint64_t checksum(uint64_t begin, uint64_t end, uint64_t seed) {
    while (begin < end) {
      buffer_.resize(std::min(end - begin, kPieceBytes));
      const size_t count = read(begin);
      if (count == 0) break;
      seed = core::checksum(buffer_.data(), count, seed);
      begin += count;
    }
    return seed;
  }

 private:
  /// Fills the buffer, or what of it there is.
  size_t read(uint64_t offset) {
    size_t done = 0;
    while (done < buffer_.size()) {
      const ssize_t count = ::pread(descriptor_, buffer_.data() + done, buffer_.size() - done,
                                    static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail();
      if (count == 0) break;
      done += static_cast<size_t>(count);
    }
    return done;
  }
  [[noreturn]] void fail() const {
    throw Error(core::cat("cannot read ", path_.string(), ": ", std::strerror(errno)));
  }

  const fs::path& path_;
  const int descriptor_;
  uint64_t size_ = 0;
  std::vector<uint8_t> buffer_;
};

/// Reads at most about `most` bytes.
uint64_t fingerprint_of_file(const fs::path& path, uint64_t most, uint64_t seed) {
  ContentReader reader(path);
  const uint64_t size = reader.size();
  seed = core::checksum(&size, sizeof size, seed);
  if (size <= most) return reader.checksum(0, size, seed);
  const uint64_t piece = std::min(kPieceBytes, most);
  const uint64_t pieces = most / piece, last = size - piece;
  for (uint64_t i = 0; i < pieces; ++i) {
    const uint64_t begin = pieces == 1 ? 0 : last / (pieces - 1) * i;
    seed = reader.checksum(begin, begin + piece, seed);
  }
  return reader.checksum(last, size, seed);
}

}  // namespace

uint64_t fingerprint_of(const fs::path& source) {
  const auto pictures = video::pictures_of(source);
  if (!pictures) return fingerprint_of_file(source, kMostBytes, 0);
  constexpr uint64_t kFewestBytes = 4096;
  const uint64_t each = std::max<uint64_t>(kFewestBytes, kMostBytes / pictures->size());
  uint64_t seed = 0;
  for (const fs::path& picture : *pictures) seed = fingerprint_of_file(picture, each, seed);
  return seed;
}

}  // namespace vidgen::data
