#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "vidgen/bench/bench.h"
#include "vidgen/checkpoint/run_folder.h"
#include "vidgen/core/files.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/lock.h"
#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/metrics/scores.h"
#include "vidgen/train/trainer.h"

namespace vidgen::bench {
namespace {

namespace fs = std::filesystem;
using core::cat;

core::Json finite_or_null(double value) {
  return std::isfinite(value) ? core::Json(value) : core::Json(nullptr);
}

bool is_met(const Target& target, double value) {
  return std::isfinite(value) && !metrics::is_better(target.metric, target.value, value);
}

/// What the evaluations of one run found.
class Course {
 public:
  explicit Course(const QualityOptions& quality) : quality_(quality) {}

  /// Whether the run is over: its targets are met, or the time is over.
  bool add(const train::Evaluation& found) {
    // What came too late does not count.
    if (quality_.max_minutes > 0 && found.seconds > 60 * quality_.max_minutes) return true;
    bool all_met = true;
    for (const auto& target : quality_.targets) {
      const double value = found.scores.at(target.metric);
      all_met = all_met && is_met(target, value);
      if (!std::isfinite(value)) continue;
      const auto [best, is_first] = best_.try_emplace(target.metric, Best{value, found.step});
      if (!is_first && metrics::is_better(target.metric, value, best->second.value))
        best->second = {value, found.step};
    }
    if (all_met) reached_ = found;
    return all_met;
  }

  bool is_reached() const { return reached_.has_value(); }

  /// Null is what was not reached.
  core::Json json() const {
    core::Json row{{"minutes", nullptr},
                   {"training_minutes", nullptr},
                   {"step", nullptr},
                   {"values", nullptr}};
    if (reached_) {
      row["minutes"] = reached_->seconds / 60;
      row["training_minutes"] = (reached_->seconds - reached_->in_evaluations) / 60;
      row["step"] = reached_->step;
      for (const auto& target : quality_.targets)
        row["values"][target.metric] = reached_->scores.at(target.metric);
    }
    for (const auto& target : quality_.targets) {
      const auto best = best_.find(target.metric);
      row["best"][target.metric] = best == best_.end() ? core::Json(nullptr)
                                                       : core::Json{{"value", best->second.value},
                                                                    {"step", best->second.step}};
    }
    return row;
  }

 private:
  struct Best {
    double value = 0;
    int64_t step = 0;
  };

  const QualityOptions& quality_;
  std::optional<train::Evaluation> reached_;
  std::map<std::string, Best> best_;
};

train::Goal goal_of(const QualityOptions& quality, Course& course) {
  train::Goal goal;
  for (const auto& target : quality.targets) goal.metrics.push_back(target.metric);
  goal.is_reached = [&course](const train::Evaluation& found) { return course.add(found); };
  goal.seconds = 60 * quality.max_minutes;
  return goal;
}

/// Why the run ended: "targets", "length", "max_minutes" or "diverged".
std::string train_to_the_goal(train::Trainer& trainer, const Course& course) {
  const int64_t seed = trainer.options().train.seed;
  bool has_diverged = false;
  try {
    if (trainer.run() == train::Trainer::End::kInterrupted) {
      core::log_info(cat("stopped at step ", trainer.step(), " with seed ", seed,
                         "; a measurement that was stopped begins anew"));
      throw core::Stopped();
    }
  } catch (const train::Diverged& diverged) {
    core::log_warning(cat("seed ", seed, ": ", diverged.problem()));
    has_diverged = true;
  }
  if (course.is_reached()) return "targets";
  if (has_diverged) return "diverged";
  return trainer.step() == trainer.run_length() ? "length" : "max_minutes";
}

core::Json measure_run(const train::RunOptions& options, const QualityOptions& quality) {
  const core::OutputFolder claim(options.run_dir);
  Course course(quality);
  train::Trainer trainer(options, goal_of(quality, course));
  if (quality.begin) quality.begin(trainer.options());
  core::log_info(cat("training with seed ", options.train.seed, " on ", trainer.device().str(),
                     " in ", train::precision_name(trainer.gan().precision()), ", at most ",
                     trainer.run_length(), " steps"));
  const auto started = std::chrono::steady_clock::now();
  const auto end = train_to_the_goal(trainer, course);
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - started;
  core::log_info(cat("seed ", options.train.seed, ": ",
                     course.is_reached() ? "reached" : "not reached", " after ", trainer.step(),
                     " steps, ", core::format_duration(passed.count())));
  core::Json row{{"seed", options.train.seed},
                 {"reached", course.is_reached()},
                 {"ended_by", end},
                 {"steps", trainer.step()}};
  row.update(course.json());
  return row;
}

/// Of all seeds; null where the middle one did not reach the targets.
core::Json median_of(const std::vector<core::Json>& rows, const char* key) {
  Samples samples;
  for (const auto& row : rows) {
    const auto& value = row.at(key);
    samples.seconds.push_back(value.is_null() ? std::numeric_limits<double>::infinity()
                                              : value.get<double>());
  }
  return finite_or_null(samples.median());
}

fs::path folder_of(const fs::path& parent, int64_t seed) { return parent / cat("seed-", seed); }

void check_quality_options(const train::TrainOptions& options, const QualityOptions& quality) {
  const int64_t every = options.evaluate.every;
  if (every == 0) {
    throw Error(
        "train.evaluate.every: found 0, expected the steps between two evaluations, as in --set "
        "train.evaluate.every=100");
  }
  if (every > options.steps) {
    throw Error(cat("train.evaluate.every: found ", every, ", expected at most ", options.steps,
                    " (train.steps): nothing would be evaluated"));
  }
  if (options.seed > std::numeric_limits<int64_t>::max() - (quality.seeds - 1)) {
    throw Error(cat("train.seed: found ", options.seed, ", expected a number that ", quality.seeds,
                    " seeds can begin with, at most 2^63-", quality.seeds));
  }
  if (quality.run_dir.empty()) return;
  for (int64_t i = 0; i < quality.seeds; ++i) {
    const auto folder = folder_of(quality.run_dir, options.seed + i);
    if (const auto newest = checkpoint::RunFolder(folder).newest_checkpoint()) {
      throw Error(cat(folder.string(), ": already holds a run (", newest->filename().string(),
                      "), expected another --run-dir"));
    }
  }
}

}  // namespace

core::Json bench_quality(const train::RunOptions& options, const QualityOptions& quality) {
  check_quality_options(options.train, quality);
  std::vector<core::Json> rows;
  for (int64_t i = 0; i < quality.seeds; ++i) {
    core::stop_if_interrupted();
    std::optional<core::TemporaryFolder> temporary;
    if (quality.run_dir.empty()) temporary.emplace();
    auto run = options;
    run.train.seed += i;
    run.run_dir =
        folder_of(temporary ? temporary->path() : quality.run_dir, run.train.seed).string();
    rows.push_back(measure_run(run, quality));
  }
  core::Json report;
  for (const auto& target : quality.targets) report["targets"][target.metric] = target.value;
  report["evaluate_every"] = options.train.evaluate.every;
  report["max_minutes"] = quality.max_minutes > 0 ? core::Json(quality.max_minutes) : nullptr;
  report["seeds"] = rows;
  for (const char* key : {"minutes", "training_minutes", "step"})
    report["median"][key] = median_of(rows, key);
  return report;
}

}  // namespace vidgen::bench
