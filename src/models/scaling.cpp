#include "vidgen/models/scaling.h"

#include <algorithm>

#include "vidgen/core/error.h"
#include "vidgen/models/discriminator.h"
#include "vidgen/models/frame_generator.h"

namespace vidgen::models {
namespace {

using core::cat;

constexpr int64_t kSmallestClip = 16, kLargestClip = 1024;
/// The largest pictures whose default widths are those of resolved_widths().
constexpr int64_t kLargestDefault = 64;
/// What a discriminator's picture has at least.
constexpr int64_t kSmallestPicture = 8;
constexpr int64_t kNarrowest = 8;

int64_t narrower(int64_t width) { return std::max(std::min(width, kNarrowest), width / 2); }

/// `near_end` is where the stages nearest to the picture stand: at the end of a generator, at the
/// beginning of a discriminator.
enum class NearEnd { kLast, kFirst };

void scale_widths(std::vector<int64_t>& widths, int64_t doublings, NearEnd near_end) {
  const bool first = near_end == NearEnd::kFirst;
  if (first) std::reverse(widths.begin(), widths.end());
  for (; doublings > 0; --doublings) widths.push_back(narrower(widths.back()));
  for (; doublings < 0 && widths.size() > 1; ++doublings) widths.pop_back();
  if (first) std::reverse(widths.begin(), widths.end());
}

/// Resolutions stay, as far as there are stages.
std::vector<int64_t> scaled_resolutions(const std::vector<int64_t>& resolutions, int64_t largest) {
  std::vector<int64_t> result;
  for (const int64_t resolution : resolutions) {
    const int64_t nearest = std::min(resolution, largest);
    if (std::find(result.begin(), result.end(), nearest) == result.end()) result.push_back(nearest);
  }
  return result;
}

int64_t shown(int64_t value) { return value; }
c10::IntArrayRef shown(const std::vector<int64_t>& values) { return values; }

/// Gives the keys of one network their new values, and remembers which have changed.
class Changes {
 public:
  Changes(std::string prefix, const IsFixed& is_fixed) : prefix_(prefix), is_fixed_(is_fixed) {}

  template <class T>
  void set(const char* key, T& value, const T& wanted) {
    const std::string path = prefix_ + key;
    if (value == wanted || is_fixed_(path)) return;
    value = wanted;
    changes_.push_back(cat(path, " ", shown(value)));
  }
  std::vector<std::string> take() { return std::move(changes_); }

