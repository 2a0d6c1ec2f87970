#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <optional>

#include "support/error.h"
#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

/// Files that are read in parts, and the folders of a user.
namespace vidgen::core {
namespace {

namespace fs = std::filesystem;

/// Sets a variable of the environment (nullptr: takes it away) until the end of the scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(FilesTest, ATildeIsTheHomeFolder) {
  const Variable home("HOME", "/home/ann");
  EXPECT_EQ(expand_home("~"), "/home/ann");
  EXPECT_EQ(expand_home("~/clips/~"), "/home/ann/clips/~");
  for (const std::string same : {"", "a", "a/~", "./~", "a~", "/~/b"})
    EXPECT_EQ(expand_home(same), same);
  EXPECT_THAT(test::error_of([] { expand_home("~bob/clips"); }),
              testing::AllOf(testing::HasSubstr("\"~bob/clips\""), testing::HasSubstr("./~bob")));
  const Variable homeless("HOME", nullptr);
  EXPECT_THAT(test::error_of([] { expand_home("~/clips"); }), testing::HasSubstr("HOME"));
}

TEST(FilesTest, ReadsAtAnyPlaceAndTellsWhereAFileEnds) {
  TemporaryFolder folder;
  std::ofstream(folder / "file") << "0123456789";
  std::ofstream(folder / "empty");
  const InputFile file(folder / "file");
  EXPECT_EQ(file.size(), 10u);
  std::string part(4, ' ');
  EXPECT_EQ(file.read(3, part.data(), 4), 4u);
  EXPECT_EQ(part, "3456");
  EXPECT_EQ(file.read(8, part.data(), 4), 2u);
  EXPECT_EQ(file.read(99, part.data(), 4), 0u);
  fs::resize_file(folder / "file", 5);
  EXPECT_EQ(file.read(3, part.data(), 4), 2u);
  EXPECT_EQ(InputFile(folder / "empty").size(), 0u);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const char* name : {"missing", "pipe", "."}) {
    EXPECT_THAT(test::error_of([&] { InputFile other(folder / name); }),
                testing::HasSubstr((folder / name).string()));
  }
}

TEST(FilesTest, PrivateFoldersAreNobodyElses) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "open");
  const auto open = fs::status(folder / "open").permissions();
  make_private_folder(folder / "open" / "a" / "b");
  make_private_folder(folder / "open" / "a" / "b");
  for (const char* name : {"open/a", "open/a/b"})
    EXPECT_EQ(fs::status(folder / name).permissions(), fs::perms::owner_all) << name;
  EXPECT_EQ(fs::status(folder / "open").permissions(), open);
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(test::error_of([&] { make_private_folder(folder / "file" / "a"); }),
              testing::HasSubstr((folder / "file" / "a").string()));
}

TEST(FilesTest, CachesAreKeptInAFolderOfTheUser) {
  const Variable no_cache("VIDGEN_CACHE", nullptr), no_xdg("XDG_CACHE_HOME", "");
  {
    const Variable home("HOME", "/home/ann");
    EXPECT_EQ(cache_folder(), "/home/ann/.cache/vidgen");
    const Variable xdg("XDG_CACHE_HOME", "/x");
    EXPECT_EQ(cache_folder(), "/x/vidgen");
    const Variable own("VIDGEN_CACHE", "/own");
    EXPECT_EQ(cache_folder(), "/own");
  }
  const Variable homeless("HOME", nullptr);
  const passwd* user = ::getpwuid(::getuid());
  if (user && fs::is_directory(user->pw_dir)) {
    EXPECT_EQ(cache_folder(), fs::path(user->pw_dir) / ".cache" / "vidgen");
  } else {
    EXPECT_THAT(test::error_of([] { cache_folder(); }), testing::HasSubstr("VIDGEN_CACHE"));
  }
}

}  // namespace
}  // namespace vidgen::core
