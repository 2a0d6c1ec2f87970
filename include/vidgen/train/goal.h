#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace vidgen::train {

/// What a run's averaged generator got in one evaluation.
struct Evaluation {
  int64_t step = 0;
  /// Since training began, with all that the run did, this evaluation too; and evaluations alone.
  double seconds = 0;
  double in_evaluations = 0;
  /// Of the goal's metrics, by their names; not a number where the clips do not allow one.
  std::map<std::string, double> scores{};
};

/// What may end a run before its length is done. What is trained until then does not depend on it.
struct Goal {
  /// Of metrics::score_names(): measured and logged in each evaluation, besides
  /// train.evaluate.metric and diversity.
  std::vector<std::string> metrics{};
  /// Asked after each evaluation; true ends the run.
  std::function<bool(const Evaluation&)> is_reached{};
  /// The run ends in any case after so many seconds of training, evaluations included; 0 does not
  /// limit.
  double seconds = 0;
};

}  // namespace vidgen::train
