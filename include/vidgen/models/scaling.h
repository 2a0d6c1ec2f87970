#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vidgen/models/options.h"

/// Networks that were described for one size of the clips, for another. Widths belong to
/// resolutions: a stage that both sizes have keeps its width, and each further one, nearer to the
/// picture, has half of its neighbour's, but not below 8.
namespace vidgen::models {

/// Whether a key ("model.generator.widths") is to stay as it is.
using IsFixed = std::function<bool(const std::string& key)>;

/// Pixels a side of the clips that the networks are for, by the widths that they name and that are
/// not fixed: `written`, else `wanted`, where all of them fit it, else the largest size that all of
/// them fit; `wanted` where there is none, so that validate() says what is wrong.
int64_t size_made_for(const ModelOptions& options, int64_t written, int64_t wanted,
                      const IsFixed& is_fixed);

/// Changes networks for clips of `from` pixels into ones for clips of shape `to`, all but the keys
/// that are fixed. What is done at full size is done at full size again; other resolutions
/// (warp_resolution, attention, frame_stack_resolution) stay where they are, as far as the networks
/// go. A discriminator's pool grows where a clip has too few frames for a deeper one, and shrinks
/// where it would leave too few pixels. Returns what was changed: "model.generator.widths [64, 32,
/// 16]".
std::vector<std::string> scale_networks(ModelOptions& options, int64_t from, const ClipShape& to,
                                        const IsFixed& is_fixed);

/// Names the widths of networks for pictures above 64x64 that name none: those of the default at
/// 64x64, and for each further stage half of its neighbour's. (resolved_widths() has other ones
/// there, four times the work with each doubling; files of such networks are read with those.)
/// Returns what was changed, as scale_networks().
std::vector<std::string> name_default_widths(ModelOptions& options, const ClipShape& shape);

/// Takes back what name_default_widths() did to networks that `stored` has without widths: those of
/// a run that goes on.
void keep_unnamed_widths(ModelOptions& options, const ModelOptions& stored, const ClipShape& shape);

}  // namespace vidgen::models
