#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vidgen::video {

/// Pictures in one folder whose names differ only in one number: the frames of a video.
struct PictureSequence {
  /// What their names have in common, with "#" in the number's place: "shot_#.png". Times of
  /// seconds and their fraction are one number, "#.#.png".
  std::string name;
  /// File names in the order of their numbers, whose zeros in front do not count.
  std::vector<std::string> files;
};

/// Finds the sequences among the names of a folder's pictures, sorted by name; those with fewer
/// than two pictures are none. Where several numbers vary, the last one counts the frames, unless
/// it takes but a few values and another does better. `left` gets the names that belong to none.
std::vector<PictureSequence> find_sequences(const std::vector<std::string>& names,
                                            std::vector<std::string>* left = nullptr);

/// The pictures that a path stands for: a folder that holds one sequence and no other picture, or
/// FOLDER/shot_#.png where no file is called so. Nothing for any other path.
std::optional<std::vector<std::filesystem::path>> pictures_of(const std::filesystem::path& path);

/// The digits that begin at `place`, without zeros in front: of equal length they sort as numbers
/// do, however large they are.
std::string_view number_in(std::string_view name, size_t place);

}  // namespace vidgen::video
