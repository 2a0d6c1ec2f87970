#pragma once

#include <filesystem>
#include <mutex>

/// The files and folders that are to be gone when the process ends, however it ends.
namespace vidgen::core {

/// Held while one is made, given its name or deleted. Once the process ends it is never given back,
/// so that none appears behind the back of delete_temporaries().
using HeldTemporaries = std::unique_lock<std::mutex>;
[[nodiscard]] HeldTemporaries hold_temporaries();

void remember_temporary(const HeldTemporaries&, const std::filesystem::path& path);
void forget_temporary(const HeldTemporaries&, const std::filesystem::path& path);
/// From the thread that ends the process.
void delete_temporaries();

}  // namespace vidgen::core
