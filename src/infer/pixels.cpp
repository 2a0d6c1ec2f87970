#include "vidgen/infer/pixels.h"

#include "vidgen/kernels/pixel_lines.h"

namespace vidgen::infer {

torch::Tensor tanh_to_rgb(const torch::Tensor& sums, bool phases) {
  const int64_t copies = phases ? 4 : 1;
  const auto type = sums.scalar_type();
  TORCH_CHECK(sums.is_cpu() && (type == torch::kFloat || type == torch::kBFloat16) &&
                  sums.dim() == 4 && sums.size(2) == sums.size(3) &&
                  (sums.size(1) == copies || sums.size(1) == 3 * copies),
              "expected float32 or bfloat16 [M,", copies, " or ", 3 * copies,
              ",S,S] on the CPU, found ", type, " ", sums.sizes(), " on ", sums.device());
  const auto lying = sums.contiguous(torch::MemoryFormat::ChannelsLast);
  const int64_t pictures = lying.size(0), channels = lying.size(1) / copies;
  const int64_t side = phases ? 2 * (lying.size(2) - 1) : lying.size(2);
  auto rgb = torch::empty({pictures, side, side, 3}, torch::kU8);
  kernels::write_rgb(
      {lying.const_data_ptr(), type == torch::kBFloat16, pictures, side, channels, phases},
      rgb.mutable_data_ptr<uint8_t>());
  return rgb;
}

}  // namespace vidgen::infer
