#pragma once

#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/core/fields.h"
#include "vidgen/core/json.h"

/// What is another in a run that goes on than it was when its checkpoint was written.
namespace vidgen::train {

/// A key with two values; null where a list is too short to have it.
struct Change {
  std::string key;
  core::Json before;
  core::Json now;

  /// "0.0002 -> 0.0001".
  std::string values() const;
};

/// The keys in which two resolved configurations differ, in the order of the fields.
std::vector<Change> changes_between(const core::Json& before, const core::Json& now);

/// What may be done about a key of the configuration, such as "model.discriminators[1].widths".
core::AtResume at_resume(const std::string& key);

/// Throws vidgen::Error naming the first key that may not be another one, and how to begin a new
/// run with the checkpoint.
void refuse_what_is_not_free(const checkpoint::Checkpoint& checkpoint,
                             const std::vector<Change>& changes);

/// Whether a key of the data decides which real clips there are, and so what scores of evaluations
/// can be compared with.
bool changes_scores(const std::vector<Change>& changes);

}  // namespace vidgen::train
