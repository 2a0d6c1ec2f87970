#pragma once

#include <string>
#include <vector>

#include "vidgen/checkpoint/checkpoint.h"
#include "vidgen/data/evaluation.h"
#include "vidgen/data/options.h"

/// The real clips that generated ones are compared with, as `eval` and `compare` draw them.
namespace vidgen::cli {

/// Whether the run that the file is in names the same: the config.yaml of its folder, in which
/// weights.safetensors and checkpoints/ lie, has the same data.sources, data.cache_dir and
/// distill.teacher.
bool is_of_own_run(const checkpoint::Checkpoint& checkpoint);

/// What is asked of the user where it is not.
constexpr const char* kNotOfOwnRun =
    "names the data it was trained on, which is read only for a file inside a run's folder whose "
    "config.yaml names the same";

/// The data section of the checkpoint's configuration with assignments of its keys
/// ("data.validation_split=0.2"). The rest of it describes the training, which need not fit to what
/// is changed here. Without the sources and the cache folder that the file names, unless it is of
/// an own run (is_of_own_run()): those that are assigned are left, or none. Throws vidgen::Error
/// naming the key or the file.
data::DataOptions evaluation_data(const checkpoint::Checkpoint& checkpoint,
                                  const std::vector<std::string>& assignments = {});

struct RealClips {
  /// Generated ones that are compared with them are to be of clips.classes, if there are some.
  data::EvaluationClips clips;
  /// Where they come from, in words: "held-out clips".
  std::string origin;
  /// What the reader has to know to judge a comparison with them, a sentence each.
  std::vector<std::string> notes;
};

/// Of `source`, a video or a folder, or of the data's own sources where it is "". Where the real
/// clips have classes, none of others than `wanted.classes` is drawn. Throws vidgen::Error when
/// there are too few. With `source` the data's own videos need not be there any more, nor any be
/// named.
RealClips read_real_clips(const data::DataOptions& data, const std::string& source,
                          const data::EvaluationOptions& wanted);

}  // namespace vidgen::cli
