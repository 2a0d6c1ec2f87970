#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "vidgen/core/error.h"

namespace vidgen::checkpoint {

/// A file does not hold what was written to it: it is cut short, overwritten, lacks a tensor, or
/// the disk does not give it back. Where there is an older file that is whole, that may do instead;
/// every other vidgen::Error about a file is for the user to settle.
class Damaged : public Error {
 public:
  /// `message`: the whole of it, with the file's name.
  Damaged(std::filesystem::path path, const std::string& message)
      : Error(message), path_(std::move(path)) {}
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace vidgen::checkpoint
