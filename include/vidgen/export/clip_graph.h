#pragma once

#include "vidgen/graph/graph.h"
#include "vidgen/infer/playable.h"
#include "vidgen/models/shape.h"

namespace vidgen::exporting {

/// What is described as a graph.
struct GraphSource {
  infer::Playable generator;
  models::ClipShape shape;
};

/// Latents -> clips [B,T,C,S,S] named `clips`, for any B and T. Inputs, of which those that the
/// generator does not read are left out: `content` [B,content_dim], `labels` [B] int64, `noise`
/// [B,noise_frames(T),motion_dim], `initial` [B,motion_dim] and what the motion adds, as sinusoidal
/// does `times` [T], the number of each frame. The generator must have a latent part that moves.
/// Layers in eight bits are floating point between steps to integers and back, which runtimes
/// replace by integer arithmetic where they have it.
graph::Graph clip_graph(const GraphSource& source);

/// The same a frame at a time: `content`, `labels`, `noise` [B,motion_dim] of the frame and `state`
/// [B,N] -> `frame` [B,C,S,S] and `next_state` [B,N]. The first state is first_state(). Frames of
/// the generator must not look at each other.
graph::Graph step_graph(const GraphSource& source);

/// What `state` is for the first frame of clips of these latents, [B,N]: for each of their slots
/// what its motion says, one behind the other. Undefined for a generator without one.
torch::Tensor first_state(const models::VideoGeneratorOptions& options,
                          const models::Latents& latents);

}  // namespace vidgen::exporting
