#include "output.h"

#include <cmath>
#include <cstdio>

#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {

std::string digits(double value) {
  if (std::isnan(value)) return "";
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", value);
  return text;
}

core::Json number_or_null(double value) {
  return std::isfinite(value) ? core::Json(value) : core::Json(nullptr);
}

std::string json_text(const core::Json& json) {
  return core::printable_lines(json.dump(2, ' ', false, core::Json::error_handler_t::replace)) +
         "\n";
}

void write_json(const std::filesystem::path& path, const core::Json& json) {
  core::AtomicFile file(path);
  file.write(json_text(json));
  file.commit();
}

std::filesystem::path own_program() {
  std::error_code error;
  auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw Error(core::cat("cannot read /proc/self/exe: ", error.message()));
  return program;
}

void Outputs::claim_file(const std::filesystem::path& path) {
  core::check_can_create(path);
  files_.emplace_back(path);
}

void Outputs::claim_file(const char* option, const std::filesystem::path& path,
                         const std::string& extension) {
  if (core::lower_extension(path) != extension) {
    throw Error(
        core::cat(option, " ", path.string(), ": expected a name that ends in ", extension));
  }
  claim_file(path);
}

void Outputs::claim_folder(const std::filesystem::path& folder) {
  const auto name = folder.has_filename() ? folder : folder.parent_path();
  std::error_code error;
  core::check_can_create(std::filesystem::exists(name, error) ? name / "file" : name);
  folders_.push_back(std::make_unique<core::OutputFolder>(name));
}

}  // namespace vidgen::cli
