#include "sparse.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "safetensors_header.h"
#include "vidgen/core/error.h"

namespace vidgen::checkpoint {
namespace {

constexpr const char* kSparse = "sparse.";
constexpr const char* kMask = "mask.";

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

/// A mask as eight elements a byte.
torch::Tensor pack_bits(const torch::Tensor& mask) {
  const auto bits = mask.to(torch::kCPU).ne(0).flatten().contiguous();
  const int64_t count = bits.numel();
  auto packed = torch::zeros({(count + 7) / 8}, torch::kByte);
  const bool* from = bits.data_ptr<bool>();
  auto* to = packed.data_ptr<uint8_t>();
  for (int64_t i = 0; i < count; ++i) {
    to[i / 8] = static_cast<uint8_t>(to[i / 8] | (from[i] ? 1 << (i % 8) : 0));
  }
  return packed;
}

/// uint8 [count], 0 or 1.
torch::Tensor unpack_bits(const torch::Tensor& packed, int64_t count) {
  auto mask = torch::empty({count}, torch::kByte);
  const auto* from = packed.data_ptr<uint8_t>();
  auto* to = mask.data_ptr<uint8_t>();
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<uint8_t>((from[i / 8] >> (i % 8)) & 1);
  return mask;
}

/// The tensors that stand for one.
struct Parts {
  torch::Tensor mask, values, shape;
};

/// The elements of a tensor of that shape, -1 when they do not fit the bytes of the mask, or even
/// without the dimensions that are 0 no tensor could have that many.
int64_t element_count(const Parts& parts, std::vector<int64_t>& shape) {
  const auto* sizes = parts.shape.data_ptr<int64_t>();
  shape.assign(sizes, sizes + parts.shape.numel());
  if (shape.size() > kMostDimensions) return -1;
  int64_t count = 1;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, std::max<int64_t>(size, 1), &count)) return -1;
    empty |= size == 0;
  }
  if (empty) count = 0;
  const int64_t bytes = parts.mask.numel();
  return count / 8 + (count % 8 == 0 ? 0 : 1) == bytes ? count : -1;
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& name,
                         const std::string& problem) {
  throw Error(core::cat(path.string(), ": tensor ", quoted(name), ": ", problem));
}

/// Takes one of the parts out of the tensors; kFloat stands for any floating point.
torch::Tensor take_part(Tensors& tensors, const std::string& name, torch::ScalarType type,
                        const std::filesystem::path& path) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) refuse(path, name, "is missing");
  const auto tensor = found->second;
  const bool right =
      type == torch::kFloat ? tensor.is_floating_point() : tensor.scalar_type() == type;
  if (!right || tensor.dim() != 1) {
    refuse(path, name,
           core::cat("is ", c10::toString(tensor.scalar_type()), " ", tensor.sizes(),
                     ", expected a list of ", c10::toString(type)));
  }
  tensors.erase(found);
  return tensor;
}

/// The weight and the mask that the parts of `name` stand for; takes them out of the tensors.
std::pair<torch::Tensor, torch::Tensor> expand(Tensors& tensors, const std::string& name,
                                               const std::filesystem::path& path) {
  const Parts parts{take_part(tensors, name + ".mask", torch::kByte, path),
                    take_part(tensors, name + ".values", torch::kFloat, path),
                    take_part(tensors, name + ".shape", torch::kLong, path)};
  std::vector<int64_t> shape;
  const int64_t count = element_count(parts, shape);
  if (count < 0) {
    refuse(path, name,
           core::cat("a mask of ", parts.mask.numel(), " bytes does not fit the shape ",
                     torch::IntArrayRef(shape)));
  }
  const auto mask = unpack_bits(parts.mask, count);
  const int64_t kept = mask.sum(torch::kLong).item<int64_t>();
  if (parts.values.numel() != kept) {
    refuse(path, name, core::cat("holds ", parts.values.numel(), " values, its mask keeps ", kept));
  }
  auto weight = torch::zeros({count}, parts.values.options());
  weight.masked_scatter_(mask.to(torch::kBool), parts.values);
  return {weight.view(shape), mask.view(shape)};
}

}  // namespace

Tensors with_sparse_weights(const Tensors& tensors, const std::string& prefix) {
  Tensors result = tensors;
  for (const auto& [name, mask] : tensors) {
    if (!starts_with(name, kMask)) continue;
    const auto full_name = prefix + name.substr(std::string(kMask).size());
    const auto found = tensors.find(full_name);
    if (found == tensors.end() || found->second.sizes() != mask.sizes()) continue;
    const auto kept = mask.to(torch::kCPU).ne(0);
    const auto weight = found->second.detach().to(torch::kCPU);
    if (weight.masked_select(kept.logical_not()).ne(0).any().item<bool>()) continue;
    result.erase(name);
    result.erase(full_name);
    const auto sparse = kSparse + full_name;
    result[sparse + ".mask"] = pack_bits(mask);
    result[sparse + ".values"] = weight.flatten().masked_select(kept.flatten());
    result[sparse + ".shape"] = torch::tensor(mask.sizes().vec(), torch::kLong);
  }
  return result;
}

void expand_sparse_weights(Tensors& tensors, const std::string& prefix,
                           const std::filesystem::path& path) {
  const std::string start = kSparse + prefix, end = ".mask";
  std::vector<std::string> names;
  for (const auto& item : tensors) {
    const auto& name = item.first;
    if (starts_with(name, start) && name.size() >= start.size() + end.size() &&
        name.compare(name.size() - end.size(), end.size(), end) == 0) {
      names.push_back(name.substr(start.size(), name.size() - start.size() - end.size()));
    }
  }
  for (const auto& name : names) {
    const auto [weight, mask] = expand(tensors, start + name, path);
    tensors[prefix + name] = weight;
    tensors[kMask + name] = mask;
  }
}

}  // namespace vidgen::checkpoint
