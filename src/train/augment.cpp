#include "vidgen/train/augment.h"

#include <cmath>

#include "augment_loops.h"

namespace vidgen::train {
namespace {

constexpr int64_t kColors = 3, kTranslation = 3, kCutout = 4, kTransformations = 5;

/// Whole numbers from 0 to count - 1, each as likely: int64, from numbers uniform in [0,1).
torch::Tensor whole_numbers(const torch::Tensor& uniform, int64_t count) {
  return (uniform * count).floor().to(torch::kLong);
}

int64_t pixels_of(double share, int64_t size) {
  return std::lround(share * static_cast<double>(size));
}

/// Rows (or columns) 0 to size - 1, counted from `begin` [B]: int64 [B,size].
torch::Tensor counted_from(const torch::Tensor& begin, int64_t size) {
  return torch::arange(size, begin.options()) - begin.unsqueeze(1);
}

torch::Tensor within(const torch::Tensor& positions, int64_t length) {
  return positions.ge(0).logical_and(positions.lt(length));
}

/// [B,H,W] from rows [B,H] and columns [B,W].
torch::Tensor rectangle(const torch::Tensor& rows, const torch::Tensor& columns) {
  return rows.unsqueeze(2).logical_and(columns.unsqueeze(1));
}

/// The clips where the mask [B,H,W] is true, 0 elsewhere.
torch::Tensor masked(const torch::Tensor& clips, const torch::Tensor& mask) {
  return clips * mask.unsqueeze(1).unsqueeze(1).to(clips.scalar_type());
}

/// Brightness, then saturation, then contrast, by amounts [B,3] of which 0 changes nothing. The
/// three together are linear in a pixel, the mean of its channels and the mean of the clip, which
/// saturation leaves as it is.
torch::Tensor colored(const torch::Tensor& clips, const torch::Tensor& amounts) {
  const auto amount = [&](int64_t i) { return amounts.select(1, i).reshape({-1, 1, 1, 1, 1}); };
  const auto brightness = amount(0), saturation = 1 + 2 * amount(1), contrast = 1 + amount(2);
  const auto grey = clips.mean(1, /*keepdim=*/true);
  const auto mean = grey.mean({1, 2, 3, 4}, /*keepdim=*/true);
  return clips * (contrast * saturation) +
         (grey * (contrast * (1 - saturation)) + (brightness + mean * (1 - contrast)));
}

/// Two whole numbers a clip: what `along` says of lines and of columns, or `otherwise`.
template <class Along>
torch::Tensor pairs(const torch::Tensor& clips, bool used, int64_t otherwise, const Along& along) {
  if (used) return torch::stack({along(0), along(1)}, 1);
  return torch::full({clips.size(0), 2}, otherwise, clips.options().dtype(torch::kLong));
}

/// How many lines further down and columns further right a pixel comes from: int64 [B,2].
torch::Tensor shifts(const torch::Tensor& clips, double share, const torch::Tensor& draws,
                     const torch::Tensor& applied) {
  return pairs(clips, share > 0, 0, [&](int64_t axis) {
    const int64_t most = pixels_of(share, clips.size(3 + axis));
    return (whole_numbers(draws.select(1, axis), 2 * most + 1) - most) * applied;
  });
}

/// The first line and column of squares of `side` pixels a side: int64 [B,2]; where they are not
/// applied, beyond all pictures.
torch::Tensor squares(const torch::Tensor& clips, int64_t side, const torch::Tensor& draws,
                      const torch::Tensor& applied) {
  const int64_t outside = -2 * side;
  return pairs(clips, side > 0, outside, [&](int64_t axis) {
    const int64_t size = clips.size(3 + axis);
    const auto first = whole_numbers(draws.select(1, axis), size + 1 - side % 2) - side / 2;
    return first.masked_fill(applied.logical_not(), outside);
  });
}

/// out[h, w] = in[h + shift[0], w + shift[1]], 0 outside.
torch::Tensor translated(const torch::Tensor& clips, const torch::Tensor& shift) {
  const int64_t height = clips.size(3), width = clips.size(4);
  const auto rows = counted_from(-shift.select(1, 0), height),
             columns = counted_from(-shift.select(1, 1), width);
  const auto from =
      (rows.clamp(0, height - 1) * width).unsqueeze(2) + columns.clamp(0, width - 1).unsqueeze(1);
  const auto pixels = clips.movedim(1, 4).flatten(2, 3);  // [B,T,H*W,C]
  const auto index = from.view({-1, 1, height * width, 1}).expand_as(pixels);
  const auto moved = pixels.gather(2, index).unflatten(2, {height, width}).movedim(4, 1);
  return masked(moved, rectangle(within(rows, height), within(columns, width)));
}

/// Squares are 0 whose middles lie anywhere in the picture, and which may reach beyond it.
torch::Tensor cut_out(const torch::Tensor& clips, const torch::Tensor& square, int64_t side) {
  const auto inside = [&](int64_t axis) {
    return within(counted_from(square.select(1, axis), clips.size(3 + axis)), side);
  };
  return masked(clips, rectangle(inside(0), inside(1)).logical_not());
}

}  // namespace

void fields(core::FieldVisitor& v, AugmentOptions& o) {
  v.field(
      "color", o.color, {0, 1},
      "Strength of random brightness (at 1: up to 0.5 is added or taken away), saturation (0 to 2 "
      "times) and contrast (0.5 to 1.5 times); DiffAugment takes 1, 0 leaves them out.");
  v.field(
      "translation", o.translation, {0, 0.5},
      "Clips are moved by up to this share of their size, grey coming in; DiffAugment takes 0.125, "
      "0 leaves it out.");
  v.field("cutout", o.cutout, {0, 1},
          "Side of a square that is blanked, as a share of the clip's; DiffAugment takes 0.5, 0 "
          "leaves it out.");
  v.field("probability", o.probability, {0, 1},
          "How likely each of the transformations is applied to a clip.");
  v.field("target", o.target, {0, 1},
          "Above 0 the probability begins at 0 and adapts itself (ADA, which takes 0.6): it grows "
          "while the mean sign of the logits of real clips is above the target, which is a sign of "
          "overfitting, and falls while it is below.");
  v.field(
      "adapt_clips", o.adapt_clips, {1, 1000000000000},
      "Clips in which the probability can go from 0 to 1, with a target; fewer follow faster and "
      "swing more.");
}

void validate(const AugmentOptions& options, losses::LossType loss) {
  if (options.target == 0) return;
  const auto found = core::cat("found ", options.target);
  if (!options.enabled()) {
    throw core::FieldError("augment.target",
                           found +
                               " without augment.color, augment.translation or augment.cutout, "
                               "expected one of them, or 0");
  }
  if (loss != losses::LossType::kNonSaturating && loss != losses::LossType::kHinge) {
    throw core::FieldError("augment.target",
                           found +
                               " with a loss.type under which the sign of a logit says nothing, "
                               "expected non_saturating or hinge, or 0");
  }
  if (options.probability != 1) {
    throw core::FieldError("augment.probability",
                           core::cat("found ", options.probability, " with augment.target ",
                                     options.target, ", which sets it; expected one of the two"));
  }
}

AugmentDraws draw_augment(int64_t clips, at::Generator generator) {
  AugmentDraws draws;
  draws.color = torch::rand({clips, kColors}, generator);
  draws.translation = torch::rand({clips, 2}, generator);
  draws.cutout = torch::rand({clips, 2}, generator);
  draws.chance = torch::rand({clips, kTransformations}, generator);
  return draws;
}

torch::Tensor augment(const AugmentOptions& options, const torch::Tensor& clips,
                      const AugmentDraws& draws, const torch::Tensor& probability) {
  TORCH_CHECK(clips.dim() == 5 && draws.chance.defined() && draws.chance.dim() == 2 &&
                  draws.chance.size(0) == clips.size(0),
              "expected clips [B,C,T,H,W] and draws for each, found ", clips.sizes());
  const auto applied = draws.chance.lt(probability);
  const auto amounts = options.color > 0
                           ? (draws.color - 0.5) * options.color * applied.narrow(1, 0, kColors)
                           : torch::zeros({clips.size(0), kColors}, draws.chance.options());
  const auto shift =
      shifts(clips, options.translation, draws.translation, applied.select(1, kTranslation));
  const int64_t side = pixels_of(options.cutout, clips.size(3));
  const auto square = squares(clips, side, draws.cutout, applied.select(1, kCutout));
  if (has_augment_loops(clips)) return augment_by_loops(clips, amounts, shift, square, side);
  auto out = clips.to(at::promote_types(clips.scalar_type(), torch::kFloat));
  if (options.color > 0) out = colored(out, amounts.to(out.scalar_type()));
  if (options.translation > 0) out = translated(out, shift);
  return side > 0 ? cut_out(out, square, side) : out;
}

Augmentation::Augmentation(const AugmentOptions& options, torch::Device device)
    : options_(options) {
  if (!options_.enabled()) return;
  probability_ = torch::full({}, options_.adapts() ? 0.0 : options_.probability,
                             torch::TensorOptions(device).dtype(torch::kFloat));
}

torch::Tensor Augmentation::apply(const torch::Tensor& clips, const AugmentDraws& draws) const {
  return options_.enabled() ? augment(options_, clips, draws, probability_) : clips;
}

void Augmentation::update(const torch::Tensor& mean_sign, int64_t clips) {
  if (!options_.adapts()) return;
  const torch::NoGradGuard no_grad;
  const double change = static_cast<double>(clips) / static_cast<double>(options_.adapt_clips);
  probability_.add_((mean_sign - options_.target).sign(), change).clamp_(0, 1);
}

void Augmentation::visit(checkpoint::StateVisitor& visitor, const std::string& prefix) {
  if (options_.adapts()) visitor.tensor(prefix + ".probability", probability_);
}

}  // namespace vidgen::train
