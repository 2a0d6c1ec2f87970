#pragma once

#include "graph_writer.h"
#include "vidgen/infer/playable.h"
#include "vidgen/models/shape.h"
#include "vidgen/models/video_generator.h"

namespace vidgen::infer {

/// What is written as a graph.
struct GraphSource {
  Playable generator;
  models::ClipShape shape;
};

/// The frame generator alone: z [M,D,1,1] of so many clips -> pictures [M,C,S,S]. Layers in eight
/// bits are written as floating point between steps to integers and back, which runtimes replace by
/// integer arithmetic where they have it.
Value write_frames(const Playable& generator, const Value& z, const Extent& clips,
                   GraphWriter& writer);

/// Latents -> clips [B,T,C,S,S] named `clips`, for any B and T. Inputs, of which those that the
/// generator does not read are left out: `content` [B,content_dim], `labels` [B] int64, `noise`
/// [B,noise_frames(T),motion_dim], `initial` [B,motion_dim] (gru_cell, waves) and `times` [T]
/// (waves), the number of each frame. The generator must have a latent part that moves.
void write_clip_graph(const GraphSource& source, GraphWriter& writer);

/// The same a frame at a time: `content`, `labels`, `noise` [B,motion_dim] of the frame and `state`
/// [B,N] -> `frame` [B,C,S,S] and `next_state` [B,N]. The first state is first_state(). Frames of
/// the generator must not look at each other.
void write_step_graph(const GraphSource& source, GraphWriter& writer);

/// What `state` is for the first frame of clips of these latents, [B,N]; undefined for a generator
/// without one:
///   lstm, gru    zeros: of each layer the state, for lstm also the cells
///   gru_cell     latents.initial
///   convolution  the first noise_frames(0) frames of latents.noise, in a row
///   waves        latents.initial, and the number of the frame
/// Where clips have several objects, a clip's `state` is those of its objects, one behind the
/// other: of_object() and of_objects() (models/video_generator.h) make the arguments.
torch::Tensor first_state(const nn::TemporalOptions& options, const models::Latents& latents);

/// Which latents the generator reads.
inline bool reads_noise(const nn::TemporalOptions& options) {
  return options.type != nn::TemporalType::kWaves && options.motion_dim > 0;
}
inline bool reads_initial(const nn::TemporalOptions& options) {
  return options.type == nn::TemporalType::kWaves || options.type == nn::TemporalType::kGruCell;
}

}  // namespace vidgen::infer
