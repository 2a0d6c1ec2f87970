#include "vidgen/compress/channels.h"

#include <optional>
#include <utility>

#include "vidgen/core/error.h"
#include "vidgen/infer/plan.h"
#include "vidgen/nn/flops.h"

namespace vidgen::compress {
namespace {

using core::cat;

constexpr const char* kAttention = "frame.attention_";

ChannelPlace maker(const std::string& tensor, int64_t dim, bool scales) {
  return {tensor, dim, ChannelRole::kMakes, scales};
}

ChannelPlace reader(const std::string& tensor, int64_t dim) {
  return {tensor, dim, ChannelRole::kReads};
}

/// A number for each channel that scales it, as ChannelPlace says.
ChannelPlace scale(const std::string& tensor) {
  return {tensor, 0, ChannelRole::kOther, /*scales=*/true};
}

/// Follows the channels through the operations of a frame generator.
class ChannelWalk {
 public:
  explicit ChannelWalk(const graph::Graph& graph) : graph_(graph), groups_of_(graph.value_count()) {
    for (const auto& op : graph.ops()) follow(op);
  }

  std::vector<ChannelGroup> groups() const;

 private:
  /// Of the values; empty for latents.
  using GroupIndex = std::optional<size_t>;

  void follow(const graph::Op& op);
  void follow(const graph::Op& op, const graph::Convolution& convolution);
  void follow(const graph::Op& op, const graph::Call& call);
  void join(size_t group, size_t other);
  GroupIndex& group_of(graph::Value value) {
    return groups_of_.at(static_cast<size_t>(value.index));
  }
  ChannelGroup& group_in(const graph::Op& op) { return groups_.at(group_of(op.inputs[0]).value()); }
  std::string name(graph::Value constant) const { return graph_.constant(constant)->name; }

  const graph::Graph& graph_;
  std::vector<GroupIndex> groups_of_;
  /// Without places where they joined another one.
  std::vector<ChannelGroup> groups_;
  /// Pixels a side of the first pictures.
  int64_t first_side_ = 0;
};

void ChannelWalk::follow(const graph::Op& op, const graph::Convolution& convolution) {
  const auto weight = name(op.inputs[1]);
  if (group_of(op.inputs[0])) {
    group_in(op).places.push_back(reader(weight, convolution.transposed ? 0 : 1));
  }
  const auto& shape = graph_.shape(op.outputs[0]);
  if (first_side_ == 0) first_side_ = shape[2].number;
  ChannelGroup made;
  for (int64_t side = first_side_; side < shape[2].number; side *= 2) ++made.stage;
  made.channels = shape[1].number;
  made.places.push_back(maker(weight, convolution.transposed ? 1 : 0, /*scales=*/true));
  if (op.inputs.size() > 2) made.places.push_back(scale(name(op.inputs[2])));
  group_of(op.outputs[0]) = groups_.size();
  groups_.push_back(std::move(made));
}

void ChannelWalk::follow(const graph::Op& op, const graph::Call& call) {
  const GroupIndex index = group_of(op.inputs[0]);
  group_of(op.outputs[0]) = index;
  auto& group = groups_.at(index.value());
  if (const auto* warp = dynamic_cast<const nn::WarpImpl*>(call.block.get())) {
    group.blocks = warp->options.groups;
    return;
  }
  const auto name = call.name + ".";
  for (const char* layer : {"query", "key", "value"})
    group.places.push_back(reader(name + layer + ".weight", 1));
  for (const char* part : {"value.weight", "value.bias"})
    group.places.push_back(scale(name + part));
  ChannelGroup queries;
  queries.stage = group.stage;
  queries.queries = true;
  queries.channels = channels_at(queries, group.channels);
  // Scores are products of both, so that the scale of one is that of both.
  queries.places = {maker(name + "query.weight", 0, /*scales=*/true),
                    maker(name + "key.weight", 0, /*scales=*/false), scale(name + "query.bias"),
                    ChannelPlace{name + "key.bias"}};
  groups_.push_back(std::move(queries));
}

void ChannelWalk::join(size_t group, size_t other) {
  auto& from = groups_[other].places;
  auto& to = groups_[group].places;
  to.insert(to.end(), from.begin(), from.end());
  from.clear();
  for (auto& index : groups_of_) {
    if (index == other) index = group;
  }
}

void ChannelWalk::follow(const graph::Op& op) {
  if (const auto* convolution = std::get_if<graph::Convolution>(&op.kind))
    return follow(op, *convolution);
  if (const auto* call = std::get_if<graph::Call>(&op.kind)) return follow(op, *call);
  const GroupIndex index = group_of(op.inputs[0]);
  group_of(op.outputs[0]) = index;
  if (std::holds_alternative<graph::BatchNorm>(op.kind)) {
    auto& group = groups_.at(index.value());
    // Which takes the scale of the filters before it away.
    for (auto& place : group.places) place.scales = false;
    const auto weight = name(op.inputs[1]);
    group.norm = weight.substr(0, weight.rfind('.'));
    for (const size_t i : {1, 2}) group.places.push_back(scale(name(op.inputs[i])));
    for (const size_t i : {3, 4}) group.places.push_back({name(op.inputs[i])});
  }
  const auto* function = std::get_if<graph::Function>(&op.kind);
  if (function && *function == graph::Function::kAdd)
    join(index.value(), group_of(op.inputs[1]).value());
}

std::vector<ChannelGroup> ChannelWalk::groups() const {
  const auto pictures = groups_of_.at(static_cast<size_t>(graph_.outputs().front().value.index));
  std::vector<ChannelGroup> stages, inside;
  for (size_t i = 0; i < groups_.size(); ++i) {
    const auto& group = groups_[i];
    if (group.places.empty() || i == pictures) continue;
    if (group.queries) {
      inside.push_back(group);
    } else if (group.stage < stages.size()) {
      // What a stage puts out is made last.
      inside.push_back(std::exchange(stages[group.stage], group));
    } else {
      stages.push_back(group);
    }
  }
  stages.insert(stages.end(), inside.begin(), inside.end());
  return stages;
}

/// The names that a generator's tensor has in the files that hold it.
std::vector<std::string> names_of(const std::string& tensor) {
  std::vector<std::string> names{tensor};
  for (const char* prefix : {"generator.", "ema.", "mask."}) names.push_back(prefix + tensor);
  for (const char* moment : {".exp_avg", ".exp_avg_sq"})
    names.push_back("optimizer.generator." + tensor + moment);
  return names;
}

}  // namespace

int64_t channels_at(const ChannelGroup& group, int64_t width) {
  if (!group.queries) return width;
  nn::SelfAttentionOptions attention;
  attention.channels = width;
  return attention.query_channels();
}

std::vector<ChannelGroup> channel_groups(const models::VideoGenerator& generator) {
  return ChannelWalk(infer::frame_graph(generator)).groups();
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
    const auto side = static_cast<double>(int64_t{4} << group.stage);
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
