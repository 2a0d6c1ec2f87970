#include "damage_tracker.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vidgen::video {
namespace {

/// Streams that are refreshed bit by bit have no picture that stands by itself: after so many all
/// of the picture is new.
constexpr int64_t kLongestRefresh = 300;

}  // namespace

void DamageTracker::add_packet(const Packet& packet) {
  if (shown_.empty() || packet.begins) parts_[packets()] = packet.key;
  shown_.push_back(packet.shown);
}

void DamageTracker::add_error(int64_t packet, const std::string& reason) {
  faults_.insert({packet, {true, false, reason}});
}

void DamageTracker::add_loss(const std::string& reason) {
  if (packets() > 0) faults_.insert({packets() - 1, {true, true, reason}});
  faults_.insert({packets(), {false, true, reason}});
}

/// A recording that begins between two key frames is incomplete up to the second.
void DamageTracker::begin_parts(int64_t packet) {
  while (!parts_.empty() && parts_.begin()->first <= packet) {
    const auto [first, key] = *parts_.begin();
    parts_.erase(parts_.begin());
    const bool waits = traits_.waits_for_start && first == 0;
    start_packet_ = first;
    start_shown_ = key || waits ? shown_[static_cast<size_t>(first)] : NAN;
    if (!key && !waits && !traits_.intra_only) state_ = State::kIncompleteStart;
  }
}

bool DamageTracker::is_before_start(int64_t packet, double shown) const {
  return state_ == State::kIncompleteStart || (packet > start_packet_ && shown < start_shown_) ||
         (traits_.waits_for_start && !any_accepted_);
}

void DamageTracker::note(int64_t packet, double shown, const Fault& fault) {
  gap_ = true;
  if (state_ == State::kDamaged) return;
  state_ = State::kDamaged;
  waited_ = 0;
  before_last_place_ = damage_;
  last_place_ = packet;
  last_certain_ = fault.certain;
  if (damage_.places++ > 0) return;
  damage_.first_seconds = any_accepted_ && shown > first_shown_ ? shown - first_shown_ : 0;
  damage_.reason = fault.reason;
}

/// Whether the picture's own packet has a fault.
bool DamageTracker::take_faults(const Picture& picture) {
  bool own = false;
  while (!faults_.empty() && faults_.begin()->first <= picture.packet) {
    const auto fault = *faults_.begin();
    faults_.erase(faults_.begin());
    const double shown = shown_.at(static_cast<size_t>(fault.first));
    if (is_before_start(fault.first, shown)) continue;
    own |= fault.second.inside && fault.first == picture.packet;
    note(fault.first, shown, fault.second);
  }
  if (!picture.corrupt || is_before_start(picture.packet, picture.shown)) return own;
  note(picture.packet, picture.shown, {true, false, "a picture is not whole"});
  return true;
}

/// Whether all that comes from this picture on is whole again.
bool DamageTracker::recover(const Picture& picture, bool own_fault) {
  if (own_fault) return false;
  if (picture.key || traits_.intra_only) return true;
  return ++waited_ > kLongestRefresh;
}

bool DamageTracker::accept(const Picture& picture) {
  begin_parts(picture.packet);
  const bool own_fault = take_faults(picture);
  if (state_ != State::kWhole && recover(picture, own_fault)) {
    if (state_ == State::kIncompleteStart) {
      start_packet_ = picture.packet;
      start_shown_ = picture.shown;
    }
    state_ = State::kWhole;
  }
  if (state_ == State::kDamaged) {
    ++damage_.pictures;
    return false;
  }
  if (state_ == State::kIncompleteStart ||
      (picture.packet > start_packet_ && picture.shown < start_shown_)) {
    ++damage_.incomplete_start;
    return false;
  }
  if (!any_accepted_) first_shown_ = picture.shown;
  after_gap_ = gap_ && any_accepted_;
  gap_ = false;
  any_accepted_ = true;
  return true;
}

void DamageTracker::finish(const std::string& abrupt_end) {
  const int64_t last = packets() - 1;
  if (!abrupt_end.empty()) add_loss(abrupt_end);
  for (const auto& [packet, fault] : std::exchange(faults_, {})) {
    const double shown =
        shown_.empty() ? 0 : shown_.at(static_cast<size_t>(std::min(packet, last)));
    if (!is_before_start(packet, shown)) note(packet, shown, fault);
  }
  // A recording may end anywhere.
  if (traits_.stated || !abrupt_end.empty() || last_certain_ || last_place_ < last) return;
  damage_ = before_last_place_;
  damage_.incomplete_end = true;
}

}  // namespace vidgen::video
