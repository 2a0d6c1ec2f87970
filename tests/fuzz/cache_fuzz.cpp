#include <cstring>

#include "fuzz/target.h"
#include "support/temporary_folder.h"
#include "vidgen/core/checksum.h"
#include "vidgen/data/cache_file.h"

// The header of a file of the clip cache. What is in front of the frames, without the zeros that
// fill it up; the frames are added.
namespace vidgen::fuzz {
namespace {

constexpr const char* kKey = "key";
constexpr int64_t kFrames = 3, kSide = 4;
constexpr size_t kFrameBytes = kSide * kSide * 3;

const std::string& whole_file() {
  static const std::string file = [] {
    const core::TemporaryFolder folder;
    data::CacheFileWriter writer(folder / "a.clips");
    video::Frame frame;
    frame.height = frame.width = kSide;
    frame.channels = 3;
    frame.pixels.assign(kFrameBytes, 7);
    for (int64_t i = 0; i < kFrames; ++i) writer.append(frame);
    data::VideoReport report;
    report.width = report.height = kSide;
    report.fps = 25;
    report.frames = report.frames_read = kFrames;
    report.notes = {"a note"};
    report.cuts = {1};
    writer.commit(kKey, report);
    return core::read_file(folder / "a.clips", 1 << 20);
  }();
  return file;
}

constexpr size_t kHeaderBytes = 32768;

/// Gives a header the checksum that it would have: what is inside is to be reached.
void seal(std::string& header) {
  constexpr size_t kLength = 8, kText = 16, kChecksum = kHeaderBytes - sizeof(uint64_t);
  uint64_t length = 0;
  std::memcpy(&length, header.data() + kLength, sizeof length);
  const uint64_t sum = core::checksum(header.data() + kText, kChecksum - kText, length);
  std::memcpy(header.data() + kChecksum, &sum, sizeof sum);
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string header = whole_file().substr(0, kHeaderBytes);
  return {header.substr(0, header.find('\0', 16))};
}

std::vector<std::string> tokens() {
  return {R"("frames":)", R"("height":)", R"("channels":1)", R"("report":{)",       R"("cuts":[)",
          R"("key":)",    "-4294967296",  "[[[[[[[[",        "4611686018427387904", "1e18",
          "null"};
}

}  // namespace vidgen::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace vidgen;
  static const fuzz::MemoryFile file;
  std::string content(fuzz::view(bytes, size));
  content.resize(fuzz::kHeaderBytes);
  fuzz::seal(content);
  file.set(content + fuzz::whole_file().substr(fuzz::kHeaderBytes));
  fuzz::expect_answer([] {
    const auto cached = data::CacheFile::open(file.path(), fuzz::kKey);
    if (!cached) return;
    const int64_t count = cached->height() * cached->width() * cached->channels();
    std::vector<uint8_t> frame(static_cast<size_t>(count));
    for (int64_t i = 0; i < cached->frames(); ++i) cached->read(i, 1, 1, frame.data());
  });
  return 0;
}
