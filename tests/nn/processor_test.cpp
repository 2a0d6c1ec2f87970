#include "vidgen/nn/processor.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace vidgen::nn {
namespace {

/// With what oneDNN may use at most, for as long as it lives.
class IsaLimit {
 public:
  explicit IsaLimit(const char* isa) { ::setenv("ONEDNN_MAX_CPU_ISA", isa, 1); }
  ~IsaLimit() { ::unsetenv("ONEDNN_MAX_CPU_ISA"); }
};

TEST(ProcessorTest, InstructionsThatOneDnnMayNotUseDoNotCount) {
  if (std::getenv("ONEDNN_MAX_CPU_ISA")) GTEST_SKIP() << "$ONEDNN_MAX_CPU_ISA is set";
  const bool bfloat16 = has_bfloat16_instructions(), int8 = has_int8_instructions();
  for (const char* isa : {"AVX512_CORE", "avx512_core"}) {
    const IsaLimit limit(isa);
    EXPECT_FALSE(has_bfloat16_instructions()) << isa;
    EXPECT_FALSE(has_int8_instructions()) << isa;
  }
  for (const char* isa : {"AVX512_CORE_AMX", "ALL", "misspelt"}) {
    const IsaLimit limit(isa);
    EXPECT_EQ(has_bfloat16_instructions(), bfloat16) << isa;
    EXPECT_EQ(has_int8_instructions(), int8) << isa;
  }
  const IsaLimit limit("AVX2");
  EXPECT_FALSE(has_int8_instructions());
}

}  // namespace
}  // namespace vidgen::nn
