#include "vidgen/train/distill_options.h"

namespace vidgen::train {

void fields(core::FieldVisitor& visitor, DistillOptions& options) {
  visitor.path("teacher", options.teacher,
               "a run's folder, a checkpoint or a weights file; empty: there is no teacher");
  visitor.at_resume(core::AtResume::kInitFrom);
  visitor.field(
      "teacher_sha1", options.teacher_sha1,
      "SHA-1 of its file, by which a run that goes on knows it; filled in, or must be what is "
      "found");
  visitor.at_resume(core::AtResume::kFree);
  visitor.choice("output_loss", options.output_loss,
                 core::Choices<losses::OutputLoss>{{"l1", losses::OutputLoss::kL1},
                                                   {"mse", losses::OutputLoss::kMse}},
                 "how the clips of both are compared: mean absolute or mean squared difference");
  visitor.field("output", options.output, {0, 1e6},
                "weight of that difference in the generator's loss");
  visitor.field(
      "feature", options.feature, {0, 1e6},
      "weight of how much the places differ where their hidden stages of one resolution are "
      "active (attention transfer), which can be compared whatever the widths");
  visitor.field("adversarial", options.adversarial, {0, 1e6},
                "weight of the discriminators' term; at 0 there are none, and no clips are read "
                "to train on: the teacher is all that the student learns from");
}

void validate(const DistillOptions& options) {
  if (!options.enabled() || options.output > 0 || options.feature > 0) return;
  throw core::FieldError("distill.output",
                         "found 0 with distill.feature 0, expected more than 0 for one of them: "
                         "the teacher would teach nothing");
}

}  // namespace vidgen::train
