#include "vidgen/export/export.h"

#include <memory>

#include "commands.h"
#include "output.h"
#include "vidgen/checkpoint/recovery.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"

namespace vidgen::cli {
namespace {

using core::cat;

struct ExportArguments {
  std::string checkpoint;
  std::filesystem::path out;
  std::string format = "onnx";
  exporting::ExportOptions options;
  std::filesystem::path reference;
  exporting::ExportExampleOptions example;
};

void run_export(ExportArguments arguments) {
  const bool onnx = arguments.format == "onnx";
  auto& options = arguments.options;
  options.format = onnx ? exporting::ExportFormat::kOnnx : exporting::ExportFormat::kTorchScript;
  Outputs outputs;
  outputs.claim_file("--out", arguments.out, onnx ? ".onnx" : ".pt");
  const bool with_example = !arguments.reference.empty();
  if (with_example) outputs.claim_file("--reference", arguments.reference, ".safetensors");

  const exporting::Exporter exporter(checkpoint::read_trained(arguments.checkpoint));
  exporter.write(options, arguments.out);
  core::log_info(cat("wrote ", arguments.out.string(), ": latents to ",
                     options.step ? "a frame and the next state" : "clips"));
  if (!with_example) return;
  checkpoint::write_safetensors(arguments.reference, exporter.example(options, arguments.example),
                                {{"model", options.step ? "step" : "clips"}});
  core::log_info(cat("wrote ", arguments.reference.string(), ": what it computes"));
}

}  // namespace

Run add_export(CLI::App& command) {
  auto arguments = std::make_shared<ExportArguments>();
  auto& example = arguments->example;
  add_checkpoint(command, arguments->checkpoint);
  add_value(command, "--format", arguments->format, CLI::IsMember({"onnx", "torchscript"}),
            "onnx (.onnx) or torchscript (.pt)");
  as_output(command.add_option("--out", arguments->out, "The file, .onnx or .pt"))->required();
  command.add_flag("--step", arguments->options.step,
                   "A model of one frame at a time, with the state of the motion in and out");
  auto* reference = as_output(
      command.add_option("--reference", arguments->reference,
                         "Also write inputs and what comes out, .safetensors, to check a runtime "
                         "with"));
  add_value(command, "--count", example.clips, whole_number(1, 1000), "Clips in the reference")
      ->needs(reference);
  add_value(command, "--frames", example.frames, whole_number(0, 10000),
            "Frames in the reference; 0 is as trained")
      ->needs(reference);
  add_seed(command, example.seed, "Of the reference")->needs(reference);
  return [arguments] { run_export(*arguments); };
}

}  // namespace vidgen::cli
