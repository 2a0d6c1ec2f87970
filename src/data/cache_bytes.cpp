#include "vidgen/data/cache_bytes.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"

namespace vidgen::data {
namespace {

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

}  // namespace vidgen::data
