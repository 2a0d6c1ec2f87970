#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "libraries.h"
#include "mat.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/video/writer.h"

namespace vidgen::video {
namespace {

constexpr uint64_t kMaxImageBytes = uint64_t{1} << 30;

}  // namespace

void write_png(const std::filesystem::path& path, const Frame& image) {
  if (path.extension() != ".png") {
    throw Error(path.string() + ": unknown extension of an image to write, expected .png");
  }
  if (image.pixels.empty()) throw Error(path.string() + ": there is no image to write");
  silence_libraries();
  cv::Mat bgr;
  if (image.channels == 3) {
    cv::cvtColor(as_mat(image), bgr, cv::COLOR_RGB2BGR);
  } else {
    bgr = as_mat(image);
  }
  std::vector<uint8_t> bytes;
  if (!cv::imencode(".png", bgr, bytes)) {
    throw Error(core::cat(path.string(), ": cannot encode ", image.width, "x", image.height,
                          " pixels as PNG"));
  }
  core::AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

Frame read_image(const std::filesystem::path& path) {
  silence_libraries();
  const std::string bytes = core::read_file(path, kMaxImageBytes);
  cv::Mat bgr;
  try {
    const cv::Mat coded(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
    bgr = cv::imdecode(coded, cv::IMREAD_COLOR);
  } catch (const cv::Exception&) {
    bgr.release();
  }
  if (bgr.empty()) throw Error(path.string() + ": is not an image that OpenCV can read");
  Frame frame;
  reshape(frame, bgr.rows, bgr.cols, 3);
  cv::Mat target = as_mat(frame);
  cv::cvtColor(bgr, target, cv::COLOR_BGR2RGB);
  return frame;
}

}  // namespace vidgen::video
