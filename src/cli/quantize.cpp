#include <iostream>
#include <memory>
#include <optional>

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
  auto* steps =
      add_value(command, "--finetune-steps", options.steps, whole_number(0, 1'000'000'000),
                "Fine-tune what is in int8 for so many steps to make the pictures "
                "of float32; needs no data. The result counts where it is nearer");
  add_value(command, "--finetune-lr", options.lr, number(0, 1),
            "Learning rate of the first step, as a share of the size of a layer's weights; "
            "it falls to 0")
      ->needs(steps);
  add_value(command, "--finetune-batch", options.batch, whole_number(1, 65536),
            "Clips of such a step")
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
  add_value(command, "--calibration", arguments->calibration, CLI::IsMember(names),
            "What of a layer's inputs is represented: min-max: all; percentile: all but a "
            "few; mse: the range of the least squared error");
  auto* percentile =
      add_value(command, "--percentile", quantize.percentile, number(50.1, 100),
                "Per cent of the inputs that --calibration percentile keeps below its upper end, "
                "and above its lower one");
  add_value(command, "--clips", quantize.clips, whole_number(1, 100000),
            "Clips of the generator to calibrate with, and as many others to measure on");
  add_value(command, "--min-psnr", quantize.min_psnr, number(0, 1000),
            "The layers that lose most stay in bfloat16 until the pictures have this PSNR, in "
            "dB, to those in float32");
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
