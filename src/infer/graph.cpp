#include "graph.h"

#include <cmath>

#include "vidgen/core/error.h"

namespace vidgen::infer {
namespace {

using core::cat;
using nn::TemporalType;

/// What the number of clips is called.
constexpr const char* kClipsExtent = "clips";

class GraphBuilder {
 public:
  GraphBuilder(const GraphSource& source, GraphWriter& writer)
      : source_(source),
        objects_(source.generator.network->options.frame.objects),
        temporal_(models::of_object(source.generator.network->options.temporal, objects_)),
        parameters_(source.generator.network->named_parameters()),
        writer_(writer) {}

  void clips();
  void step();

 private:
  struct Motion {
    /// As each function says.
    Value path;
    /// What a step hands to the next.
    std::vector<Value> states;
  };

  Value weight(const std::string& name) { return writer_.weight(name, parameters_[name]); }
  Value apply(Operation operation, const std::vector<Value>& inputs) {
    return writer_.apply(operation, inputs);
  }
  Value linear(const Value& x, const std::string& name);
  /// An input [B,objects*dim] of clips, as [B*objects,dim].
  Value input(const std::string& name, int64_t dim);
  /// An input [B,T,objects*dim] of clips, as [B*objects,T,dim].
  Value frames_input(const std::string& name, const std::string& frames, int64_t dim);

  /// `content` and the classes' codes, [B,D] each; inputs are asked for.
  std::vector<Value> kept();

  Motion recur(Value x, const std::vector<Value>& states);
  RecurrentLayer recurrent_layer(int64_t index);
  /// The layers of convolution: noise [B,T+n,D] -> [B,T,D].
  Value convolve_in_time(const Value& noise);
  /// initial [B,D] as phases and frequencies, [B,D/2] each.
  std::pair<Value, Value> waves(const Value& initial);
  /// From angles, to sines and cosines along the last axis.
  Value waves_at(const Value& angles, int64_t axis);
  Value clip_motion(Extent& frames);
  Motion step_motion();
  int64_t state_size() const;

  int64_t latent_dim() const { return source_.generator.network->options.frame.latent_dim; }