 private:
  std::string prefix_;
  const IsFixed& is_fixed_;
  std::vector<std::string> changes_;
};

int64_t rounded_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

std::vector<std::string> scale_generator(GeneratorOptions& options, int64_t from, int64_t to,
                                         const IsFixed& is_fixed) {
  Changes changes("model.generator.", is_fixed);
  ClipShape before;
  before.size = from;
  const bool full = has_full_size_stage(options, before);
  changes.set(
      "warp_resolution", options.warp_resolution,
      options.warp_resolution == from ? to : std::min(options.warp_resolution, full ? to : to / 2));
  if (!options.widths.empty()) {
    auto widths = options.widths;
    scale_widths(widths, doublings_between(from, to), NearEnd::kLast);
    const auto moved =
        static_cast<size_t>(doublings_between(4, std::max<int64_t>(4, options.warp_resolution)));
    if (options.warp_resolution > 0 && moved < widths.size())
      widths[moved] = rounded_up(widths[moved], options.warp_groups);
    changes.set("widths", options.widths, widths);
  }
  changes.set("attention", options.attention, scaled_resolutions(options.attention, to / 2));
  return changes.take();
}

bool has_frames_for(const DiscriminatorOptions& options, int64_t picture, int64_t frames) {
  return frames >= discriminator_network(options).least_frames(options, picture);
}

int64_t scaled_pool(const DiscriminatorOptions& options, const ClipShape& to) {
  int64_t pool = options.pool;
  while (pool < 4 && !has_frames_for(options, to.size / pool, to.frames)) pool *= 2;
  while (pool > 1 && to.size / pool < kSmallestPicture) pool /= 2;
  return pool;
}

std::vector<std::string> scale_discriminator(DiscriminatorOptions& options, int64_t from,
                                             const ClipShape& to, const std::string& path,
                                             const IsFixed& is_fixed) {
  Changes changes(path + ".", is_fixed);
  const int64_t before = from / options.pool;
  changes.set("pool", options.pool, scaled_pool(options, to));
  const int64_t picture = to.size / options.pool;
  if (!options.widths.empty()) {
    auto widths = options.widths;
    scale_widths(widths, doublings_between(before, picture), NearEnd::kFirst);
    changes.set("widths", options.widths, widths);
  }
  changes.set("attention", options.attention, scaled_resolutions(options.attention, picture / 2));
  if (options.frame_stack_resolution != 0) {
    changes.set("frame_stack_resolution", options.frame_stack_resolution,
                options.frame_stack_resolution == before
                    ? picture
                    : std::min(options.frame_stack_resolution, picture));
  }
  return changes.take();
}

std::string path_of(size_t discriminator) {
  return cat("model.discriminators[", discriminator, "]");
}

bool fits(const ModelOptions& options, int64_t size, const IsFixed& is_fixed) {
  const auto& generator = options.generator;
  if (!generator.widths.empty() && !is_fixed("model.generator.widths")) {
    const auto stages = static_cast<int64_t>(generator.widths.size()) - doublings_between(4, size);
    const bool full = frame_generator_type(generator.type).always_full_size;
    if (stages != 1 && (full || stages != 0)) return false;
  }
  for (size_t i = 0; i < options.discriminators.size(); ++i) {
    const auto& one = options.discriminators[i];
    if (one.widths.empty() || is_fixed(path_of(i) + ".widths")) continue;
    const int64_t picture = size / one.pool;
    if (picture < kSmallestPicture) return false;
    if (static_cast<int64_t>(one.widths.size()) != doublings_between(4, picture)) return false;
  }
  return true;
}

}  // namespace

int64_t size_made_for(const ModelOptions& options, int64_t written, int64_t wanted,
                      const IsFixed& is_fixed) {
  const auto valid = [](int64_t size) {
    return size >= kSmallestClip && size <= kLargestClip && (size & (size - 1)) == 0;
  };
  for (const int64_t size : {written, wanted}) {
    if (valid(size) && fits(options, size, is_fixed)) return size;
  }
  for (int64_t size = kLargestClip; size >= kSmallestClip; size /= 2) {
    if (fits(options, size, is_fixed)) return size;
  }
  return wanted;
}

std::vector<std::string> scale_networks(ModelOptions& options, int64_t from, const ClipShape& to,
                                        const IsFixed& is_fixed) {
  auto changes = scale_generator(options.generator, from, to.size, is_fixed);
  for (size_t i = 0; i < options.discriminators.size(); ++i) {
    const auto more =
        scale_discriminator(options.discriminators[i], from, to, path_of(i), is_fixed);
    changes.insert(changes.end(), more.begin(), more.end());
  }
  return changes;
}

std::vector<std::string> name_default_widths(ModelOptions& options, const ClipShape& shape) {
  std::vector<std::string> changes;
  const auto name = [&](auto& network, int64_t pool, NearEnd near_end, const std::string& path) {
    if (!network.widths.empty() || shape.size / pool <= kLargestDefault) return;
    auto at_default = shape;
    at_default.size = kLargestDefault * pool;
    network.widths = resolved_widths(network, at_default);
    scale_widths(network.widths, doublings_between(kLargestDefault, shape.size / pool), near_end);
    changes.push_back(cat(path, ".widths ", shown(network.widths)));
  };
  name(options.generator, 1, NearEnd::kLast, "model.generator");
  for (size_t i = 0; i < options.discriminators.size(); ++i) {
    auto& one = options.discriminators[i];
    name(one, one.pool, NearEnd::kFirst, path_of(i));
  }
  return changes;
}

void keep_unnamed_widths(ModelOptions& options, const ModelOptions& stored,
                         const ClipShape& shape) {
  auto unnamed = options;
  unnamed.generator.widths.clear();
  for (auto& one : unnamed.discriminators) one.widths.clear();
  name_default_widths(unnamed, shape);
  const auto keep = [](auto& network, const auto& default_network, const auto& old) {
    if (old.widths.empty() && network.widths == default_network.widths) network.widths.clear();
  };
  keep(options.generator, unnamed.generator, stored.generator);
  const size_t both = std::min(options.discriminators.size(), stored.discriminators.size());
  for (size_t i = 0; i < both; ++i) {
    keep(options.discriminators[i], unnamed.discriminators[i], stored.discriminators[i]);
  }
}

}  // namespace vidgen::models
