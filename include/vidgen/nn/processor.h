#pragma once

/// What oneDNN, which computes convolutions on the CPU, makes use of: what the processor has, as
/// far as $ONEDNN_MAX_CPU_ISA allows it.
namespace vidgen::nn {

/// Whether it computes in bfloat16 at all, with instructions for it or, on AVX-512, without: then
/// it takes longer than float32. (LibTorch computes it otherwise elsewhere, many times slower.)
bool computes_bfloat16();

/// Whether it has instructions for bfloat16.
bool has_bfloat16_instructions();

/// Whether it has instructions for int8 that add up in 32 bits. Others saturate at 16.
bool has_int8_instructions();

}  // namespace vidgen::nn
