#pragma once

#include <filesystem>
#include <string>

#include "vidgen/core/json.h"

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

/// Throws vidgen::Error naming the option unless the file ends in `extension` and can be created.
void check_result_name(const char* option, const std::filesystem::path& path,
                       const std::string& extension);

/// The file of this program, to start it again. Throws vidgen::Error where the system does not say.
std::filesystem::path own_program();

/// Throws vidgen::Error unless files can be created in the folder, or the folder itself where there
/// is none yet.
void check_can_fill(const std::filesystem::path& folder);

}  // namespace vidgen::cli
