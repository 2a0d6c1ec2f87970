#include "vidgen/checkpoint/checkpoint.h"

#include <c10/util/hash.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <limits>

#include "foreign.h"
#include "sparse.h"
#include "vidgen/checkpoint/state.h"
#include "vidgen/core/disk.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"
#include "vidgen/core/log.h"
#include "vidgen/core/text.h"
#include "vidgen/core/version.h"
#include "vidgen/models/video_generator.h"
#include "vidgen/nn/layout.h"

namespace vidgen::checkpoint {
namespace {

using core::cat;
using core::Json;

constexpr const char* kGeneratorPrefix = "generator.";
constexpr const char* kMaskPrefix = "mask.";
constexpr const char* kFormatKey = "vidgen.format";
constexpr const char* kVersionKey = "vidgen.version";
constexpr const char* kKindKey = "vidgen.kind";
constexpr const char* kConfigKey = "config";
constexpr const char* kClipKey = "clip";
constexpr const char* kStepKey = "step";
constexpr const char* kPassesKey = "vidgen.passes";

class MetadataReader {
 public:
  MetadataReader(const std::filesystem::path& path, const Metadata& metadata)
      : path_(path), metadata_(metadata) {}

  std::string text(const char* key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) {
      throw Damaged(path_, cat(path_.string(), ": is not a vidgen file, its metadata has no \"",
                               key, "\"", what_else(metadata_)));
    }
    return found->second;
  }

  int64_t integer(const char* key) const {
    const std::string value = text(key);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < 0)
      wrong(key, value, "a count");
    return number;
  }

  Json json(const char* key) const {
    const std::string value = text(key);
    Json tree = parse(key, value);
    if (!tree.is_object()) wrong(key, value, "a JSON object");
    return tree;
  }

  /// Empty where there is no such key.
  Json passes() const {
    const auto found = metadata_.find(kPassesKey);
    if (found == metadata_.end()) return Json::array();
    Json tree = parse(kPassesKey, found->second);
    if (!tree.is_array() || !std::all_of(tree.begin(), tree.end(), is_pass))
      wrong(kPassesKey, found->second, "a list of passes");
    return tree;
  }

  Kind kind() const {
    const std::string value = text(kKindKey);
    for (const auto kind : {Kind::kCheckpoint, Kind::kWeights, Kind::kQuantized}) {
      if (value == kind_name(kind)) return kind;
    }
    wrong(kKindKey, value, "checkpoint, weights or quantized");
  }

 private:
  Json parse(const char* key, const std::string& text) const {
    try {
      return core::parse_json(text);
    } catch (const Error& error) {
      throw Error(cat(path_.string(), ": metadata \"", key, "\" ", error.what()));
    }
  }

  static bool is_pass(const Json& entry) {
    if (!entry.is_object() || !entry.contains("options")) return false;
    const auto has_text = [&entry](const char* key) {
      return entry.contains(key) && entry.at(key).is_string();
    };
    return entry.at("options").is_object() && has_text("pass") && has_text("source") &&
           has_text("source_sha1");
  }

  [[noreturn]] void wrong(const char* key, const std::string& found, const char* expected) const {
    throw Damaged(path_, cat(path_.string(), ": metadata \"", key, "\" is \"",
                             core::shortened(found), "\", expected ", expected));
  }

  const std::filesystem::path& path_;
  const Metadata& metadata_;
};

/// What `read` gives of a file. Whatever it finds wrong in a file that can be opened is damage.
template <class Read>
auto read_content(const std::filesystem::path& path, const Read& read) {
  const core::InputFile opened(path);
  try {
    return read();
  } catch (const Error& error) {
    throw Damaged(path, error.what());
  }
}

void note_missing_checksums(const std::filesystem::path& path) {
  static std::atomic<bool> noted{false};
  if (noted.exchange(true)) return;
  core::log_info(cat(path.string(),
                     ": is of an older vidgen, or was changed by another program: it has no "
                     "checksums, and damage of it is not always noticed"));
}

Checkpoint interpret(const std::filesystem::path& path, SafetensorsFile file) {
  const MetadataReader reader(path, file.metadata);
  const int64_t format = reader.integer(kFormatKey);
  if (format > kFormatVersion) {
    throw Error(cat(path.string(), ": has format version ", format, ", this vidgen reads up to ",
                    kFormatVersion, "; use a later vidgen"));
  }
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.kind = reader.kind();
  checkpoint.vidgen_version = reader.text(kVersionKey);
  checkpoint.config = reader.json(kConfigKey);
  checkpoint.step = reader.integer(kStepKey);
  checkpoint.passes = reader.passes();
  checkpoint.read_options(reader.json(kClipKey), checkpoint.clip, kClipKey);
  if (!file.has_checksums) note_missing_checksums(path);
  checkpoint.file = std::move(file);
  return checkpoint;
}

/// Metadata must be UTF-8, which the name of a file need not be.
std::string utf8(const std::string& text) {
  return core::parse_json(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kCheckpoint:
      return "checkpoint";
    case Kind::kWeights:
      return "weights";
    case Kind::kQuantized:
      break;
  }
  return "quantized";
}

