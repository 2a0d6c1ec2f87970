#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support/videos.h"

/// A reader of TensorBoard's event files that shares nothing with the writer: what does not agree
/// with the format throws std::runtime_error.
namespace vidgen::test {

struct EventValue {
  std::string tag;
  std::optional<float> number;
  /// PNG, and the size that stands beside it.
  std::string image;
  int64_t height = 0, width = 0, channels = 0;
  std::string text;
  std::string plugin;
};

struct Event {
  double wall_time = 0;
  int64_t step = 0;
  std::string file_version;
  /// 1: the run was started; what came before from this step on is void.
  int session_status = 0;
  std::vector<EventValue> values;
};

/// CRC-32C bit by bit.
inline uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return ~crc;
}

/// The payloads of a TFRecord file.
inline std::vector<std::string> read_records(const std::string& file) {
  const auto number_at = [&](size_t at, auto number) {
    if (at + sizeof(number) > file.size()) throw std::runtime_error("the file is cut short");
    std::memcpy(&number, file.data() + at, sizeof(number));
    return number;
  };
  const auto check = [&](size_t at, size_t size) {
    const uint32_t masked = number_at(at + size, uint32_t{}) - 0xA282EAD8u;
    if ((masked >> 17 | masked << 15) != crc32c(std::string_view(file).substr(at, size))) {
      throw std::runtime_error("wrong checksum");
    }
  };
  std::vector<std::string> records;
  for (size_t at = 0; at < file.size();) {
    const auto size = number_at(at, uint64_t{});
    check(at, 8);
    check(at + 12, size);
    records.push_back(file.substr(at + 12, size));
    at += 16 + size;
  }
  return records;
}

inline EventValue read_value(protozero::pbf_reader message) {
  EventValue value;
  while (message.next()) {
    if (message.tag() == 1) {
      value.tag = message.get_string();
    } else if (message.tag() == 2) {
      value.number = message.get_float();
    } else if (message.tag() == 4) {
      auto image = message.get_message();
      while (image.next()) {
        if (image.tag() == 1)
          value.height = image.get_int32();
        else if (image.tag() == 2)
          value.width = image.get_int32();
        else if (image.tag() == 3)
          value.channels = image.get_int32();
        else if (image.tag() == 4)
          value.image = image.get_bytes();
        else
          throw std::runtime_error("unknown field of an image");
      }
    } else if (message.tag() == 8) {
      auto tensor = message.get_message();
      if (!tensor.next(1) || tensor.get_enum() != 7) throw std::runtime_error("not a string");
      if (!tensor.next(8)) throw std::runtime_error("a tensor without a string");
      value.text = tensor.get_bytes();
    } else if (message.tag() == 9) {
      auto metadata = message.get_message();
      if (!metadata.next(1)) throw std::runtime_error("metadata without a plugin");
      auto plugin = metadata.get_message();
      if (plugin.next(1)) value.plugin = plugin.get_string();
    } else {
      throw std::runtime_error("unknown field of a value");
    }
  }
  return value;
}

inline Event read_event(const std::string& record) {
  Event event;
  protozero::pbf_reader message(record);
  while (message.next()) {
    if (message.tag() == 1) {
      event.wall_time = message.get_double();
    } else if (message.tag() == 2) {
      event.step = message.get_int64();
    } else if (message.tag() == 3) {
      event.file_version = message.get_string();
    } else if (message.tag() == 5) {
      auto summary = message.get_message();
      while (summary.next(1)) event.values.push_back(read_value(summary.get_message()));
    } else if (message.tag() == 7) {
      auto log = message.get_message();
      if (log.next(1)) event.session_status = log.get_enum();
    } else {
      throw std::runtime_error("unknown field of an event");
    }
  }
  return event;
}

inline std::vector<Event> read_events(const std::filesystem::path& path) {
  std::vector<Event> events;
  for (const auto& record : read_records(read_bytes(path))) events.push_back(read_event(record));
  return events;
}

}  // namespace vidgen::test
