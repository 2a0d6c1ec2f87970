#include "vidgen/nn/processor.h"

#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

namespace vidgen::nn {
namespace {

/// LibTorch does not export oneDNN's own answer (dnnl_get_effective_cpu_isa), so this reads what
/// oneDNN reads.
bool limit_is_one_of(const std::vector<std::string>& names) {
  const char* text = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (!text) text = std::getenv("DNNL_MAX_CPU_ISA");
  std::string limit = text ? text : "";
  std::transform(limit.begin(), limit.end(), limit.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return std::find(names.begin(), names.end(), limit) != names.end();
}

#ifdef __x86_64__
/// Which Clang 14 cannot ask for by name.
bool has_avx_vnni() {
  unsigned int eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & bit_AVXVNNI);
}
#endif

}  // namespace

bool computes_bfloat16() {
  if (!at::globalContext().hasMKLDNN()) return false;
  torch::jit::Stack stack;
  c10::Dispatcher::singleton()
      .findSchemaOrThrow("mkldnn::_is_mkldnn_bf16_supported", "")
      .callBoxed(stack);
  return stack.front().toBool();
}

bool has_bfloat16_instructions() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512bf16") && computes_bfloat16() &&
         !limit_is_one_of({"AVX512_CORE", "AVX512_CORE_VNNI"});
#else
  return false;
#endif
}

bool has_int8_instructions() {
#ifdef __x86_64__
  if (limit_is_one_of({"SSE41", "AVX", "AVX2", "AVX512_CORE"})) return false;
  const bool in_512_bits =
      __builtin_cpu_supports("avx512vnni") && !limit_is_one_of({"AVX2_VNNI", "AVX2_VNNI_2"});
  const bool in_256_bits = has_avx_vnni() && !limit_is_one_of({"AVX512_CORE_VNNI"});
  return in_512_bits || in_256_bits;
#else
  return true;
#endif
}

}  // namespace vidgen::nn
