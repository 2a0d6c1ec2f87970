#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vidgen::bench {

/// Runs a program with its output thrown away; throws vidgen::Error unless it ends with 0.
void run_program(const std::filesystem::path& program, std::vector<std::string> arguments);

}  // namespace vidgen::bench
