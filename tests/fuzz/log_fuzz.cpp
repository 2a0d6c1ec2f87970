#include <fstream>

#include "fuzz/target.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/checkpoint/run_log.h"
#include "vidgen/core/files.h"
#include "vidgen/train/journal.h"

// A run's log, as it is read where the run goes on.
namespace vidgen::fuzz {

std::vector<std::string> seeds() {
  std::string log;
  for (const char* step : {"1", "2", "3"}) {
    log +=
        std::string(R"({"step":)") + step +
        R"(,"generator":0.7,"clips_per_second":12.5,"seconds":3.25,"time":"2026-01-01T00:00:00Z"})" +
        "\n";
  }
  return {log, log + R"({"step":4,"gen)", log + std::string(64, '\0') + "\n"};
}

std::vector<std::string> tokens() {
  return {R"({"step":)", R"("seconds":")", "[[[[[[[[", "\n{", R"({"a":{"a":)", "null", "1e999"};
}

}  // namespace vidgen::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vidgen;
  // /dev/shm, because what is written is flushed to the disk.
  static const std::filesystem::path place =
      "/dev/shm/vidgen-fuzz-log-" + std::to_string(::getpid());
  static const checkpoint::RunFolder folder(place);
  core::make_folder(place);
  std::ofstream(folder.log(), std::ios::binary) << fuzz::view(data, size);
  fuzz::expect_answer([] {
    train::RunOptions options;
    options.run_dir = place.string();
    train::RunPage page(options);
    checkpoint::RunLog(folder.log()).rewind(2, [&page](const core::Json& line) {
      page.add_line(line);
    });
  });
  std::filesystem::remove_all(place);
  return 0;
}
