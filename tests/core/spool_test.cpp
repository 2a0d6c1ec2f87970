#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/error.h"
#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::core {
namespace {

TEST(SpoolTest, GivesBackWhatWasWrittenAndHasNoName) {
  const TemporaryFolder folder;
  Spool spool(folder / "clip.gif");
  spool.write("abc", 3);
  spool.write("defg", 4);
  EXPECT_EQ(spool.size(), 7u);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  std::string part(3, ' ');
  spool.read(2, part.data(), part.size());
  EXPECT_EQ(part, "cde");
  EXPECT_NE(test::error_of([&] { spool.read(5, part.data(), part.size()); }), "");
}

TEST(SpoolTest, FolderThatIsNotThere) {
  EXPECT_THAT(test::error_of([] { Spool("/nowhere/clip.gif"); }),
              testing::HasSubstr("/nowhere/clip.gif"));
}

}  // namespace
}  // namespace vidgen::core
