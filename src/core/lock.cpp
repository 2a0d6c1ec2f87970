#include "vidgen/core/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>

#include "temporaries.h"
#include "vidgen/core/files.h"
#include "vidgen/core/json.h"

namespace vidgen::core {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kRenewal{10}, kLease{60};
constexpr uint64_t kMostHolderBytes = 4096;

std::string& title() {
  static std::string instance = "vidgen";
  return instance;
}

[[noreturn]] void refuse(const fs::path& output, const fs::path& lock, int error) {
  throw Error(cat("cannot write ", output.string(), ": cannot make ", lock.filename().string(),
                  " beside it: ", std::strerror(error)));
}

fs::path lock_file_of(const fs::path& output) {
  constexpr const char* kMark = ".vidgen-lock";
  std::error_code error;
  if (fs::is_directory(output, error)) return output / kMark;
  const std::string name = output.filename().string();
  auto path = output;
  path.replace_filename(cat(".", short_name(name, std::strlen(kMark) + 1), kMark));
  return path;
}

std::string host() {
  char name[HOST_NAME_MAX + 1] = "";
  ::gethostname(name, HOST_NAME_MAX);
  return name;
}

/// The process numbers that count here: those of another container are others.
std::string process_numbers() {
  std::error_code unknown;
  return fs::read_symlink("/proc/self/ns/pid", unknown).string();
}

std::string describe_holder() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char since[32];
  std::strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return Json{{"title", title()},
              {"process", ::getpid()},
              {"host", host()},
              {"since", since},
              {"process_numbers", process_numbers()}}
             .dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

/// An object without keys for what is no holder.
Json read_holder(const fs::path& path) {
  try {
    const auto holder = parse_json(read_file(path, kMostHolderBytes));
    if (holder.is_object()) return holder;
  } catch (const Error&) {
    // It has just gone, or its process was ended while it wrote.
  }
  return Json::object();
}

std::string text_of(const Json& holder, const char* key) {
  return value_or(holder, key, std::string());
}

int64_t process_of(const Json& holder) { return value_or(holder, "process", int64_t{0}); }

std::string name_holder(const Json& holder) {
  if (process_of(holder) == 0) return "another process of vidgen";
  return cat(text_of(holder, "title"), ", process ", process_of(holder), " on ",
             text_of(holder, "host"), ", since ", text_of(holder, "since"));
}

bool has_ended(const Json& holder) {
  const auto process = process_of(holder);
  if (process <= 0 || text_of(holder, "host") != host()) return false;
  if (text_of(holder, "process_numbers") != process_numbers()) return false;
  return ::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
}

void write_holder(int descriptor) {
  const std::string text = describe_holder();
  // Who holds it is told for convenience only: a full disk is no reason not to hold it.
  if (::ftruncate(descriptor, 0) != 0) return;
  if (::pwrite(descriptor, text.data(), text.size(), 0) < 0) return;
}

bool is_same_file(int descriptor, const fs::path& path) {
  struct stat open {
  }, named{};
  return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// Seconds since the lease was renewed, by the clock of the file system that keeps it.
double age_of(const fs::path& lease) {
  const auto seconds = [](const struct stat& status) {
    return static_cast<double>(status.st_mtim.tv_sec) +
           1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
  };
  struct stat before {
  }, now{};
  if (::stat(lease.c_str(), &before) != 0) return 0;
  const AtomicFile clock(lease);
  if (::fstat(clock.descriptor(), &now) != 0) return 0;
  return seconds(now) - seconds(before);
}

}  // namespace

struct OutputLock::Held {
  fs::path path;
  int descriptor = -1;
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
  /// Renews a lease; idle where the file is locked.
  std::thread renewal;

  ~Held() {
    {
      const std::lock_guard lock(mutex);
      over = true;
    }
    changed.notify_all();
    if (renewal.joinable()) renewal.join();
    const auto held = hold_temporaries();
    if (is_same_file(descriptor, path)) ::unlink(path.c_str());
    forget_temporary(held, path);
    ::close(descriptor);
  }

  void keep_renewing() {
    renewal = std::thread([this] {
      std::unique_lock lock(mutex);
      while (!changed.wait_for(lock, kRenewal, [this] { return over; }))
        ::futimens(descriptor, nullptr);
    });
  }

  /// Takes the lock; null where somebody else holds it.
  static std::unique_ptr<Held> take(const fs::path& output) {
    const auto path = lock_file_of(output);
    for (;;) {
      auto temporaries = hold_temporaries();
      const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
      if (descriptor < 0) refuse(output, path, errno);
      const int error = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
      // Who held it may have deleted it since.
      const bool same = is_same_file(descriptor, path);
      if (error == 0 && same) return hold(temporaries, path, descriptor);
      ::close(descriptor);
      temporaries.unlock();
      if (error == EWOULDBLOCK && same) return nullptr;
      if (error != 0 && error != EWOULDBLOCK && error != EINTR) return lease(output, path);
    }
  }

  static std::unique_ptr<Held> hold(const HeldTemporaries& temporaries, const fs::path& path,
                                    int descriptor) {
    auto held = std::make_unique<Held>();
    held->path = path;
    held->descriptor = descriptor;
    remember_temporary(temporaries, path);
    write_holder(descriptor);
    return held;
  }

  static std::unique_ptr<Held> lease(const fs::path& output, const fs::path& lock_file) {
    auto path = lock_file;
    path += "-lease";
    ::unlink(lock_file.c_str());
    for (;;) {
      auto temporaries = hold_temporaries();
      const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
      if (descriptor >= 0) {
        auto held = hold(temporaries, path, descriptor);
        held->keep_renewing();
        return held;
      }
      if (errno != EEXIST) refuse(output, path, errno);
      temporaries.unlock();
      if (!has_ended(read_holder(path)) &&
          age_of(path) < std::chrono::duration<double>(kLease).count())
        return nullptr;
      ::unlink(path.c_str());
    }
  }
};

OutputLock::OutputLock(const fs::path& output) : held_(Held::take(output)) {
  if (held_) return;
  const auto file = lock_file_of(output);
  auto holder = read_holder(file);
  if (process_of(holder) == 0) holder = read_holder(file.string() + "-lease");
  throw InUse(cat(output.string(), ": is being written by ", name_holder(holder)));
}

std::optional<OutputLock> OutputLock::try_lock(const fs::path& output) {
  auto held = Held::take(output);
  if (!held) return std::nullopt;
  return OutputLock(std::move(held));
}

OutputFolder::OutputFolder(const fs::path& named) {
  const auto folder = named.has_filename() ? named : named.parent_path();
  std::error_code error;
  for (auto path = folder; !path.empty() && !fs::exists(path, error); path = path.parent_path()) {
    made_.push_back(path);
    if (path == path.parent_path()) break;
  }
  make_folder(folder);
  lock_.emplace(folder);
}

OutputFolder::~OutputFolder() {
  lock_.reset();
  // rmdir() takes empty folders only.
  for (const auto& path : made_) {
    if (::rmdir(path.c_str()) != 0) break;
  }
}

void set_process_title(std::string text) { title() = std::move(text); }

}  // namespace vidgen::core
