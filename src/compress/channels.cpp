#include "vidgen/compress/channels.h"

#include <algorithm>

#include "vidgen/core/error.h"
#include "vidgen/nn/flops.h"

namespace vidgen::compress {
namespace {

using core::cat;

constexpr const char* kAttention = "frame.attention_";

int64_t resolution_of(size_t stage) { return int64_t{4} << stage; }

ChannelGroup group_of(size_t stage, int64_t channels) {
  ChannelGroup group;
  group.stage = stage;
  group.channels = channels;
  return group;
}

void add_norm(ChannelGroup& group, const std::string& name) {
  group.norm = name;
  for (const char* part : {".weight", ".bias"})
    group.places.push_back({name + part, 0, ChannelRole::kOther, /*scales=*/true});
  for (const char* part : {".running_mean", ".running_var"}) group.places.push_back({name + part});
}

void add_maker(ChannelGroup& group, const std::string& tensor, int64_t dim, bool scales = false) {
  group.places.push_back({tensor, dim, ChannelRole::kMakes, scales});
}

void add_reader(ChannelGroup& group, const std::string& tensor, int64_t dim) {
  group.places.push_back({tensor, dim, ChannelRole::kReads});
}

/// The places of the channels in attention behind a stage; returns the group of its queries.
ChannelGroup add_attention(ChannelGroup& stage) {
  const auto name = cat(kAttention, resolution_of(stage.stage), ".");
  for (const char* layer : {"query", "key", "value"})
    add_reader(stage, name + layer + ".weight", 1);
  for (const char* part : {"value.weight", "value.bias"})
    stage.places.push_back({name + part, 0, ChannelRole::kOther, /*scales=*/true});
  ChannelGroup queries = group_of(stage.stage, 0);
  queries.queries = true;
  queries.channels = channels_at(queries, stage.channels);
  // Scores are products of both, so that the scale of one is that of both.
  add_maker(queries, name + "query.weight", 0, /*scales=*/true);
  add_maker(queries, name + "key.weight", 0);
  queries.places.push_back({name + "query.bias", 0, ChannelRole::kOther, /*scales=*/true});
  queries.places.push_back({name + "key.bias", 0});
  return queries;
}

/// models::DcganGenerator: three layers a stage.
void add_dcgan_stages(std::vector<ChannelGroup>& stages, bool full_size_stage) {
  for (size_t i = 0; i < stages.size(); ++i) {
    const auto conv = cat("frame.main.", 3 * i, ".weight");
    add_maker(stages[i], conv, 1);
    add_norm(stages[i], cat("frame.main.", 3 * i + 1));
    if (i > 0) add_reader(stages[i - 1], conv, 0);
  }
  add_reader(stages.back(), cat("frame.main.", 3 * stages.size(), ".weight"),
             full_size_stage ? 1 : 0);
}

/// models::ResidualGenerator: three layers, then a block a stage. Returns what is inside of them.
std::vector<ChannelGroup> add_residual_stages(std::vector<ChannelGroup>& stages) {
  std::vector<ChannelGroup> inside;
  add_maker(stages[0], "frame.main.0.weight", 1);
  add_norm(stages[0], "frame.main.1");
  for (size_t i = 1; i < stages.size(); ++i) {
    const auto block = cat("frame.main.", 2 + i, ".");
    add_reader(stages[i - 1], block + "resample.weight", 0);
    add_reader(stages[i - 1], block + "project.weight", 1);
    auto& inner = inside.emplace_back(group_of(i, stages[i].channels));
    add_maker(inner, block + "resample.weight", 1);
    add_norm(inner, block + "norm1");
    add_reader(inner, block + "conv.weight", 1);
    add_maker(stages[i], block + "conv.weight", 0);
    add_maker(stages[i], block + "project.weight", 0, /*scales=*/true);
    add_norm(stages[i], block + "norm2");
  }
  add_reader(stages.back(), cat("frame.main.", 2 + stages.size(), ".weight"), 1);
  return inside;
}

/// The names that a generator's tensor has in the files that hold it.
std::vector<std::string> names_of(const std::string& tensor) {
  std::vector<std::string> names{tensor};
  for (const char* prefix : {"generator.", "ema.", "mask."}) names.push_back(prefix + tensor);
  for (const char* moment : {".exp_avg", ".exp_avg_sq"})
    names.push_back("optimizer.generator." + tensor + moment);
  return names;
}

bool attends_at(const models::ModelOptions& options, int64_t resolution) {
  const auto& wanted = options.generator.attention;
  return std::find(wanted.begin(), wanted.end(), resolution) != wanted.end();
}

}  // namespace

int64_t channels_at(const ChannelGroup& group, int64_t width) {
  if (!group.queries) return width;
  nn::SelfAttentionOptions attention;
  attention.channels = width;
  return attention.query_channels();
}

std::vector<ChannelGroup> channel_groups(const models::ModelOptions& options,
                                         const models::ClipShape& shape) {
  const auto widths = models::resolved_widths(options.generator, shape);
  std::vector<ChannelGroup> groups;
  for (size_t i = 0; i < widths.size(); ++i) groups.push_back(group_of(i, widths[i]));
  std::vector<ChannelGroup> inside;
  if (options.generator.type == models::GeneratorType::kResidual) {
    inside = add_residual_stages(groups);
  } else {
    add_dcgan_stages(groups, models::has_full_size_stage(options.generator, shape));
  }
  for (auto& group : groups) {
    if (resolution_of(group.stage) == options.generator.warp_at)
      group.blocks = options.generator.warp_groups;
    if (attends_at(options, resolution_of(group.stage))) inside.push_back(add_attention(group));
  }
  groups.insert(groups.end(), inside.begin(), inside.end());
  return groups;
}

void slice_channels(checkpoint::Tensors& tensors, const std::vector<ChannelGroup>& groups,
                    const KeptChannels& kept, const std::string& subject) {
  TORCH_CHECK(groups.size() == kept.size(), "expected the channels of ", groups.size(),
              " groups, found ", kept.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    for (const auto& place : groups[i].places) {
      for (const auto& name : names_of(place.tensor)) {
        const auto found = tensors.find(name);
        if (found == tensors.end()) continue;
        auto& tensor = found->second;
        if (place.dim >= tensor.dim() || tensor.size(place.dim) != groups[i].channels) {
          throw Error(cat(subject, ": tensor ", name, " has shape ", tensor.sizes(), ", expected ",
                          groups[i].channels, " channels in dimension ", place.dim));
        }
        tensor = tensor.detach().index_select(place.dim, kept[i].to(tensor.device()));
      }
    }
  }
}

FrameFlops::FrameFlops(const std::vector<models::LayerRow>& rows,
                       const std::vector<ChannelGroup>& groups, const models::ModelOptions& options,
                       const models::ClipShape& shape)
    : widths_(models::resolved_widths(options.generator, shape)),
      axes_(options.generator.attention_axes) {
  for (const auto& row : rows) {
    if (row.name.rfind("frame.", 0) != 0 || row.name.rfind(kAttention, 0) == 0) continue;
    Convolution layer{row.flops, {}};
    for (const auto& group : groups) {
      for (const auto& place : group.places) {
        if (place.tensor == row.name + ".weight") layer.stages.push_back(group.stage);
      }
    }
    convolutions_.push_back(std::move(layer));
  }
  for (const auto& group : groups) {
    if (!group.queries) continue;
    const auto side = static_cast<double>(resolution_of(group.stage));
    attention_.push_back(
        {group.stage, static_cast<double>(shape.frames) * side * side, side * side});
  }
}

double FrameFlops::operator()(const std::vector<int64_t>& widths) const {
  double sum = 0;
  for (const auto& layer : convolutions_) {
    double flops = layer.flops;
    for (const size_t stage : layer.stages) {
      flops *= static_cast<double>(widths.at(stage)) / static_cast<double>(widths_[stage]);
    }
    sum += flops;
  }
  for (const auto& [stage, positions, in_frame] : attention_) {
    nn::SelfAttentionOptions block;
    block.channels = widths.at(stage);
    block.axes = axes_;
    sum += nn::attention_flops(block, positions, in_frame);
  }
  return sum;
}

}  // namespace vidgen::compress
