#include "vidgen/compress/prune.h"

#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include "commands.h"
#include "output.h"
#include "real_clips.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/compress/finetune.h"
#include "vidgen/compress/structured.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/interrupt.h"
#include "vidgen/core/lock.h"
#include "vidgen/core/log.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

using core::cat;
using core::format_number;

struct PruneArguments {
  std::string checkpoint;
  std::filesystem::path out;
  std::string method = "magnitude";
  double sparsity = 0;
  compress::PruneOptions prune;
  std::string scope = "layer";
  std::string pattern;
  compress::StructuredOptions structured;
  std::string importance = "taylor";
  std::string allocation = "sensitivity";
  std::string finetune_method = "adversarial";
  /// Whether the result keeps what training goes on with.
  bool state = false;
  /// With 0 steps there is none.
  compress::FinetuneOptions finetune{compress::FinetuneMethod::kAdversarial, 0, {}};

  bool has_scope = false;
  bool has_structured = false;
  /// The options as they were typed, without RUN.
  std::vector<std::string> typed;

  bool is_structured() const { return method == "structured"; }
  bool is_finetuned() const { return finetune.steps > 0; }
  /// Whether the state of the training is read, not the generator alone.
  bool reads_state() const {
    return state || (is_finetuned() && finetune.method == compress::FinetuneMethod::kAdversarial);
  }
};

/// Below this PSNR to the original, in dB, pictures are visibly other ones.
constexpr double kLowPsnr = 35;

std::string format_rows(const std::vector<compress::PruneRow>& rows) {
  std::vector<std::vector<std::string>> table{{"layer", "weights", "kept", "kept %", "threshold"}};
  int64_t weights = 0, kept = 0;
  const auto percent = [](int64_t part, int64_t all) {
    return format_number(
        100.0 * static_cast<double>(part) / static_cast<double>(std::max<int64_t>(all, 1)), 1);
  };
  for (const auto& row : rows) {
    weights += row.weights;
    kept += row.kept;
    table.push_back({row.name, std::to_string(row.weights), std::to_string(row.kept),
                     percent(row.kept, row.weights), format_number(row.threshold, 6)});
  }
  table.push_back({"all", std::to_string(weights), std::to_string(kept), percent(kept, weights)});
  return core::format_table(table) +
         "Dense kernels compute with zeros too: this gains no speed (--method structured does).\n";
}

std::string format_report(const compress::StructuredReport& report) {
  std::vector<std::string> heading{"stage", "channels", "kept"};
  for (const double share : compress::kSensitivityShares)
    heading.push_back(cat("PSNR -", format_number(100 * share, 0), " %"));
  std::vector<std::vector<std::string>> table{heading};
  for (const auto& stage : report.stages) {
    auto& row = table.emplace_back();
    row = {cat(stage.resolution, "x", stage.resolution), std::to_string(stage.width),
           std::to_string(stage.kept)};
    for (const double psnr : stage.psnr) row.push_back(format_number(psnr, 1));
  }
  const double removed = 1 - report.flops_after / report.flops_before;
  return cat(core::format_table(table),
             "PSNR: clips to the original's, in dB, when that stage alone loses such a share\n",
             "arithmetic  ", format_number(report.flops_before / 1e6, 1), " -> ",
             format_number(report.flops_after / 1e6, 1), " MFLOP a clip (",
             format_number(100 * removed, 1), " % less) in the frame generator\n", "parameters  ",
             report.parameters_before, " -> ", report.parameters_after, "\n");
}

core::Json pass_options(const PruneArguments& arguments) {
  core::Json options{{"method", arguments.method}};
  if (arguments.prune.pattern) {
    options["pattern"] = arguments.pattern;
  } else {
    options["sparsity"] = arguments.sparsity;
  }
  if (arguments.is_structured()) {
    options["importance"] = arguments.importance;
    options["allocation"] = arguments.allocation;
    options["multiple"] = arguments.structured.allocation.multiple;
    return options;
  }
  if (!arguments.prune.pattern) options["scope"] = arguments.scope;
  if (!arguments.prune.include.empty()) options["include"] = arguments.prune.include;
  if (!arguments.prune.exclude.empty()) options["exclude"] = arguments.prune.exclude;
  return options;
}

/// In quotes where a shell would take it apart.
std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_./,:=+-") == std::string::npos;
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// What makes up for a low PSNR: the same command with fine-tuning.
std::string advice(const PruneArguments& arguments) {
  std::string command = cat("vidgen prune ", shell_word(arguments.checkpoint));
  for (const auto& word : arguments.typed) command += " " + shell_word(word);
  return cat("Below ", kLowPsnr,
             " dB the pictures have changed visibly. Fine-tuning comes next; it "
             "needs no videos:\n  ",
             command, " --finetune distill --finetune-steps 1000\n");
}

