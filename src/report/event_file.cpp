#include "vidgen/report/event_file.h"

#include <array>
#include <chrono>
#include <protozero/pbf_builder.hpp>
#include <string_view>

#include "vidgen/core/disk.h"
#include "vidgen/core/files.h"
#include "vidgen/video/writer.h"

namespace vidgen::report {
namespace {

using protozero::pbf_builder;
using Tag = protozero::pbf_tag_type;

// Field numbers, by message.
enum class EventField : Tag {
  kWallTime = 1,
  kStep = 2,
  kFileVersion = 3,
  kSummary = 5,
  kSessionLog = 7
};
enum class SessionLogField : Tag { kStatus = 1 };
enum class SummaryField : Tag { kValue = 1 };
enum class ValueField : Tag { kTag = 1, kSimpleValue = 2, kImage = 4, kTensor = 8, kMetadata = 9 };
enum class ImageField : Tag { kHeight = 1, kWidth = 2, kColorspace = 3, kEncoded = 4 };
enum class MetadataField : Tag { kPluginData = 1, kDataClass = 4 };
enum class PluginDataField : Tag { kPluginName = 1 };
enum class TensorField : Tag { kType = 1, kShape = 2, kStringValue = 8 };
enum class ShapeField : Tag { kDimension = 2 };
enum class DimensionField : Tag { kSize = 1 };

constexpr int kSessionStart = 1, kDataClassTensor = 2, kTypeString = 7;

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0);
    table[byte] = value;
  }
  return table;
}

/// CRC-32C (Castagnoli), masked as TFRecord does, so that a sum over sums stays a good one.
uint32_t masked_crc(std::string_view bytes) {
  static constexpr auto kTable = make_crc_table();
  uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 255] ^ crc >> 8;
  }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

std::string little_endian(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i & 255);
  return text;
}

double wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// TensorBoard reads the files of a folder in the order of their names, which begin with the time.
std::string new_name() {
  char name[64];
  std::snprintf(name, sizeof(name), "events.out.tfevents.%017.6f.vidgen", wall_time());
  return name;
}

/// An event with its time and step; `fill` adds the rest.
template <class Fill>
std::string make_event(int64_t step, Fill fill) {
  std::string bytes;
  pbf_builder<EventField> event(bytes);
  event.add_double(EventField::kWallTime, wall_time());
  event.add_int64(EventField::kStep, step);
  fill(event);
  return bytes;
}

/// An event with one value, which `fill` adds to.
template <class Fill>
std::string make_value(int64_t step, const std::string& tag, Fill fill) {
  return make_event(step, [&](auto& event) {
    pbf_builder<SummaryField> summary(event, EventField::kSummary);
    pbf_builder<ValueField> value(summary, SummaryField::kValue);
    value.add_string(ValueField::kTag, tag);
    fill(value);
  });
}

}  // namespace

EventFile::EventFile(const std::filesystem::path& folder, int64_t first_step)
    : path_(folder / new_name()) {
  core::make_folder(folder);
  append(make_event(
      0, [](auto& event) { event.add_string(EventField::kFileVersion, "brain.Event:2"); }));
  append(make_event(first_step, [](auto& event) {
    pbf_builder<SessionLogField> log(event, EventField::kSessionLog);
    log.add_enum(SessionLogField::kStatus, kSessionStart);
  }));
}

void EventFile::flush() const {
  core::flush_to_disk(path_);
  core::flush_to_disk(core::folder_of(path_));
}

void EventFile::append(const std::string& event) const {
  const std::string length = little_endian(event.size(), 8);
  core::append_to_file(path_, length + little_endian(masked_crc(length), 4) + event +
                                  little_endian(masked_crc(event), 4));
}

void EventFile::add_scalars(int64_t step,
                            const std::vector<std::pair<std::string, double>>& values) {
  append(make_event(step, [&](auto& event) {
    pbf_builder<SummaryField> summary(event, EventField::kSummary);
    for (const auto& [tag, number] : values) {
      pbf_builder<ValueField> value(summary, SummaryField::kValue);
      value.add_string(ValueField::kTag, tag);
      value.add_float(ValueField::kSimpleValue, static_cast<float>(number));
    }
  }));
}

void EventFile::add_image(int64_t step, const std::string& tag, const video::Frame& image) {
  append(make_value(step, tag, [&](auto& value) {
    pbf_builder<ImageField> message(value, ValueField::kImage);
    message.add_int32(ImageField::kHeight, static_cast<int32_t>(image.height));
    message.add_int32(ImageField::kWidth, static_cast<int32_t>(image.width));
    message.add_int32(ImageField::kColorspace, static_cast<int32_t>(image.channels));
    message.add_bytes(ImageField::kEncoded, video::encode_png(image));
  }));
}

void EventFile::add_text(int64_t step, const std::string& tag, const std::string& markdown) {
  append(make_value(step, tag, [&](auto& value) {
    {
      pbf_builder<TensorField> tensor(value, ValueField::kTensor);
      tensor.add_enum(TensorField::kType, kTypeString);
      {
        pbf_builder<ShapeField> shape(tensor, TensorField::kShape);
        pbf_builder<DimensionField> dimension(shape, ShapeField::kDimension);
        dimension.add_int64(DimensionField::kSize, 1);
      }
      tensor.add_bytes(TensorField::kStringValue, markdown);
    }
    pbf_builder<MetadataField> metadata(value, ValueField::kMetadata);
    {
      pbf_builder<PluginDataField> plugin(metadata, MetadataField::kPluginData);
      plugin.add_string(PluginDataField::kPluginName, "text");
    }
    metadata.add_enum(MetadataField::kDataClass, kDataClassTensor);
  }));
}

}  // namespace vidgen::report
