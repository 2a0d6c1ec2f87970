#pragma once

#include <filesystem>
#include <string>

#include "vidgen/checkpoint/safetensors.h"
#include "vidgen/core/fields.h"
#include "vidgen/core/json.h"
#include "vidgen/models/options.h"
#include "vidgen/models/video_generator.h"

/// vidgen's own files: safetensors with the resolved configuration inside.
namespace vidgen::checkpoint {

/// Files of a later format are refused. Raise it when older programs could misread a file.
constexpr int64_t kFormatVersion = 1;

enum class Kind {
  /// Everything that training needs to go on as if nothing had happened.
  kCheckpoint,
  /// The averaged generator alone: what is sampled and shipped.
  kWeights,
  /// The averaged generator with layers in eight bits, which is played but not changed any more.
  kQuantized
};

/// "checkpoint", "weights" or "quantized", as files say it.
const char* kind_name(Kind kind);

struct Checkpoint {
  std::filesystem::path path;
  Kind kind = Kind::kCheckpoint;
  /// Of the program that wrote it.
  std::string vidgen_version;
  /// The resolved configuration of the run.
  core::Json config;
  models::ClipShape clip;
  /// Generator updates behind it.
  int64_t step = 0;
  /// The passes that made the generator smaller, oldest first, as add_pass() describes them.
  core::Json passes = core::Json::array();
  /// All tensors, and all metadata as stored.
  SafetensorsFile file;

  /// What the names of the averaged generator's tensors begin with.
  std::string generator_prefix() const { return kind == Kind::kCheckpoint ? "ema." : "generator."; }
  /// The tensors whose names begin with `prefix`, without it.
  Tensors tensors_under(const std::string& prefix) const;

  /// Sets options from `tree`, the configuration or its section `where`. Keys that are absent keep
  /// their value: the file may be older than they are. Throws vidgen::Error naming the file, the
  /// key and who wrote it for one that is unknown or wrong: the file may be newer.
  template <class Options>
  void read_options(const core::Json& tree, Options& options, const std::string& where = "") const {
    try {
      core::read_fields(tree, options, where);
    } catch (const core::FieldError& error) {
      refuse_options(error);
    }
  }
  /// Throws what read_options() does.
  [[noreturn]] void refuse_options(const core::FieldError& error) const;
};

/// Throws vidgen::Error naming the file when it is missing or of a later format, and of that
/// Damaged when it is damaged, holds a number that is not finite, or is not vidgen's (naming what
/// it is, if that is known). Of the first file that has no checksums a line says so.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// As read_checkpoint(), without the tensors.
Checkpoint read_description(const std::filesystem::path& path);

/// Makes a checkpoint a weights file: the averaged generator and its masks stay, what else training
/// goes on with does not. Other kinds stay as they are.
void keep_generator_only(Checkpoint& checkpoint);

/// Writes checkpoint.file.tensors, and metadata made from file.metadata and the other fields; whole
/// or not at all. In a weights file, of the weights that have a mask only those that it keeps are
/// stored; read_checkpoint() gives all of them back.
void write_checkpoint(const Checkpoint& checkpoint);

/// Says in `checkpoint.passes` where a compressed file comes from. Adds {"pass": name, "options":
/// options, "source": file name, "source_sha1": 40 hexadecimal digits} for the file that
/// checkpoint.path names now, so call it before the path becomes that of the result. Forgets the
/// run's best score, which another generator had. Throws vidgen::Error when the file cannot be
/// read.
void add_pass(Checkpoint& checkpoint, const std::string& name, core::Json options);

/// The networks as the configuration inside describes them. Throws vidgen::Error when it cannot be.
models::ModelOptions model_options(const Checkpoint& checkpoint);

/// Throws vidgen::Error naming the file when its generator is quantised: what trains or changes a
/// generator asks first.
void refuse_quantized(const Checkpoint& checkpoint);

/// The generator that the configuration inside describes, with weights of its own. Throws
/// vidgen::Error naming the file, before anything is allocated, when it would have more weights
/// than the file has numbers.
models::VideoGenerator make_generator(const Checkpoint& checkpoint);

/// Gives a network the weights of the averaged generator. Throws vidgen::Error when it is
/// quantised, and when tensors are missing, superfluous or of another shape than the network has.
void load_weights(const Checkpoint& checkpoint, models::VideoGeneratorImpl& generator);

/// The averaged generator, in evaluation mode, built from the configuration inside. Throws as
/// load_weights().
models::VideoGenerator load_generator(const Checkpoint& checkpoint);

}  // namespace vidgen::checkpoint