Tensors Checkpoint::tensors_under(const std::string& prefix) const {
  Tensors result;
  for (auto it = file.tensors.lower_bound(prefix); it != file.tensors.end(); ++it) {
    if (it->first.compare(0, prefix.size(), prefix) != 0) break;
    result[it->first.substr(prefix.size())] = it->second;
  }
  return result;
}

void Checkpoint::refuse_options(const core::FieldError& error) const {
  throw Error(cat(path.string(), ": in its configuration, ", error.what(), " (written by vidgen ",
                  vidgen_version, ", this is ", core::version(), ", which may be too old for it)"));
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  return interpret(path, read_content(path, [&path] {
                     refuse_foreign(path);
                     auto file = read_safetensors(path, Numbers::kFinite);
                     expand_sparse_weights(file.tensors, kGeneratorPrefix, path);
                     return file;
                   }));
}

Checkpoint read_description(const std::filesystem::path& path) {
  return interpret(path, read_content(path, [&path] {
                     refuse_foreign(path);
                     auto header = read_safetensors_header(path);
                     return SafetensorsFile{std::move(header.metadata), {}, header.has_checksums};
                   }));
}

void keep_generator_only(Checkpoint& checkpoint) {
  if (checkpoint.kind != Kind::kCheckpoint) return;
  const auto generator = checkpoint.tensors_under(checkpoint.generator_prefix());
  const auto masks = checkpoint.tensors_under(kMaskPrefix);
  checkpoint.kind = Kind::kWeights;
  checkpoint.file = {};
  for (const auto& [name, tensor] : generator)
    checkpoint.file.tensors[kGeneratorPrefix + name] = tensor;
  for (const auto& [name, tensor] : masks) checkpoint.file.tensors[kMaskPrefix + name] = tensor;
}

void write_checkpoint(const Checkpoint& checkpoint) {
  Metadata metadata = checkpoint.file.metadata;
  metadata[kFormatKey] = std::to_string(kFormatVersion);
  metadata[kVersionKey] = core::version();
  metadata[kKindKey] = kind_name(checkpoint.kind);
  metadata[kConfigKey] = checkpoint.config.dump();
  metadata[kClipKey] = core::write_fields(checkpoint.clip).dump();
  metadata[kStepKey] = std::to_string(checkpoint.step);
  metadata.erase(kPassesKey);
  if (!checkpoint.passes.empty()) metadata[kPassesKey] = checkpoint.passes.dump();
  const auto& tensors = checkpoint.file.tensors;
  write_safetensors(
      checkpoint.path,
      checkpoint.kind == Kind::kWeights ? with_sparse_weights(tensors, kGeneratorPrefix) : tensors,
      metadata);
}

void add_pass(Checkpoint& checkpoint, const std::string& name, Json options) {
  const auto content = core::read_file(checkpoint.path, std::numeric_limits<uint64_t>::max());
  Json entry;
  entry["pass"] = name;
  entry["options"] = std::move(options);
  entry["source"] = utf8(checkpoint.path.filename().string());
  entry["source_sha1"] = c10::sha1(content).str();
  checkpoint.passes.push_back(std::move(entry));
  for (const char* key : {"best.step", "best.score"}) checkpoint.file.metadata.erase(key);
}

models::ModelOptions model_options(const Checkpoint& checkpoint) {
  models::ModelOptions options;
  checkpoint.read_options(checkpoint.config.value("model", Json::object()), options, "model");
  try {
    models::validate(options, checkpoint.clip);
  } catch (const core::FieldError& error) {
    checkpoint.refuse_options(error);
  }
  return options;
}

void refuse_quantized(const Checkpoint& checkpoint) {
  if (checkpoint.kind != Kind::kQuantized) return;
  throw Error(cat(checkpoint.path.string(),
                  ": holds a quantised generator, which can be sampled, evaluated, compared and "
                  "exported, but not trained, pruned, quantised again or distilled"));
}

void load_weights(const Checkpoint& checkpoint, models::VideoGeneratorImpl& generator) {
  refuse_quantized(checkpoint);
  const SafetensorsFile weights{{}, checkpoint.tensors_under(checkpoint.generator_prefix())};
  StateLoader loader(checkpoint.path, weights);
  for (auto& item : generator.named_parameters()) loader.tensor(item.key(), item.value());
  for (auto& item : generator.named_buffers()) loader.tensor(item.key(), item.value());
  loader.finish();
}

models::VideoGenerator make_generator(const Checkpoint& checkpoint) {
  const auto options = model_options(checkpoint);
  const int64_t weights = models::generator_weights(options, checkpoint.clip);
  int64_t numbers = 0;
  for (const auto& item : checkpoint.file.tensors) numbers += item.second.numel();
  // Such a network can be made; which tensor is at fault is said then.
  constexpr int64_t kHarmless = 1 << 24;
  if (weights > std::max(numbers, kHarmless)) {
    throw Error(cat(checkpoint.path.string(), ": holds ", numbers,
                    " numbers, but the generator that its configuration describes has ", weights,
                    " weights"));
  }
  return models::make_generator(options, checkpoint.clip);
}

models::VideoGenerator load_generator(const Checkpoint& checkpoint) {
  auto generator = make_generator(checkpoint);
  nn::to_channels_last(*generator);
  load_weights(checkpoint, *generator);
  generator->eval();
  return generator;
}

}  // namespace vidgen::checkpoint
