#include "vidgen/train/trainer.h"

#include "vidgen/core/interrupt.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/data/cache.h"
#include "vidgen/data/clip_rates.h"
#include "vidgen/data/dataset.h"
#include "vidgen/data/evaluation.h"
#include "vidgen/models/pixels.h"
#include "vidgen/train/changes.h"
#include "vidgen/train/device.h"
#include "vidgen/train/init_from.h"

namespace vidgen::train {
namespace {

using core::cat;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Trainer::Trainer(const RunOptions& options, Goal goal)
    : options_(completed(options)),
      goal_(std::move(goal)),
      device_(resolve_device(options.train.device)),
      folder_(options.run_dir),
      shape_(clip_shape(options.data)),
      run_length_(options.train),
      previews_(options.train, Clock::now()),
      watch_(options_) {
  set_up_libtorch(options_.train);
  gan_ = std::make_unique<GanStep>(options_, device_);
  memory_ = estimate_memory(options_, *gan_);
  check_memory(memory_, device_);
  if (options_.reads_clips()) open_clips();
  if (options_.distill.enabled()) load_teacher();
  meters_.emplace(*gan_, device_);
}

void Trainer::open_clips() {
  const auto cache = data::prepare_clips(options_.data);
  videos_.emplace(cache.videos);
  dataset_ = std::make_shared<data::ClipDataset>(options_.data, cache, data::Split::kTrain);
  const data::ClipRates rates(options_.data, cache);
  shape_.fps = rates.usual();
  if (const auto differ = rates.differences(); !differ.empty()) core::log_warning(differ);
  if (options_.train.evaluate.every > 0) {
    watch_.set_evaluator(std::make_unique<const Evaluator>(options_, cache, goal_.metrics));
  }
}

void Trainer::load_teacher() {
  const auto teacher = checkpoint::read_description(options_.distill.teacher);
  if (shape_.fps == 0) shape_.fps = teacher.clip.fps;
  passes_ = student_passes(teacher, options_.distill);
}

void Trainer::visit(checkpoint::StateVisitor& visitor) {
  gan_->visit(visitor);
  meters_->visit(visitor);
  watch_.visit(visitor);
}

void Trainer::start_loader() {
  if (!options_.is_adversarial()) return;
  loader_ = std::make_unique<data::ClipLoader>(dataset_, loader_options(options_, device_, step_));
  feed_.emplace([this] { return loader_->next(); }, device_);
}

void Trainer::train_one_step() {
  gan_->set_run_length(run_length());
  gan_->run(step_, [this] { return feed_->next(); });
  if (feed_) feed_->prefetch();
  ++step_;
  meters_->add(*gan_, step_);
}

void Trainer::check_losses() {
  if (const auto bad = meters_->bad_loss(*gan_))
    diverged(gan_->metric_names()[bad->first], bad->second);
}

void Trainer::diverged(const std::string& name, int64_t step) const {
  throw Diverged(
      cat(name, " is not finite at step ", step),
      cat(last_good_ ? cat("The last good checkpoint is ", last_good_->string())
                     : std::string("There is no checkpoint yet"),
          ". Lower the learning rate, set optim.clip_grad_norm, or use train.precision: float32"));
}

void Trainer::write_log_line() {
  check_losses();
  core::Json line{{"step", step_}};
  if (due(options_.train.log_every)) add_means(line);
  if (due(options_.train.evaluate.every)) evaluate(line);
  journal_->log(line);
}

void Trainer::evaluate(core::Json& line) {
  const auto started = Clock::now();
  gan_->calibrate();
  watch_.evaluate(gan_->ema_generator(), step_, line);
  // The speed in the log is that of training.
  meters_->exclude(Clock::now() - started);
  seconds_in_evaluations_ += seconds_since(started);
  if (!goal_.is_reached) return;
  Evaluation found{step_, seconds_since(began_), seconds_in_evaluations_};
  for (const auto& name : goal_.metrics) found.scores[name] = line.at(name);
  is_over_ = goal_.is_reached(found);
}

void Trainer::add_means(core::Json& line) {
  meters_->write_means(*gan_, line);
  line["clips_per_second"] =
      meters_->steps_per_second() *
      static_cast<double>(options_.train.batch_size * options_.train.accumulate);
  watch_.check_saturation(*gan_, *meters_, step_);
  const auto loss_d = line.find("loss_d");
  progress_->update(
      step_,
      cat(loss_d == line.end() ? std::string() : cat("D ", core::format_number(*loss_d, 3), "  "),
          "G ", core::format_number(line["loss_g"], 3), "  ",
          core::format_number(line["clips_per_second"], 1), " clips/s"));
  meters_->reset();
}

torch::Tensor Trainer::render_samples() {
  gan_->calibrate();
  auto random = random_stream(options_.train.seed, "sample", 0);
  const int64_t clips = options_.train.sample_clips;
  auto latents = models::draw_latents(options_.model.temporal, clips, shape_.frames, random);
  latents.condition = models::ConditionSampler(options_.model.condition()).in_turn(clips);
  return models::render(gan_->ema_generator(), latents);
}

void Trainer::write_samples() {
  journal_->samples(step_, render_samples(), shape_.fps);
  previews_.made(step_, Clock::now());
}

void Trainer::show_the_start() {
  previews_ = PreviewSchedule(options_.train, Clock::now());
  // What a run before this one left where it was stopped; of a run that begins, it is another's.
  if (step_ > 0 && saved_ && folder_.has_samples(step_)) previews_.made(step_, Clock::now());
  if (previews_.enabled() && dataset_) {
    const auto seed = static_cast<uint64_t>(options_.train.seed);
    journal_->real_clips(data::draw_clips(*dataset_, options_.train.sample_clips, seed),
                         shape_.fps);
  }
  if (step_ == 0 && previews_.is_missing(0)) write_samples();
  journal_->update_page(step_, run_length(), RunState::kTraining);
}

void Trainer::show_the_end() {
  if (previews_.is_missing(step_)) write_samples();
  journal_->update_page(step_, run_length(), RunState::kEnded);
}

checkpoint::Checkpoint Trainer::describe(checkpoint::Kind kind, std::filesystem::path path) const {
  checkpoint::Checkpoint result;
  result.path = std::move(path);
  result.kind = kind;
  result.config = core::write_fields(options_);
  result.clip = shape_;
  result.step = step_;
  result.passes = passes_;
  return result;
}

void Trainer::write_checkpoint() {
  check_losses();
  gan_->calibrate();
  // A checkpoint that is on the disk has its log there.
  if (journal_) journal_->flush();
  write_state(folder_.checkpoint(step_));
  last_good_ = folder_.checkpoint(step_);
  saved_ = true;
  folder_.keep_newest(options_.train.keep_checkpoints);
}

void Trainer::write_state(const std::filesystem::path& path) {
  checkpoint::StateSaver saver;
  visit(saver);
  run_length_.visit(saver);
  if (videos_) saver.metadata[kVideosKey] = videos_->text();
  saver.metadata[kMetersKey] = core::join(gan_->metric_names());
  note_threads(saver.metadata, device_);
  for (const auto& [name, tensor] : saver.tensors) {
    if (!tensor.isfinite().all().item<bool>()) diverged(name, step_);
  }
  auto file = describe(checkpoint::Kind::kCheckpoint, path);
  file.file = {std::move(saver.metadata), std::move(saver.tensors)};
  checkpoint::write_checkpoint(file);
}

void Trainer::write_weights() {
  checkpoint::StateSaver saver;
  gan_->visit(saver);
  auto file = describe(checkpoint::Kind::kWeights, folder_.weights());
  for (auto& [name, tensor] : saver.tensors) {
    if (name.compare(0, 4, "ema.") == 0) file.file.tensors["generator." + name.substr(4)] = tensor;
    if (name.compare(0, 5, "mask.") == 0) file.file.tensors[name] = tensor;
  }
  checkpoint::write_checkpoint(file);
}

void Trainer::write_best() {
  write_state(folder_.best());
  best_is_kept_ = true;
}

void Trainer::find_best_file() {
  if (watch_.best_step() < 0) return;
  best_is_kept_ = watch_.keeps_best(folder_.best());
  if (best_is_kept_) return;
  if (watch_.best_step() == step_) return write_best();
  // The run goes on in another folder, or somebody took the file away.
  core::log_info(cat(folder_.best().string(), ": is not that of step ", watch_.best_step(),
                     ", the best generator so far; looking for the best from now on"));
  watch_.forget_best();
}

void Trainer::write_what_is_due() {
  const auto& train = options_.train;
  if (due(train.log_every) || due(train.evaluate.every)) write_log_line();
  progress_->update(step_);
  const bool preview = previews_.is_due(step_, Clock::now());
  if (preview) write_samples();
  // A new best comes with a checkpoint: the newest one always names what best.safetensors holds.
  const bool best = watch_.best_step() == step_;
  if (due(train.checkpoint_every) || best) write_checkpoint();
  if (best) write_best();
  if (preview || saved_) journal_->update_page(step_, run_length(), RunState::kTraining);
}

void Trainer::write_last_checkpoint() {
  try {
    write_checkpoint();
  } catch (const Diverged& problem) {
    restore_best(problem);
    write_checkpoint();
  }
}

void Trainer::restore_best(const Diverged& problem) {
  const bool wanted = options_.train.on_divergence == OnDivergence::kRestoreBest;
  if (!wanted || !best_is_kept_ || watch_.was_restored()) throw problem;
  try {
    load_state(checkpoint::read_checkpoint(folder_.best())).finish();
  } catch (const checkpoint::Damaged& damaged) {
    core::log_warning(damaged.what());
    throw problem;
  }
  watch_.note_restored();
  meters_->forget_bad_losses();
  meters_->reset();
  core::log_warning(cat(problem.problem(), ": step ", step_, " goes on from the state of step ",
                        watch_.best_step(),
                        ", the best so far. If that happens again, lower the learning rates, or "
                        "set optim.clip_grad_norm"));
}

void Trainer::keep_time(double seconds) {
  const bool other = run_length_.passed(step_, seconds);
  progress_->set_total(run_length());
  if (!other) return;
  core::log_info(cat("step ", step_, ": the run has ", run_length(), " steps (train.minutes ",
                     options_.train.minutes, ", train.steps ", options_.train.steps, ")"));
}

void Trainer::train_to_the_end() {
  meters_->start_clock();
  auto started = began_ = Clock::now();
  while (step_ < run_length() && !is_over_ && !core::interrupted()) {
    train_one_step();
    keep_time(seconds_since(started));
    started = Clock::now();
    saved_ = false;
    try {
      write_what_is_due();
      if (core::take_save_request()) {
        if (!saved_) write_checkpoint();
        core::log_info(cat("saved ", folder_.checkpoint(step_).string(), ", as SIGUSR1 asks"));
      }
    } catch (const Diverged& problem) {
      restore_best(problem);
    }
    if (goal_.seconds > 0 && seconds_since(began_) >= goal_.seconds) is_over_ = true;
  }
  if (!saved_) write_last_checkpoint();
}

checkpoint::StateLoader Trainer::load_state(const checkpoint::Checkpoint& checkpoint) {
  RunOptions stored;
  checkpoint.read_options(checkpoint.config, stored);
  checkpoint::StateLoader loader(checkpoint.path, checkpoint.file);
  loader.let_begin_anew(switched_state(stored, options_));
  visit(loader);
  const auto& metadata = checkpoint.file.metadata;
  const auto names = metadata.find(kMetersKey);
  const bool others = names != metadata.end() && names->second != core::join(gan_->metric_names());
  if (others || loader.begun_anew().count("meters.sums") > 0) meters_->reset();
  return loader;
}

void Trainer::resume(const checkpoint::Checkpoint& checkpoint) {
  Resumption resumption(checkpoint, options_);
  gan_->set_masks(checkpoint.tensors_under("mask."));
  auto loader = load_state(checkpoint);
  run_length_.visit(loader);
  loader.finish();
  watch_.forget_best_without_score(checkpoint);
  step_ = checkpoint.step;
  passes_ = checkpoint.passes;
  last_good_ = checkpoint.path;
  if (resumption.changes_length()) run_length_.count_anew(step_);
  warn_of_other_threads(checkpoint, device_);
  core::log_info(cat("resumed from ", checkpoint.path.string(), " at step ", step_));

  resumption.add_videos(videos_);
  resumption.add_state(loader);
  if (watch_.best_step() >= 0 && !resumption.keeps_scores()) {
    resumption.add_best_forgotten(watch_.best_step());
    watch_.forget_best();
  }
  if (const auto event = resumption.tell(); !event.is_null()) events_.push_back(event);
}

void Trainer::init_from(checkpoint::Checkpoint start) {
  auto passes = take_what_fits(*gan_, std::move(start));
  // A student's passes begin with those of its teacher.
  if (options_.distill.enabled()) {
    passes_.push_back(passes.back());
  } else {
    passes_ = std::move(passes);
  }
}

void Trainer::begin_with(const checkpoint::Checkpoint& start) {
  checkpoint::load_weights(start, *gan_->generator());
  checkpoint::load_weights(start, *gan_->ema_generator());
  gan_->set_masks(start.tensors_under("mask."));
  passes_ = start.passes;
  folder_.create();
  write_checkpoint();
}

Trainer::End Trainer::run() {
  journal_ = std::make_unique<Journal>(options_, step_);
  if (step_ == 0) events_.push_back(init_event(passes_));
  for (const auto& event : events_) journal_->event(step_ + 1, event);
  progress_ = std::make_unique<core::Progress>("step", run_length(), step_);
  find_best_file();
  saved_ = last_good_ && *last_good_ == folder_.checkpoint(step_);
  start_loader();
  show_the_start();
  try {
    train_to_the_end();
  } catch (const Diverged&) {
    journal_->update_page(step_, run_length(), RunState::kEnded);
    throw;
  }
  const bool finished = is_over_ || step_ == run_length();
  if (finished) write_weights();
  show_the_end();
  if (!finished) return End::kInterrupted;
  progress_->finish();
  return End::kFinished;
}

}  // namespace vidgen::train