std::string psnr_lines(double psnr, const PruneArguments& arguments) {
  const bool advised = psnr < kLowPsnr && !arguments.is_finetuned();
  return cat("PSNR        ",
             std::isinf(psnr) ? "the same pictures as the original"
                              : format_number(psnr, 1) + " dB to the original",
             arguments.is_finetuned() ? ", before fine-tuning" : "", "\n",
             advised ? advice(arguments) : "");
}

/// Prunes as the arguments say, adds the pass, and returns the table.
std::string prune(checkpoint::Checkpoint& checkpoint, const PruneArguments& arguments) {
  std::string table;
  double psnr = 0;
  if (arguments.is_structured()) {
    const auto report = compress::prune_structured(checkpoint, arguments.structured);
    table = format_report(report);
    psnr = report.psnr;
  } else {
    const auto original = checkpoint;
    table = format_rows(compress::prune_checkpoint(checkpoint, arguments.prune));
    psnr = compress::psnr_between(original, checkpoint);
  }
  checkpoint::add_pass(checkpoint, "prune", pass_options(arguments));
  return table + psnr_lines(psnr, arguments);
}

compress::Importance importance_of(const std::string& name) {
  if (name == "l1") return compress::Importance::kL1;
  return name == "bn" ? compress::Importance::kBatchNorm : compress::Importance::kTaylor;
}

/// Completes the options from the texts. Throws vidgen::Error when they do not go together.
void complete(PruneArguments& arguments) {
  auto& prune = arguments.prune;
  const bool unstructured =
      !arguments.pattern.empty() || !prune.include.empty() || !prune.exclude.empty();
  if (arguments.is_structured() && unstructured)
    throw Error("--pattern, --include, --exclude: go with --method magnitude only");
  if (arguments.is_structured() && arguments.has_scope)
    throw Error("--scope: goes with --method magnitude only");
  if (!arguments.is_structured() && arguments.has_structured)
    throw Error("--importance, --allocation, --multiple: go with --method structured only");
  if (!arguments.pattern.empty()) prune.pattern = compress::parse_pattern(arguments.pattern);
  prune.sparsity = arguments.sparsity;
  prune.scope =
      arguments.scope == "global" ? compress::PruneScope::kGlobal : compress::PruneScope::kLayer;
  arguments.structured.allocation.sparsity = arguments.sparsity;
  arguments.structured.importance = importance_of(arguments.importance);
  if (arguments.allocation == "uniform")
    arguments.structured.allocation.allocation = compress::Allocation::kUniform;
  if (arguments.finetune_method == "distill") {
    arguments.finetune.method = compress::FinetuneMethod::kDistill;
  }
  // The result's name without its extension.
  arguments.finetune.run_dir = std::filesystem::path(arguments.out).replace_extension();
}

checkpoint::Checkpoint finetune(checkpoint::Checkpoint checkpoint,
                                const PruneArguments& arguments) {
  const checkpoint::RunFolder folder(arguments.finetune.run_dir);
  auto result =
      compress::finetune(std::move(checkpoint), arguments.finetune,
                         [&folder](const train::RunOptions& used) { save_config(folder, used); });
  if (result) return std::move(*result);
  core::log_info(cat("stopped, saved ", folder.newest_checkpoint().value().string(),
                     ". The same command goes on"));
  throw core::Stopped();
}

void run(PruneArguments arguments) {
  complete(arguments);
  Outputs outputs;
  outputs.claim_file("--out", arguments.out, ".safetensors");
  auto checkpoint = checkpoint::read_trained(
      arguments.checkpoint,
      arguments.reads_state() ? checkpoint::Prefer::kCheckpoint : checkpoint::Prefer::kWeights);
  if (arguments.state && checkpoint.kind != checkpoint::Kind::kCheckpoint) {
    throw Error(cat("--state: ", checkpoint.path.string(),
                    " holds no state of the training, expected a checkpoint"));
  }
  if (!arguments.reads_state()) checkpoint::keep_generator_only(checkpoint);
  std::optional<core::OutputFolder> claim;
  const auto bytes_before = core::file_size(checkpoint.path);
  const bool adversarial = arguments.finetune.method == compress::FinetuneMethod::kAdversarial;
  if (arguments.is_finetuned() && adversarial && !is_of_own_run(checkpoint)) {
    throw Error(cat(checkpoint.path.string(), ": ", kNotOfOwnRun,
                    "; to fine-tune it with data of yours: --state, then vidgen train CONFIG "
                    "--resume; without data: --finetune distill"));
  }
  if (arguments.is_finetuned()) {
    // What would go wrong behind the pruning is said before it.
    compress::check_is_free(arguments.finetune);
    compress::finetune_options(checkpoint, arguments.finetune);
    core::catch_interrupts();
    claim.emplace(arguments.finetune.run_dir);
  }
  const auto table = prune(checkpoint, arguments);
  if (arguments.is_finetuned()) checkpoint = finetune(std::move(checkpoint), arguments);
  if (!arguments.state) checkpoint::keep_generator_only(checkpoint);
  checkpoint.path = arguments.out;
  checkpoint::write_checkpoint(checkpoint);
  std::cout << table << "wrote " << core::printable(arguments.out.string()) << ": "
            << core::format_bytes(bytes_before) << " -> "
            << core::format_bytes(core::file_size(arguments.out))
            << (arguments.state ? ", with the state of the training" : "") << "\n";
}

