#include "augment_loops.h"

#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "vidgen/kernels/change_pixels.h"
#include "vidgen/kernels/parallel.h"

namespace vidgen::train {
namespace {

using kernels::PixelChange;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// What becomes of each clip, as autograd carries it.
struct PixelChanges : torch::CustomClassHolder {
  std::vector<PixelChange> of;
};
using PixelChangesPtr = c10::intrusive_ptr<PixelChanges>;

PixelChangesPtr changes_in(const AutogradContext& context) {
  return c10::static_intrusive_pointer_cast<PixelChanges>(
      context.saved_data.at("changes").toCapsule());
}

kernels::ClipSize size_of(const torch::Tensor& pixels) {
  return {pixels.size(1), pixels.size(2), pixels.size(3), pixels.size(4)};
}

/// Pixels [B,T,H,W,C] from theirs.
struct ChangePixels : Function<ChangePixels> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& pixels,
                               const PixelChangesPtr& changes);
  static variable_list backward(AutogradContext* context, const variable_list& gradients);
};

/// The gradient of the pixels, of a type, from that of what they became.
struct ChangePixelsBack : Function<ChangePixelsBack> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& gradient,
                               const PixelChangesPtr& changes, at::ScalarType type) {
    context->saved_data["changes"] = c10::IValue::make_capsule(changes);
    const auto from = gradient.contiguous();
    const auto size = size_of(from);
    auto out = at::empty(from.sizes(), from.options().dtype(type));
    kernels::with_number(type, [&](auto number) {
      auto* to = out.mutable_data_ptr<decltype(number)>();
      const auto* given = from.const_data_ptr<float>();
      kernels::parallel_for(from.size(0), [&](int64_t i) {
        kernels::change_gradients(given + i * size.numbers(), size,
                                  changes->of[static_cast<size_t>(i)], to + i * size.numbers());
      });
    });
    return out;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    auto linear = c10::make_intrusive<PixelChanges>(*changes_in(*context));
    for (auto& change : linear->of) change.offset = 0;
    return {ChangePixels::apply(gradients[0], linear), {}, {}};
  }
};

torch::Tensor ChangePixels::forward(AutogradContext* context, const torch::Tensor& pixels,
                                    const PixelChangesPtr& changes) {
  context->saved_data["changes"] = c10::IValue::make_capsule(changes);
  context->saved_data["type"] = pixels.scalar_type();
  const auto from = pixels.contiguous();
  const auto size = size_of(from);
  auto out = at::empty(from.sizes(), from.options().dtype(at::kFloat));
  auto* to = out.mutable_data_ptr<float>();
  kernels::with_number(from.scalar_type(), [&](auto number) {
    const auto* given = from.const_data_ptr<decltype(number)>();
    kernels::parallel_for(from.size(0), [&](int64_t i) {
      kernels::change_pixels(given + i * size.numbers(), size, changes->of[static_cast<size_t>(i)],
                             to + i * size.numbers());
    });
  });
  return out;
}

variable_list ChangePixels::backward(AutogradContext* context, const variable_list& gradients) {
  return {ChangePixelsBack::apply(gradients[0], changes_in(*context),
                                  context->saved_data["type"].toScalarType()),
          {}};
}

torch::Tensor pixels_of(const torch::Tensor& clips) { return clips.permute({0, 2, 3, 4, 1}); }

}  // namespace

bool has_augment_loops(const torch::Tensor& clips) {
  return clips.is_cpu() &&
         (clips.scalar_type() == at::kFloat || clips.scalar_type() == at::kBFloat16) &&
         (clips.size(1) == 1 || clips.size(1) == 3) && pixels_of(clips).is_contiguous();
}

torch::Tensor augment_by_loops(const torch::Tensor& clips, const torch::Tensor& amounts,
                               const torch::Tensor& shift, const torch::Tensor& square,
                               int64_t side) {
  auto changes = c10::make_intrusive<PixelChanges>();
  const auto amount = amounts.accessor<float, 2>();
  const auto moved = shift.accessor<int64_t, 2>(), cut = square.accessor<int64_t, 2>();
  for (int64_t i = 0; i < clips.size(0); ++i) {
    PixelChange change;
    const float saturation = 1 + 2 * amount[i][1], contrast = 1 + amount[i][2];
    change.own = contrast * saturation;
    change.grey = contrast * (1 - saturation);
    change.level = 1 - contrast;
    change.offset = amount[i][0];
    change.down = moved[i][0];
    change.right = moved[i][1];
    change.top = cut[i][0];
    change.bottom = change.top + side;
    change.left = cut[i][1];
    change.right_end = change.left + side;
    changes->of.push_back(change);
  }
  return ChangePixels::apply(pixels_of(clips), changes).permute({0, 4, 1, 2, 3});
}

}  // namespace vidgen::train
