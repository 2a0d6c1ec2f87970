#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vidgen/core/fields.h"
#include "vidgen/core/random.h"
#include "vidgen/video/frame.h"

namespace vidgen::data {

/// Clips of handwritten digits that move in straight lines and bounce off the walls, as in
/// Srivastava, Mansimov, Salakhutdinov: "Unsupervised learning of video representations using
/// LSTMs", 2015 (Moving MNIST).
struct MovingDigitsOptions {
  std::string digits_image = "/usr/share/doc/opencv-doc/examples/data/digits.png";
  int64_t clips = 1000;
  int64_t size = 64;
  int64_t frames = 16;
  int64_t digits = 2;
  int64_t digit_size = 20;
  double speed = 2;
  bool color = false;
  bool classes = false;
  int64_t seed = 0;
};

void fields(core::FieldVisitor& visitor, MovingDigitsOptions& options);

class MovingDigits {
 public:
  /// Reads the digits. Throws vidgen::Error naming the picture when it is missing or not one of
  /// 20x20 squares, and core::FieldError when the digits are larger than the frames, or cannot be
  /// as many of each of the ten as the options' classes need.
  explicit MovingDigits(const MovingDigitsOptions& options);

  /// A pure function of the options' seed and `index`: another count of clips, or of frames, gives
  /// the same ones.
  video::Clip clip(int64_t index) const;
  /// How many different handwritten digits there are.
  int64_t digit_count() const { return static_cast<int64_t>(digits_.size()); }
  /// Which digit is the first of a clip, 0 to 9: the picture shows the zeros first, then as many
  /// ones, and so on.
  int64_t first_digit(int64_t index) const;

 private:
  core::CounterRandom random_of(int64_t index) const;

  MovingDigitsOptions options_;
  /// One channel each.
  std::vector<video::Frame> digits_;
};

/// Writes every clip as a video, 25 frames a second, without loss: FOLDER/clip-000000.avi, ..., or
/// with classes FOLDER/7/clip-000000.avi, ... The folder is made, or must be empty, or left by
/// the same that was ended, which then goes on: otherwise throws vidgen::Error, as for a full disk.
void write_moving_digits(const MovingDigitsOptions& options, const std::filesystem::path& folder);

}  // namespace vidgen::data
