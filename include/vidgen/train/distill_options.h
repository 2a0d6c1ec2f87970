#pragma once

#include <string>

#include "vidgen/core/fields.h"
#include "vidgen/losses/distillation.h"

namespace vidgen::train {

/// "distill", terms that a teacher adds to the generator's loss; fields() describes each.
struct DistillOptions {
  std::string teacher;
  /// with_teacher() sets it.
  std::string teacher_sha1;
  losses::OutputLoss output_loss = losses::OutputLoss::kL1;
  double output = 1;
  /// Weight of losses::feature_loss() of losses::spatial_attention().
  double feature = 0;
  double adversarial = 0;

  bool enabled() const { return !teacher.empty(); }
};

void fields(core::FieldVisitor& visitor, DistillOptions& options);

/// Throws core::FieldError when there is a teacher that would teach nothing.
void validate(const DistillOptions& options);

}  // namespace vidgen::train
