#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <numeric>
#include <set>
#include <thread>

#include "support/error.h"
#include "support/full_disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/queue.h"
#include "vidgen/core/random.h"
#include "vidgen/core/resources.h"
#include "vidgen/core/text.h"

namespace vidgen::core {
namespace {

namespace fs = std::filesystem;

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(AtomicFileTest, CommitReplacesTheOldContent) {
  TemporaryFolder folder;
  const auto path = folder.path() / "file.txt";
  std::ofstream(path) << "old";
  AtomicFile file(path);
  file.write("new content");
  file.write_at(0, "N", 1);
  EXPECT_EQ(read_file(path, 100), "old");
  file.commit();
  EXPECT_EQ(read_file(path, 100), "New content");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFileTest, WithoutCommitNothingIsLeft) {
  TemporaryFolder folder;
  { AtomicFile(folder.path() / "file.txt").write("lost"); }
  EXPECT_EQ(entries(folder.path()), 0u);
}

TEST(AtomicFileTest, FullDiskIsAnErrorAndKeepsTheOldFile) {
  TemporaryFolder folder;
  const auto path = folder.path() / "file.bin";
  std::ofstream(path) << "old";
  // A limit on the file size fails a write as a full disk does.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string large(10000, 'x');
  std::string message;
  try {
    AtomicFile file(path);
    file.write(large);
    file.commit();
  } catch (const Error& error) {
    message = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(message, testing::HasSubstr(path.string()));
  EXPECT_EQ(read_file(path, 100), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(AtomicFileTest, MissingFolderIsAnError) {
  EXPECT_THROW(AtomicFile("no/such/folder/file"), Error);
  EXPECT_THROW(check_can_create("no/such/folder/file"), Error);
  EXPECT_THROW(check_can_create("/proc/version/file"), Error);
}

TEST(AtomicFileTest, KeepsTheExtensionAndCleansUp) {
  TemporaryFolder folder;
  const auto path = folder.path() / "clip.mp4";
  {
    AtomicFile file(path);
    EXPECT_EQ(file.temporary().extension(), ".mp4");
    std::ofstream(file.temporary()) << "partial";
  }
  EXPECT_EQ(entries(folder.path()), 0u);
  {
    AtomicFile file(path);
    std::ofstream(file.temporary()) << "whole";
    file.commit();
  }
  EXPECT_EQ(read_file(path, 100), "whole");
}

TEST(AtomicFileTest, NamesMayBeAsLongAsTheSystemAllows) {
  TemporaryFolder folder;
  // Two that differ only beyond what a temporary name has room for, and one of wide characters.
  std::string wide;
  for (int i = 0; i < 83; ++i) wide += "\xe2\x82\xac";
  for (const std::string& name : {std::string(250, 'a') + "x.bin", std::string(250, 'a') + "y.bin",
                                  wide + "zz.bin", "b." + std::string(253, 'c')}) {
    ASSERT_EQ(name.size(), 255u);
    AtomicFile file(folder / name);
    AtomicFile other(folder / (std::string(250, 'a') + "z.bin"));
    file.write(name);
    file.commit();
    EXPECT_EQ(read_file(folder / name, 300), name);
    AtomicFile path(folder / name);
    EXPECT_LE(path.temporary().filename().string().size(), 255u);
    EXPECT_EQ(path.temporary().filename().string().find("\xe2\x82-"), std::string::npos);
  }
  EXPECT_EQ(AtomicFile(folder / (std::string(251, 'a') + ".mp4")).temporary().extension(), ".mp4");
  EXPECT_EQ(entries(folder.path()), 4u);
}

TEST(AtomicFileTest, LinksStayAndWhatTheyNameIsWritten) {
  TemporaryFolder folder;
  fs::create_directory(folder / "disk");
  std::ofstream(folder / "disk" / "old.txt") << "old";
  fs::create_symlink("disk/old.txt", folder / "relative");
  fs::create_symlink(folder / "relative", folder / "twice");
  fs::create_symlink(folder / "disk" / "new.txt", folder / "dangling");
  for (const auto& [link, target] : {std::pair{"twice", "old.txt"}, {"dangling", "new.txt"}}) {
    AtomicFile file(folder / link);
    file.write(std::string("through ") + link);
    EXPECT_EQ(entries(folder / "disk"), 2u) << "the file as it was, and the one under construction";
    file.commit();
    EXPECT_TRUE(fs::is_symlink(folder / link));
    EXPECT_EQ(read_file(folder / "disk" / target, 100), std::string("through ") + link);
  }
  EXPECT_TRUE(fs::is_symlink(folder / "relative"));
  AtomicFile path(folder / "twice");
  EXPECT_EQ(path.temporary().parent_path(), folder / "disk");
  fs::create_symlink("loop", folder / "loop");
  fs::create_symlink("gone/file", folder / "nowhere");
  EXPECT_THAT(test::error_of([&] { AtomicFile file(folder / "loop"); }),
              testing::HasSubstr("loop: Too many levels of symbolic links"));
  EXPECT_THAT(test::error_of([&] { check_can_create(folder / "nowhere"); }),
              testing::HasSubstr("no folder"));
}

TEST(AtomicFileTest, DevicesAndPipesAreNotReplaced) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("/dev/null", folder / "null");
  for (const char* name : {"pipe", "null"}) {
    EXPECT_THAT(test::error_of([&] { AtomicFile file(folder / name); }),
                testing::HasSubstr(std::string(name) + ": is not a regular file"));
  }
}

TEST(TextTest, CutsBetweenCharacters) {
  EXPECT_EQ(cut_utf8("abc", 3), "abc");
  EXPECT_EQ(cut_utf8("abc", 2), "ab");
  EXPECT_EQ(cut_utf8("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
  EXPECT_EQ(cut_utf8("a\xe2\x82\xac", 3), "a");
  EXPECT_EQ(cut_utf8("\xf0\x9f\x8e\xa5", 3), "");
  EXPECT_EQ(cut_utf8(std::string(9, '\x82'), 5), std::string(5, '\x82'));
}

TEST(FilesTest, AppendsWholePiecesOrSaysWhyNot) {
  TemporaryFolder folder;
  const auto path = folder.path() / "log";
  append_to_file(path, "one\n");
  append_to_file(path, std::string("t\0wo\n", 6));
  EXPECT_EQ(read_file(path, 100), std::string("one\nt\0wo\n", 10));
  EXPECT_THAT(test::error_of([&] { append_to_file(folder.path(), "x"); }),
              testing::HasSubstr("cannot write " + folder.path().string() + ": "));
  const test::FullDisk full(100);
  EXPECT_THAT(test::error_of([&] { append_to_file(path, std::string(200, 'x')); }),
              testing::HasSubstr("cannot write " + path.string() + ": "));
}

TEST(FilesTest, RemovesOnlyTemporaryFiles) {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "keep.mp4") << "x";
  std::ofstream(folder.path() / "lost.vidgen-tmp-0123456789abcdef.mp4") << "x";
  const AtomicFile in_work(folder.path() / "film.mp4");
  remove_temporary_files(folder.path());
  EXPECT_EQ(entries(folder.path()), 2u);
  EXPECT_TRUE(fs::exists(in_work.temporary()));
  EXPECT_TRUE(fs::exists(folder.path() / "keep.mp4"));
}

TEST(FilesTest, ReadFileRefusesWhatIsNotASmallRegularFile) {
  TemporaryFolder folder;
  std::ofstream(folder.path() / "big") << std::string(11, 'x');
  EXPECT_THROW(read_file(folder.path(), 10), Error);
  EXPECT_THROW(read_file(folder.path() / "missing", 10), Error);
  EXPECT_THROW(read_file(folder.path() / "big", 10), Error);
  EXPECT_EQ(read_file(folder.path() / "big", 11).size(), 11u);
}

TEST(FilesTest, TemporaryFoldersAreRemovedWithWhatIsInThem) {
  fs::path first;
  {
    const TemporaryFolder folder, other;
    first = folder.path();
    EXPECT_TRUE(fs::is_directory(first));
    EXPECT_NE(first, other.path());
    fs::create_directory(folder / "inner");
    std::ofstream(folder / "inner" / "file") << "x";
  }
  EXPECT_FALSE(fs::exists(first));
}

TEST(FilesTest, ExtensionsAreComparedInLowerCase) {
  EXPECT_EQ(lower_extension("folder.d/A.PNG"), ".png");
  EXPECT_EQ(lower_extension("a.tar.Gz"), ".gz");
  EXPECT_EQ(lower_extension("folder.d/a"), "");
  EXPECT_EQ(lower_extension(""), "");
}

TEST(BoundedQueueTest, DeliversEverythingInOrderAcrossThreads) {
  BoundedQueue<int> queue(3);
  std::thread producer([&] {
    for (int i = 0; i < 1000; ++i) queue.push(i);
    queue.close();
  });
  int expected = 0;
  while (auto item = queue.pop()) EXPECT_EQ(*item, expected++);
  EXPECT_EQ(expected, 1000);
  producer.join();
}

TEST(BoundedQueueTest, CloseWakesAProducerThatWaits) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::thread producer([&] { EXPECT_FALSE(queue.push(2)); });
  queue.close();
  producer.join();
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueueTest, ManyProducersAndConsumers) {
  BoundedQueue<int> queue(4);
  std::atomic<int> sum{0};
  std::vector<std::thread> consumers, producers;
  for (int i = 0; i < 3; ++i) {
    consumers.emplace_back([&] {
      while (auto item = queue.pop()) sum += *item;
    });
    producers.emplace_back([&] {
      for (int k = 1; k <= 500; ++k) queue.push(k);
    });
  }
  for (auto& thread : producers) thread.join();
  queue.close();
  for (auto& thread : consumers) thread.join();
  EXPECT_EQ(sum, 3 * 500 * 501 / 2);
}

TEST(RandomTest, PurposesAndIndicesAreIndependent) {
  EXPECT_EQ(derive_seed(1, "data"), derive_seed(1, "data"));
  EXPECT_NE(derive_seed(1, "data"), derive_seed(1, "latent"));
  EXPECT_NE(derive_seed(1, "data"), derive_seed(2, "data"));
  std::set<uint64_t> first;
  for (uint64_t i = 0; i < 1000; ++i) first.insert(CounterRandom(7, i).next());
  EXPECT_EQ(first.size(), 1000u);
}

TEST(RandomTest, BelowIsUniform) {
  std::vector<int> counts(10);
  CounterRandom random(3, 0);
  for (int i = 0; i < 10000; ++i) ++counts.at(static_cast<size_t>(random.below(10)));
  // Five standard deviations of a binomial(10000, 0.1).
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
  for (int i = 0; i < 1000; ++i) {
    const double u = random.uniform();
    EXPECT_TRUE(u >= 0 && u < 1);
  }
}

TEST(TextTest, NearestFindsMisspellings) {
  EXPECT_EQ(nearest("batchsize", {"steps", "batch_size"}), "batch_size");
  EXPECT_EQ(nearest("frmaes", {"frames", "size"}), "frames");
  EXPECT_EQ(nearest("zzzzzzz", {"frames", "size"}), "");
}

TEST(TextTest, ListsWithCommasInTheirParts) {
  using testing::ElementsAre;
  EXPECT_THAT(split_list("cats,dogs"), ElementsAre("cats", "dogs"));
  EXPECT_THAT(split_list(" cats , , big dogs "), ElementsAre("cats", "big dogs"));
  EXPECT_THAT(split_list(R"("tabby, cat",dog)"), ElementsAre("tabby, cat", "dog"));
  EXPECT_THAT(split_list(R"(tabby\, cat,dog)"), ElementsAre("tabby, cat", "dog"));
  EXPECT_THAT(split_list(R"(" a ",b\ )"), ElementsAre(" a ", "b "));
  EXPECT_THAT(split_list(R"(5",7)"), ElementsAre("5\"", "7")) << "a quote that is not closed";
  EXPECT_THAT(split_list(""), ElementsAre());
  const std::vector<std::string> names{"dog", "tabby, cat", "5\" cat", "a\\b", " x "};
  EXPECT_EQ(split_list(join_list(names)), names);
  EXPECT_EQ(join_list({"dog", "tabby, cat"}), "dog, \"tabby, cat\"");
}

TEST(TextTest, Globs) {
  EXPECT_TRUE(matches_glob("frame.main.0.weight", "frame.*"));
  EXPECT_TRUE(matches_glob("frame.main.0.weight", "*main.?.weight"));
  EXPECT_FALSE(matches_glob("frame.main.0.weight", "main.*"));
  EXPECT_TRUE(matches_glob("aab", "*ab"));
  EXPECT_FALSE(matches_glob("", "?"));
}

TEST(TextTest, Formats) {
  EXPECT_EQ(format_table({{"name", "size"}, {"a", "10"}, {"long", "5"}}),
            "name  size\na       10\nlong     5\n");
  EXPECT_EQ(format_duration(3723), "1:02:03");
  EXPECT_EQ(format_duration(65), "1:05");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1234567), "1.23 MB");
}

TEST(MemoryTest, PeakBeginsAnew) {
  constexpr size_t kBytes = 64 << 20;
  // Past the allocator, which may keep what is freed.
  void* large = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(large, MAP_FAILED);
  std::memset(large, 1, kBytes);
  EXPECT_GE(peak_memory_bytes(), kBytes);
  EXPECT_GE(resident_memory_bytes(), kBytes);
  ASSERT_EQ(::munmap(large, kBytes), 0);
  const uint64_t before = peak_memory_bytes();
  EXPECT_LE(resident_memory_bytes(), before);
  if (!reset_peak_memory()) GTEST_SKIP() << "the system does not allow it";
  EXPECT_LT(peak_memory_bytes(), before - kBytes / 2);
}

}  // namespace
}  // namespace vidgen::core
