#include <iostream>
#include <memory>
#include <optional>

#include "arguments.h"
#include "commands.h"
#include "output.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/compress/quantize_checkpoint.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/progress.h"
#include "vidgen/core/text.h"

namespace vidgen::cli {
namespace {

struct QuantizeArguments {
  std::string checkpoint;
  std::filesystem::path out;
  compress::QuantizeOptions quantize;
  std::string calibration = "min-max";
};

const char* kind_of_layer(infer::Layer::Kind kind) {
  switch (kind) {
    case infer::Layer::Kind::kFromLatent:
      return "from latent";
    case infer::Layer::Kind::kUpsample2x:
      return "double";
    default:
      return "convolution";
  }
}

std::string format_rows(const std::vector<compress::QuantizeRow>& rows) {
  std::vector<std::vector<std::string>> table{
      {"layer", "kind", "weights", "input scale", "zero point", "PSNR alone", "precision"}};
  for (const auto& row : rows) {
    table.push_back({row.name, kind_of_layer(row.kind), std::to_string(row.weights),
                     core::format_number(row.input.scale, 6), std::to_string(row.input.zero_point),
                     core::format_number(row.psnr_alone, 1), row.int8 ? "int8" : "bfloat16"});
  }
  return core::format_table(table);
}

/// "" without fine-tuning.
std::string format_gain(const compress::QuantizeAwareOptions& options,
                        const std::optional<compress::FinetuneGain>& gain) {
  if (!gain) return "";
  return core::cat("fine-tuned for ", options.steps, " steps: PSNR to float32 ",
                   core::format_number(gain->psnr_before, 2), " -> ",
                   core::format_number(gain->psnr_after, 2), " dB",
                   gain->kept() ? "" : ", not kept", "\n");
}

size_t bytes_of(const checkpoint::Tensors& tensors) {
  size_t bytes = 0;
  for (const auto& item : tensors) bytes += item.second.nbytes();
  return bytes;
}

void run(const QuantizeArguments& arguments) {
  Outputs outputs;
  outputs.claim_file("--out", arguments.out, ".safetensors");
  const auto source = checkpoint::read_trained(arguments.checkpoint);
  auto result = compress::quantize_checkpoint(source, arguments.quantize);
  result.file.path = arguments.out;
  checkpoint::write_checkpoint(result.file);
  std::cout << format_rows(result.rows) << format_gain(arguments.quantize.finetune, result.finetune)
            << "PSNR to float32 " << core::format_number(result.psnr, 1) << " dB, all in bfloat16 "
            << core::format_number(result.bfloat16_psnr, 1) << " dB\n"
            << "weights "
            << core::format_bytes(bytes_of(source.tensors_under(source.generator_prefix())))
            << " -> " << core::format_bytes(bytes_of(result.file.file.tensors)) << "\nwrote "
            << arguments.out.string() << "\n";
}

void add_finetune_options(CLI::App& command, compress::QuantizeAwareOptions& options) {
  auto* steps = command
                    .add_option("--finetune-steps", options.steps,
                                "Fine-tune what is in int8 for so many steps to make the pictures "
                                "of float32; needs no data. The result counts where it is nearer")
                    ->check(whole_number(0, 1'000'000'000))
                    ->capture_default_str();
  command
      .add_option("--finetune-lr", options.lr,
                  "Learning rate of the first step, as a share of the size of a layer's weights; "
                  "it falls to 0")
      ->check(number(0, 1))
      ->capture_default_str()
      ->needs(steps);
  command.add_option("--finetune-batch", options.batch, "Clips of such a step")
      ->check(whole_number(1, 65536))
      ->capture_default_str()
      ->needs(steps);
}

}  // namespace

Run add_quantize(CLI::App& command) {
  auto arguments = std::make_shared<QuantizeArguments>();
  auto& quantize = arguments->quantize;
  add_checkpoint(command, arguments->checkpoint);
  as_output(command.add_option("--out", arguments->out, "The quantised file, .safetensors"))
      ->required();
  std::vector<std::string> names;
  for (const auto& choice : compress::calibration_choices()) names.push_back(choice.first);
  command
      .add_option("--calibration", arguments->calibration,
                  "What of a layer's inputs is represented: min-max: all; percentile: all but a "
                  "few; mse: the range of the least squared error")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  auto* percentile =
      command
          .add_option(
              "--percentile", quantize.percentile,
              "Per cent of the inputs that --calibration percentile keeps below its upper end, "
              "and above its lower one")
          ->check(number(50.1, 100))
          ->capture_default_str();
  command
      .add_option("--clips", quantize.clips,
                  "Clips of the generator to calibrate with, and as many others to measure on")
      ->check(whole_number(1, 100000))
      ->capture_default_str();
  command
      .add_option(
          "--min-psnr", quantize.min_psnr,
          "The layers that lose most stay in bfloat16 until the pictures have this PSNR, in "
          "dB, to those in float32")
      ->check(number(0, 1000))
      ->capture_default_str();
  command
      .add_option("--max-drop", quantize.max_drop,
                  "And until it is at most so many dB below that of all layers in bfloat16; no "
                  "limit by default")
      ->check(number_from(0));
  add_finetune_options(command, quantize.finetune);
  add_seed(command, quantize.seed, "Of the latents");
  return [arguments, percentile] {
    if (percentile->count() > 0 && arguments->calibration != "percentile")
      throw Error("--percentile: goes with --calibration percentile");
    for (const auto& [name, calibration] : compress::calibration_choices()) {
      if (name == arguments->calibration) arguments->quantize.calibration = calibration;
    }
    run(*arguments);
  };
}

}  // namespace vidgen::cli