void add_magnitude_options(CLI::App& command, PruneArguments& arguments, CLI::Option& sparsity) {
  auto& options = arguments.prune;
  auto* scope = add_value(command, "--scope", arguments.scope, CLI::IsMember({"layer", "global"}),
                          "magnitude: layer takes the same share of each layer, global has "
                          "one threshold for all");
  command
      .add_option("--pattern", arguments.pattern,
                  "magnitude: N:M as in 2:4, where of each M consecutive input weights the N "
                  "largest stay; instead of --sparsity")
      ->excludes(&sparsity)
      ->excludes(scope);
  command
      .add_option("--include", options.include,
                  "magnitude: only weights whose name matches, as in 'frame.main.*'. May be given "
                  "again")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      .add_option("--exclude", options.exclude,
                  "magnitude: no weights whose name matches. May be given again")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

void add_structured_options(CLI::App& command, PruneArguments& arguments) {
  add_value(command, "--importance", arguments.importance, CLI::IsMember({"l1", "bn", "taylor"}),
            "structured: which channels matter, by the size of the filters (l1), of the "
            "scale of batch normalisation (bn), or by how much the clips change (taylor)");
  add_value(command, "--allocation", arguments.allocation,
            CLI::IsMember({"sensitivity", "uniform"}),
            "structured: what each stage loses, by how little the clips change without it "
            "(sensitivity), or about the same share of each (uniform), which gains more time "
            "and wants fine-tuning");
  add_value(command, "--multiple", arguments.structured.allocation.multiple, whole_number(1, 1024),
            "structured: stages that lose channels keep a multiple of this many");
}

void add_finetune_options(CLI::App& command, PruneArguments& arguments) {
  auto* steps =
      command
          .add_option("--finetune-steps", arguments.finetune.steps,
                      "Train the pruned generator on for so many steps with the run's own options, "
                      "in a folder named as --out")
          ->check(whole_number(1, 1'000'000'000));
  add_value(command, "--finetune", arguments.finetune_method,
            CLI::IsMember({"adversarial", "distill"}),
            "How: adversarial goes on with the run, which takes a checkpoint and the data; "
            "distill learns from the generator before it was pruned, which takes neither")
      ->needs(steps);
}

/// What was typed, but for RUN, so that it can be typed again.
std::vector<std::string> typed_options(const CLI::App& command) {
  std::vector<std::string> words;
  for (const auto* option : command.get_options()) {
    if (option->count() == 0 || option->get_positional()) continue;
    const auto name = "--" + option->get_lnames().front();
    if (option->get_type_size() == 0) {
      words.push_back(name);
      continue;
    }
    for (const auto& value : option->results()) words.insert(words.end(), {name, value});
  }
  return words;
}

}  // namespace

Run add_prune(CLI::App& command) {
  auto arguments = std::make_shared<PruneArguments>();
  add_checkpoint(command, arguments->checkpoint);
  as_output(command.add_option("--out", arguments->out, "The pruned file, .safetensors"))
      ->required();
  add_value(command, "--method", arguments->method, CLI::IsMember({"magnitude", "structured"}),
            "magnitude sets the smallest weights to zero, structured takes out channels");
  auto* sparsity = command.add_option(
      "--sparsity", arguments->sparsity,
      "Share of the weights to set to zero (magnitude) or of the frame generator's arithmetic to "
      "remove (structured), from 0 to below 1");
  sparsity->check(number(0, 1).description(""));
  add_magnitude_options(command, *arguments, *sparsity);
  add_structured_options(command, *arguments);
  add_finetune_options(command, *arguments);
  command.add_flag("--state", arguments->state,
                   "Write a checkpoint, with all that train --resume goes on with, instead of the "
                   "generator's weights alone");
  return [arguments, sparsity, &command] {
    arguments->has_scope = command.count("--scope") > 0;
    for (const char* name : {"--importance", "--allocation", "--multiple"})
      arguments->has_structured = arguments->has_structured || command.count(name) > 0;
    arguments->typed = typed_options(command);
    if (sparsity->count() == 0 && arguments->pattern.empty())
      throw Error("--sparsity is required (or --pattern, for magnitude)");
    run(*arguments);
  };
}

}  // namespace vidgen::cli
