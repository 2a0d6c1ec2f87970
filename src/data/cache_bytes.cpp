#include "vidgen/data/cache_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "vidgen/core/error.h"

namespace vidgen::data {
namespace {

/// Far below the 65,530 that Linux allows by default: libraries and threads need some, too.
constexpr int64_t kMostMapped = 512;

std::atomic<int64_t> maps{0};

/// A file that is open for a moment.
class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0 || ::fstat(descriptor_, &status_) != 0) fail(std::strerror(errno));
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  const struct stat& status() const { return status_; }
  void read(size_t offset, size_t bytes, uint8_t* out) const {
    while (bytes > 0) {
      const ssize_t count = ::pread(descriptor_, out, bytes, static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail(count < 0 ? std::strerror(errno) : "it ends too early");
      out += count;
      offset += static_cast<size_t>(count);
      bytes -= static_cast<size_t>(count);
    }
  }
  [[noreturn]] void fail(const char* reason) const {
    throw Error(core::cat("cannot read ", path_.string(), ": ", reason));
  }

 private:
  const std::filesystem::path& path_;
  const int descriptor_;
  struct stat status_ {};
};

}  // namespace

std::atomic<int64_t>& CacheBytes::most_mapped() {
  static std::atomic<int64_t> most{kMostMapped};
  return most;
}

CacheBytes::CacheBytes(std::filesystem::path path) : path_(std::move(path)) {
  if (maps.fetch_add(1) < most_mapped()) {
    try {
      map_.emplace(path_);
      size_ = map_->size();
      return;
    } catch (const Error&) {
      // There may be no map left for it.
      map_.reset();
    }
  }
  --maps;
  const OpenFile file(path_);
  if (!S_ISREG(file.status().st_mode)) file.fail("is not a regular file");
  size_ = static_cast<size_t>(file.status().st_size);
  inode_ = file.status().st_ino;
}

CacheBytes::~CacheBytes() {
  if (map_) --maps;
}

const uint8_t* CacheBytes::read(size_t offset, size_t bytes, std::vector<uint8_t>& buffer) const {
  if (map_) return map_->data() + offset;
  const OpenFile file(path_);
  if (file.status().st_ino != inode_ || static_cast<size_t>(file.status().st_size) != size_) {
    file.fail("another file has taken its place");
  }
  buffer.resize(bytes);
  file.read(offset, bytes, buffer.data());
  return buffer.data();
}

}  // namespace vidgen::data