  const GraphSource& source_;
  const int64_t objects_;
  /// Of an object. All is computed as if each object were a clip.
  const nn::TemporalOptions temporal_;
  const torch::OrderedDict<std::string, torch::Tensor> parameters_;
  GraphWriter& writer_;
};

Value GraphBuilder::input(const std::string& name, int64_t dim) {
  const Value clips = writer_.input(name, torch::kFloat, {kClipsExtent, objects_ * dim});
  return objects_ == 1 ? clips : writer_.reshape(clips, {-1, dim});
}

Value GraphBuilder::frames_input(const std::string& name, const std::string& frames, int64_t dim) {
  const Value clips = writer_.input(name, torch::kFloat, {kClipsExtent, frames, objects_ * dim});
  if (objects_ == 1) return clips;
  const Extent count = Extent::of(clips, 1);
  const Value parts = writer_.reshape(clips, {-1, count, objects_, dim});
  return writer_.reshape(writer_.transpose(parts, {0, 2, 1, 3}), {-1, count, dim});
}

Value GraphBuilder::linear(const Value& x, const std::string& name) {
  const Value product =
      apply(Operation::kMatrixProduct,
            {x, writer_.weight(name + ".weight", parameters_[name + ".weight"].t())});
  return apply(Operation::kAdd, {product, weight(name + ".bias")});
}

std::vector<Value> GraphBuilder::kept() {
  std::vector<Value> parts;
  if (temporal_.content_dim > 0) {
    parts.push_back(input("content", temporal_.content_dim));
  }
  if (source_.generator.network->options.condition.classes > 0) {
    const Value labels = writer_.input("labels", torch::kLong, {kClipsExtent});
    const Value learned = apply(Operation::kLookUp, {weight("classes.weight"), labels});
    const int64_t dim = source_.generator.network->options.condition.class_dim;
    // A clip's objects are all of its class.
    parts.push_back(writer_.reshape(
        writer_.concatenate(std::vector<Value>(static_cast<size_t>(objects_), learned), 1),
        {-1, dim}));
  }
  return parts;
}

RecurrentLayer GraphBuilder::recurrent_layer(int64_t index) {
  const bool cell = temporal_.type == TemporalType::kGruCell;
  const std::string name = cell ? "temporal.recurrent" : "temporal.rnn";
  const auto part = [&](const char* kind) {
    return parameters_[cell ? cat(name, ".", kind) : cat(name, ".", kind, "_l", index)];
  };
  return {temporal_.type == TemporalType::kLstm,
          cat(name, ".", index),
          part("weight_ih"),
          part("weight_hh"),
          part("bias_ih"),
          part("bias_hh")};
}

// x [T,B,D] -> [T,B,D] through lstm, gru or gru_cell, and the states behind it, [1,B,H] each.
// `states` [B,H] of each layer, or none: zeros.
GraphBuilder::Motion GraphBuilder::recur(Value x, const std::vector<Value>& states) {
  const bool cell = temporal_.type == TemporalType::kGruCell;
  const size_t states_of_layer = temporal_.type == TemporalType::kLstm ? 2 : 1;
  Motion motion;
  for (int64_t index = 0; index < temporal_.layers; ++index) {
    const auto layer = recurrent_layer(index);
    std::vector<Value> before;
    for (size_t i = 0; i < states_of_layer && !states.empty(); ++i) {
      const auto& state = states[static_cast<size_t>(index) * states_of_layer + i];
      before.push_back(writer_.reshape(state, {1, -1, layer.hidden()}));
    }
    const auto values = writer_.recur(x, layer, before);
    x = values.path;
    motion.states.insert(motion.states.end(), values.states.begin(), values.states.end());
  }
  motion.path = cell ? x : linear(x, "temporal.fc");
  return motion;
}

Value GraphBuilder::convolve_in_time(const Value& noise) {
  Value x = writer_.transpose(noise, {0, 2, 1});
  for (int64_t i = 0; i < temporal_.layers; ++i) {
    if (i > 0) x = apply(Operation::kLeakyRelu, {x});
    // An activation stands between each two.
    const std::string name = cat("temporal.main.", 2 * i);
    x = writer_.convolve(x, weight(name + ".weight"), weight(name + ".bias"), {/*axes=*/1});
  }
  return writer_.transpose(x, {0, 2, 1});
}

std::pair<Value, Value> GraphBuilder::waves(const Value& initial) {
  const int64_t half = temporal_.motion_dim / 2;
  const auto halves = writer_.split(initial, {half, half});
  const Value hidden = apply(Operation::kLeakyRelu, {linear(halves[1], "temporal.frequency.0")});
  const Value share = apply(Operation::kSigmoid, {linear(hidden, "temporal.frequency.2")});
  return {apply(Operation::kMultiply, {halves[0], writer_.number(M_PI)}),
          apply(Operation::kMultiply, {share, writer_.number(M_PI / 2)})};
}

Value GraphBuilder::waves_at(const Value& angles, int64_t axis) {
  const Value both = writer_.concatenate(
      {apply(Operation::kSin, {angles}), apply(Operation::kCos, {angles})}, axis);
  return apply(Operation::kMultiply, {both, writer_.number(M_SQRT2)});
}

// The path [B,T,D]; sets T.
Value GraphBuilder::clip_motion(Extent& frames) {
  const int64_t dim = temporal_.motion_dim;
  Value noise, initial;
  if (reads_noise(temporal_)) {
    const bool more = nn::noise_frames(temporal_, 0) > 0;
    noise = frames_input("noise", more ? "noise_frames" : "frames", dim);
  }
  if (reads_initial(temporal_)) initial = input("initial", dim);
  Value path = noise;
  switch (temporal_.type) {
    case TemporalType::kNone:
      break;
    case TemporalType::kLstm:
    case TemporalType::kGru:
    case TemporalType::kGruCell: {
      const auto states = initial.empty() ? std::vector<Value>{} : std::vector<Value>{initial};
      const auto motion = recur(writer_.transpose(noise, {1, 0, 2}), states);
      path = writer_.transpose(motion.path, {1, 0, 2});
      break;
    }
    case TemporalType::kConvolution:
      path = convolve_in_time(noise);
      break;
    case TemporalType::kWaves: {
      const Value times = writer_.input("times", torch::kFloat, {"frames"});
      const auto [phases, frequencies] = waves(initial);
      const Value turned = apply(
          Operation::kMultiply,
          {writer_.reshape(frequencies, {-1, 1, dim / 2}), writer_.reshape(times, {1, -1, 1})});
      path =
          waves_at(apply(Operation::kAdd, {turned, writer_.reshape(phases, {-1, 1, dim / 2})}), 2);
      break;
    }
  }
  frames = Extent::of(path, 1);
  return path;
}

int64_t GraphBuilder::state_size() const {
  models::Latents one;
  one.initial = torch::empty({1, temporal_.motion_dim});
  one.noise = torch::empty({1, nn::noise_frames(temporal_, 1), temporal_.motion_dim});
  const auto state = first_state(temporal_, one);
  return state.defined() ? state.size(1) : 0;
}

// The motion of one frame, [B,D], and states [B,N]; nothing where no latent part moves.
GraphBuilder::Motion GraphBuilder::step_motion() {
  const int64_t dim = temporal_.motion_dim, size = state_size();
  Value noise, state;
  if (reads_noise(temporal_)) noise = input("noise", dim);
  if (size > 0) state = input("state", size);
  switch (temporal_.type) {
    case TemporalType::kNone:
      break;
    case TemporalType::kLstm:
    case TemporalType::kGru:
    case TemporalType::kGruCell: {
      const bool cell = temporal_.type == TemporalType::kGruCell;
      const int64_t each = cell ? dim : temporal_.hidden;
      const std::vector<int64_t> sizes(static_cast<size_t>(size / each), each);
      const auto states = sizes.size() > 1 ? writer_.split(state, sizes) : std::vector{state};
      auto motion = recur(writer_.reshape(noise, {1, -1, dim}), states);
      motion.path = writer_.reshape(motion.path, {-1, dim});
      for (auto& after : motion.states) after = writer_.reshape(after, {-1, each});
      return motion;
    }
    case TemporalType::kConvolution: {
      const Value seen = size > 0 ? writer_.concatenate({state, noise}, 1) : noise;
      const Value frames = writer_.reshape(seen, {-1, size / dim + 1, dim});
      Motion motion{writer_.reshape(convolve_in_time(frames), {-1, dim}), {}};
      // The oldest frame of noise leaves.
      if (size > 0) motion.states.push_back(writer_.split(seen, {dim, size}).back());
      return motion;
    }
    case TemporalType::kWaves: {
      const auto parts = writer_.split(state, {dim, 1});
      const auto [phases, frequencies] = waves(parts[0]);
      const Value turned = apply(Operation::kMultiply, {frequencies, parts[1]});
      return {waves_at(apply(Operation::kAdd, {turned, phases}), 1),
              {parts[0], apply(Operation::kAdd, {parts[1], writer_.number(1)})}};
    }
  }
  return {noise, {}};
}

void GraphBuilder::clips() {
  auto parts = kept();
  Extent frames(0);
  const Value path = clip_motion(frames);
  if (!parts.empty()) {
    const int64_t width = source_.generator.network->options.frame.clip_dim;
    const Value still = writer_.reshape(writer_.concatenate(parts, 1), {-1, 1, width});
    parts = {writer_.repeat_frames(still, frames)};
  }
  parts.push_back(path);
  Value z = writer_.concatenate(parts, 2);
  if (objects_ > 1) {
    const auto by_object = writer_.reshape(z, {-1, objects_, frames, latent_dim() / objects_});
    z = writer_.transpose(by_object, {0, 2, 1, 3});
  }
  z = writer_.reshape(z, {-1, latent_dim(), 1, 1});
  const auto& shape = source_.shape;
  writer_.output("clips",
                 writer_.reshape(write_frames(source_.generator, z, Extent::of(path, 0), writer_),
                                 {-1, frames, shape.channels, shape.size, shape.size}),
                 {kClipsExtent, "frames", shape.channels, shape.size, shape.size});
}

void GraphBuilder::step() {
  auto parts = kept();
  const auto motion = step_motion();
  if (!motion.path.empty()) parts.push_back(motion.path);
  const Value z = writer_.reshape(writer_.concatenate(parts, 1), {-1, latent_dim(), 1, 1});
  const auto& shape = source_.shape;
  writer_.output("frame", write_frames(source_.generator, z, Extent::of(z, 0), writer_),
                 {kClipsExtent, shape.channels, shape.size, shape.size});
  if (!motion.states.empty()) {
    const int64_t size = objects_ * state_size();
    writer_.output("next_state", writer_.reshape(writer_.concatenate(motion.states, 1), {-1, size}),
                   {kClipsExtent, size});
  }
}

}  // namespace

void write_clip_graph(const GraphSource& source, GraphWriter& writer) {
  GraphBuilder(source, writer).clips();
}

void write_step_graph(const GraphSource& source, GraphWriter& writer) {
  GraphBuilder(source, writer).step();
}

torch::Tensor first_state(const nn::TemporalOptions& options, const models::Latents& latents) {
  const int64_t clips = latents.initial.size(0);
  switch (options.type) {
    case TemporalType::kNone:
      return {};
    case TemporalType::kLstm:
      return torch::zeros({clips, 2 * options.layers * options.hidden});
    case TemporalType::kGru:
      return torch::zeros({clips, options.layers * options.hidden});
    case TemporalType::kGruCell:
      return latents.initial;
    case TemporalType::kConvolution: {
      const int64_t frames = nn::noise_frames(options, 0);
      if (frames == 0) return {};
      return latents.noise.narrow(1, 0, frames).flatten(1);
    }
    case TemporalType::kWaves:
      return torch::cat({latents.initial, torch::zeros({clips, 1})}, 1);
  }
  TORCH_CHECK(false, "unknown temporal type");
}

}  // namespace vidgen::infer
