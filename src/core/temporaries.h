#pragma once

#include <filesystem>

/// The files and folders that are to be gone when the process ends, however it ends.
namespace vidgen::core {

void remember_temporary(const std::filesystem::path& path);
void forget_temporary(const std::filesystem::path& path);
/// From the thread that ends the process.
void delete_temporaries();

}  // namespace vidgen::core
