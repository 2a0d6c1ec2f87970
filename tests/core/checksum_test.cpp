#include "vidgen/core/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace vidgen::core {
namespace {

TEST(ChecksumTest, IsXxh3) {
  EXPECT_EQ(checksum_text(checksum("", 0)), "2d06800538d394c2");
  EXPECT_EQ(checksum_text(Checksum().value()), "2d06800538d394c2");
  // Of xxhsum -H3.
  EXPECT_EQ(checksum_text(checksum("abc", 3)), "78af5f94892f3950");
}

TEST(ChecksumTest, PartsGiveWhatTheWholeGives) {
  std::string bytes(100000, ' ');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i / 7);
  for (const size_t part : {1u, 100u, 4096u, 99999u}) {
    Checksum sum;
    for (size_t i = 0; i < bytes.size(); i += part)
      sum.update(bytes.data() + i, std::min(part, bytes.size() - i));
    EXPECT_EQ(sum.value(), checksum(bytes.data(), bytes.size()));
  }
  EXPECT_NE(checksum(bytes.data(), 10, 1), checksum(bytes.data(), 10, 2));
}

}  // namespace
}  // namespace vidgen::core
