#include "vidgen/report/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ctime>

#include "support/error.h"
#include "support/events.h"
#include "support/full_disk.h"
#include "support/temporary_folder.h"

namespace vidgen::report {
namespace {

using ::testing::HasSubstr;

TEST(EventFileTest, HoldsWhatWasAdded) {
  const test::TemporaryFolder folder;
  EventFile file(folder / "run/tensorboard", 7);
  file.add_scalars(7, {{"loss_d", 0.1}, {"loss_g", -3e8}, {"bad", NAN}});
  video::Frame image{2, 3, 3, {}};
  for (uint8_t i = 0; i < 18; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 13));
  file.add_image(8, "samples", image);
  const std::string text = "# ä\n" + std::string(100000, 'x');
  file.add_text(int64_t{1} << 40, "config", text);

  const auto events = test::read_events(file.path());
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0].file_version, "brain.Event:2");
  EXPECT_EQ(events[1].session_status, 1);
  EXPECT_EQ(events[1].step, 7);
  for (const auto& event : events) {
    EXPECT_NEAR(event.wall_time, static_cast<double>(std::time(nullptr)), 60);
  }
  EXPECT_EQ(events[2].step, 7);
  ASSERT_EQ(events[2].values.size(), 3u);
  EXPECT_EQ(events[2].values[0].tag, "loss_d");
  EXPECT_EQ(events[2].values[0].number, 0.1f);
  EXPECT_EQ(events[2].values[1].number, -3e8f);
  EXPECT_TRUE(std::isnan(events[2].values[2].number.value()));

  ASSERT_EQ(events[3].values.size(), 1u);
  const auto& picture = events[3].values[0];
  EXPECT_EQ(picture.tag, "samples");
  EXPECT_EQ(picture.height, 2);
  EXPECT_EQ(picture.width, 3);
  EXPECT_EQ(picture.channels, 3);
  test::write_bytes(folder / "image.png", picture.image);
  EXPECT_EQ(video::read_image(folder / "image.png").pixels, image.pixels);

  EXPECT_EQ(events[4].step, int64_t{1} << 40);
  ASSERT_EQ(events[4].values.size(), 1u);
  EXPECT_EQ(events[4].values[0].plugin, "text");
  EXPECT_EQ(events[4].values[0].text, text);
}

TEST(EventFileTest, TheReaderNoticesDamage) {
  // The check value of CRC-32C (RFC 3720).
  EXPECT_EQ(test::crc32c("123456789"), 0xE3069283u);
  const test::TemporaryFolder folder;
  EventFile file(folder.path(), 0);
  file.add_scalars(1, {{"loss", 1}});
  const std::string good = test::read_bytes(file.path());
  EXPECT_EQ(test::read_records(good).size(), 3u);
  for (const size_t at : {size_t{0}, size_t{9}, size_t{15}, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_THROW(test::read_records(bad), std::runtime_error) << at;
  }
}

TEST(EventFileTest, NamesAreInTheOrderOfTime) {
  const test::TemporaryFolder folder;
  std::string before;
  for (int i = 0; i < 20; ++i) {
    const std::string name = EventFile(folder.path(), 0).path().filename();
    EXPECT_THAT(name, ::testing::StartsWith("events.out.tfevents."));
    EXPECT_LT(before, name);
    before = name;
  }
}

TEST(EventFileTest, WhatCannotBeWrittenIsAnError) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "file", "");
  EXPECT_THAT(test::error_of([&] { EventFile(folder / "file", 0); }), HasSubstr("file"));
  EventFile file(folder.path(), 0);
  const test::FullDisk full(1000);
  const auto message = test::error_of([&] { file.add_text(1, "tag", std::string(2000, 'x')); });
  EXPECT_THAT(message, HasSubstr("cannot write " + file.path().string()));
}

}  // namespace
}  // namespace vidgen::report
