#include "vidgen/models/condition_encoder.h"

#include "class_embedding.h"

namespace vidgen::models {

std::shared_ptr<ConditionEncoder> make_condition_encoder(const ConditionOptions& options) {
  if (options.classes == 0) return nullptr;
  return std::make_shared<ClassEmbedding>(options.classes, options.class_dim);
}

}  // namespace vidgen::models
