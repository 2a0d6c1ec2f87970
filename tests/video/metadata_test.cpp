#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "support/error.h"
#include "support/temporary_folder.h"
#include "support/videos.h"
#include "vidgen/core/files.h"
#include "vidgen/core/json.h"
#include "vidgen/video/reader.h"
#include "vidgen/video/sink.h"
#include "vidgen/video/writer.h"

/// What other programs find in the files.
namespace vidgen::video {
namespace {

using test::gradient_clip;
using test::TemporaryFolder;
using ::testing::HasSubstr;

const Metadata kMetadata{{"title", "A \"street\", früh"},
                         {"comment", "made; by=me"},
                         {"vidgen.seed", "7"},
                         {"source", "street.mp4"}};

/// What ffprobe says.
Metadata probed(const std::filesystem::path& path) {
  const std::string command =
      "ffprobe -v error -show_entries format_tags -of json '" + path.string() + "'";
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return core::parse_json(text).at("format").value("tags", Metadata());
}

uint32_t crc(const std::string& bytes) {
  uint32_t value = UINT32_MAX;
  for (const char byte : bytes) {
    value ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value;
}

/// The chunks tEXt, and iTXt where the text is not ASCII.
Metadata png_texts(const std::filesystem::path& path) {
  const std::string bytes = test::read_bytes(path);
  const auto number = [&bytes](size_t place) {
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes.at(place + i));
    return value;
  };
  Metadata texts;
  for (size_t place = 8; place < bytes.size();) {
    const size_t length = number(place);
    const std::string chunk = bytes.substr(place + 4, 4 + length);
    EXPECT_EQ(number(place + 8 + length), crc(chunk)) << chunk;
    place += length + 12;
    const std::string type = chunk.substr(0, 4), key = chunk.c_str() + 4;
    if (type != "tEXt" && type != "iTXt") continue;
    const std::string between(type == "tEXt" ? 1 : 5, '\0');
    EXPECT_EQ(chunk.substr(4 + key.size(), between.size()), between);
    auto& text = texts[key] = chunk.substr(4 + key.size() + between.size());
    EXPECT_EQ(type == "tEXt", std::all_of(text.begin(), text.end(), [](char c) { return c > 0; }));
  }
  return texts;
}

/// The file's own tags without the container's.
Metadata written(const std::string& name, const Metadata& metadata) {
  const TemporaryFolder folder;
  const Clip clip = gradient_clip(8, 16, 16);
  const auto sink = open_video(folder / name, {1, 8, 16, 16, 10, metadata});
  for (int64_t t = 0; t < clip.frames; ++t) sink->write(clip.frame(t));
  sink->finish();
  VideoReader reader(folder / name);
  int frames = 0;
  while (reader.skip()) ++frames;
  EXPECT_EQ(frames, 8);
  auto tags = probed(folder / name);
  for (const char* own :
       {"major_brand", "minor_version", "compatible_brands", "encoder", "software"})
    tags.erase(own);
  return tags;
}

TEST(MetadataTest, Mp4KeepsEveryKey) { EXPECT_EQ(written("a.mp4", kMetadata), kMetadata); }

TEST(MetadataTest, KeysThatMp4HasAreWhereTagEditorsLook) {
  const Metadata known{{"title", "T"},     {"artist", "A"},      {"album", "B"},
                       {"comment", "C"},   {"date", "2026"},     {"genre", "G"},
                       {"copyright", "D"}, {"description", "E"}, {"lyrics", "L"}};
  EXPECT_EQ(written("a.mp4", known), known);
  const TemporaryFolder folder;
  const auto sink = open_video(folder / "a.mp4", {1, 1, 16, 16, 10, known});
  sink->write(gradient_clip(1, 16, 16).frame(0));
  sink->finish();
  EXPECT_THAT(core::read_file(folder / "a.mp4", 1 << 20), HasSubstr("\xa9nam"));
}

TEST(MetadataTest, AviKeepsTitleAndComment) {
  EXPECT_EQ(written("a.avi", kMetadata),
            (Metadata{{"title", kMetadata.at("title")},
                      {"comment", "made; by=me\nsource: street.mp4\nvidgen.seed: 7"}}));
}

TEST(MetadataTest, GifKeepsAComment) {
  const std::string comment =
      "made; by=me\nsource: street.mp4\ntitle: " + kMetadata.at("title") + "\nvidgen.seed: 7";
  EXPECT_EQ(written("a.gif", kMetadata), (Metadata{{"comment", comment}}));
  // In parts of 255 bytes.
  for (const size_t bytes : {254, 255, 256, 1000}) {
    const Metadata metadata{{"comment", std::string(bytes, 'x')}};
    EXPECT_EQ(written("a.gif", metadata), metadata) << bytes;
  }
}

TEST(MetadataTest, NothingIsWrittenUnasked) {
  for (const std::string name : {"a.mp4", "a.avi", "a.gif"})
    EXPECT_EQ(written(name, {}), Metadata());
  const TemporaryFolder folder;
  write_png(folder / "a.png", {2, 2, 3, std::vector<uint8_t>(12)});
  EXPECT_EQ(png_texts(folder / "a.png"), Metadata());
}

TEST(MetadataTest, PngKeepsEveryKey) {
  const TemporaryFolder folder;
  const Frame image{8, 8, 3, gradient_clip(1, 8, 8).pixels};
  write_png(folder / "a.png", image, kMetadata);
  EXPECT_EQ(read_image(folder / "a.png").pixels, image.pixels);
  EXPECT_EQ(png_texts(folder / "a.png"), kMetadata);
}

TEST(MetadataTest, SheetAndFolderKeepIt) {
  const TemporaryFolder folder;
  const SinkOptions options{1, 1, 16, 16, 10, {{"title", "t"}}};
  for (const auto& sink :
       {open_sheet(folder / "a.png", options), open_folder(folder / "b", options),
        open_grid(folder / "c.mp4", options, 1, 1)}) {
    sink->write(gradient_clip(1, 16, 16).frame(0));
    sink->finish();
  }
  EXPECT_EQ(png_texts(folder / "a.png"), options.metadata);
  for (const char* name : {"b/clip-0000.mp4", "c.mp4"})
    EXPECT_EQ(probed(folder / name)["title"], "t") << name;
}

TEST(MetadataTest, RefusesWhatNotEveryFileCanHold) {
  const TemporaryFolder folder;
  const Frame image{2, 2, 3, std::vector<uint8_t>(12)};
  for (const Metadata& bad :
       {Metadata{{"", "x"}}, Metadata{{std::string(80, 'k'), "x"}}, Metadata{{"a\nb", "x"}},
        Metadata{{"ключ", "x"}}, Metadata{{"a", std::string(1, '\0')}}}) {
    const auto written_to = [&](const char* name) {
      return test::error_of([&] {
        if (std::string(name) == "a.png") return write_png(folder / name, image, bad);
        open_video(folder / name, {1, 1, 16, 16, 10, bad});
      });
    };
    for (const char* name : {"a.png", "a.mp4", "a.avi", "a.gif"})
      EXPECT_THAT(written_to(name), testing::AllOf(HasSubstr(name), HasSubstr("1 to 79")));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace vidgen::video
