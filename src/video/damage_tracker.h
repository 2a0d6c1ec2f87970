#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vidgen/video/reader.h"

namespace vidgen::video {

/// Tells whole pictures from those that are damaged, or built on damaged ones, from what a decoder
/// says while packets go in and pictures come out in another order. Packets are numbered from 0.
class DamageTracker {
 public:
  struct Traits {
    /// Every picture stands by itself.
    bool intra_only = false;
    /// The decoder gives no picture before the first whole one.
    bool waits_for_start = false;
    /// The file says how long it is, so that a last picture that is cut short is damage rather than
    /// the end of a recording.
    bool stated = false;
  };
  struct Packet {
    /// Whether its picture stands by itself, as the container or a parser says.
    bool key = true;
    /// In seconds, NaN when not known.
    double shown = 0;
    /// Another recording, which was joined to the one before, begins here.
    bool begins = false;
  };
  struct Picture {
    int64_t packet = 0;
    bool key = true;
    /// The decoder says that it is not whole.
    bool corrupt = false;
    /// In seconds, NaN when not known.
    double shown = 0;
  };

  explicit DamageTracker(const Traits& traits) : traits_(traits) {}

  /// The next packet goes to the decoder.
  void add_packet(const Packet& packet);
  /// Something is wrong in a packet that is given already.
  void add_error(int64_t packet, const std::string& reason);
  /// Something is missing between the packet that was given last, whose end may be damaged too, and
  /// the one that is given next.
  void add_loss(const std::string& reason);
  /// Whether the picture is whole. Pictures come in the order in which they are shown.
  bool accept(const Picture& picture);
  /// There are no more pictures; where the container broke off before the file's end, why.
  void finish(const std::string& abrupt_end = "");

  int64_t packets() const { return static_cast<int64_t>(shown_.size()); }
  /// Whether damaged pictures are missing before the one that was accepted last.
  bool is_after_gap() const { return after_gap_; }
  const Damage& damage() const { return damage_; }

 private:
  struct Fault {
    /// The packet itself is damaged, not only what comes before it.
    bool inside;
    /// It cannot be the end of a recording that was cut off.
    bool certain;
    std::string reason;
  };
  enum class State { kWhole, kIncompleteStart, kDamaged };

  void begin_parts(int64_t packet);
  bool take_faults(const Picture& picture);
  bool is_before_start(int64_t packet, double shown) const;
  void note(int64_t packet, double shown, const Fault& fault);
  bool recover(const Picture& picture, bool own_fault);

  const Traits traits_;
  /// Of each packet.
  std::vector<double> shown_;
  /// Whether the first packet of each part stands by itself.
  std::map<int64_t, bool> parts_;
  std::multimap<int64_t, Fault> faults_;
  State state_ = State::kWhole;
  /// The first picture of a part that stands by itself: what follows it but is shown before it
  /// needs pictures that are not there.
  int64_t start_packet_ = -1;
  double start_shown_ = 0;
  int64_t waited_ = 0;
  bool gap_ = false;
  bool after_gap_ = false;
  bool any_accepted_ = false;
  double first_shown_ = 0;
  /// The packet in which the last stretch of damage begins, whether it is certain, and what was
  /// known before it.
  int64_t last_place_ = -1;
  bool last_certain_ = false;
  Damage before_last_place_;
  Damage damage_;
};

}  // namespace vidgen::video
