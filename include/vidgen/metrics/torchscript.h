#pragma once

#include <filesystem>

#include "vidgen/metrics/scores.h"

namespace vidgen::metrics {

/// How a network is called, and so what its features may be called.
enum class FeatureKind {
  /// forward(x [N,3,T,H,W]) -> [N,D], x from -1 to 1.
  kClip,
  /// forward(x [N*T,3,H,W]) -> [N*T,D], x from -1 to 1.
  kFrame,
  /// I3D as Skorokhodov et al. use it (StyleGAN-V, 2022): forward(x [N,3,16,H,W], rescale=True,
  /// resize=True, return_features=True) -> [N,400], x from 0 to 255.
  kFvd,
  /// Inception as Karras et al. use it (StyleGAN2-ADA, 2020): forward(x uint8 [N*T,3,H,W],
  /// return_features=True) -> [N*T,2048].
  kFid
};

/// A network in a TorchScript file, run on the CPU a few clips at a time. The file holds code,
/// which runs with the rights of this process: load none of unknown origin. Throws vidgen::Error
/// naming the file when it cannot be loaded; the extractor does when the network fails or gives
/// something else than features.
Extractor load_extractor(const std::filesystem::path& path, FeatureKind kind);

}  // namespace vidgen::metrics
