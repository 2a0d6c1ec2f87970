#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vidgen/core/json.h"
#include "vidgen/core/lock.h"

/// What several subcommands need to say what they found.
namespace vidgen::cli {

/// Four significant digits; "" for what is not a number.
std::string digits(double value);
/// JSON knows no infinity and nothing that is not a number.
core::Json number_or_null(double value);

/// Indented, with a line's end; what is not UTF-8 is replaced.
std::string json_text(const core::Json& json);
/// Writes it indented; whole or not at all. Throws vidgen::Error naming the file.
void write_json(const std::filesystem::path& path, const core::Json& json);

/// What a command is going to write: kept from other processes from the time it is named until the
/// command ends. Everything throws vidgen::Error where it could not be written, and core::InUse.
class Outputs {
 public:
  void claim_file(const std::filesystem::path& path);
  /// The same; throws vidgen::Error naming the option unless the name ends in `extension`.
  void claim_file(const char* option, const std::filesystem::path& path,
                  const std::string& extension);
  /// A folder that is to be filled; made where it is missing.
  void claim_folder(const std::filesystem::path& folder);

 private:
  std::vector<core::OutputLock> files_;
  std::vector<std::unique_ptr<core::OutputFolder>> folders_;
};

/// The file of this program, to start it again. Throws vidgen::Error where the system does not say.
std::filesystem::path own_program();

}  // namespace vidgen::cli
