#include "safetensors_header.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>

#include "vidgen/core/checksum.h"
#include "vidgen/core/error.h"
#include "vidgen/core/json.h"

namespace vidgen::checkpoint {
namespace {

using core::cat;
using core::Json;

/// Bits per element of every element type of the format.
const std::map<std::string, uint64_t> kBits = {
    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"BOOL", 8},       {"U8", 8},   {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8},     {"U16", 16},       {"I16", 16}, {"F16", 16},
    {"BF16", 16},   {"U32", 32},    {"I32", 32},        {"F32", 32},       {"C64", 64}, {"F64", 64},
    {"I64", 64},    {"U64", 64},    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}};

/// Takes the events of the JSON parser. It knows at each what the format allows there, so that
/// nothing is built from what does not belong: nesting, duplicate names, other types.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(const std::filesystem::path& path) : path_(path) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a boolean"); }
  // The parser reports whole numbers from 0 as unsigned; -0 comes here too, and 2^64 or more as a
  // float.
  bool number_integer(number_integer_t value) override { refuse(cat("a negative number ", value)); }
  bool number_float(number_float_t, const string_t& text) override { refuse(text); }
  bool binary(binary_t&) override { refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape && value <= std::numeric_limits<int64_t>::max()) {
      info_.shape.push_back(static_cast<int64_t>(value));
    } else if (place_ == Place::kOffsets && offsets_.size() < 2) {
      offsets_.push_back(value);
    } else {
      refuse(cat("the number ", value));
    }
    return true;
  }

  bool string(string_t& text) override {
    if (place_ == Place::kMetadata) {
      header_.metadata[field_] = text;
    } else if (place_ == Place::kEntry && field_ == "dtype") {
      if (kBits.count(text) == 0) refuse(cat("the unknown type ", quoted(text)));
      info_.dtype = text;
    } else {
      refuse(cat("the text ", quoted(text)));
    }
    return true;
  }

  bool key(string_t& text) override {
    auto& known = place_ == Place::kNames ? names_ : fields_;
    if (!known.insert(text).second)
      fail(cat(where(), ": the key ", quoted(text), " is there twice"));
    if (place_ == Place::kEntry && text != "dtype" && text != "shape" && text != "data_offsets") {
      fail(cat(where(), ": unknown key ", quoted(text)));
    }
    (place_ == Place::kNames ? name_ : field_) = text;
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::kOutside) {
      place_ = Place::kNames;
    } else if (place_ == Place::kNames) {
      place_ = name_ == kMetadataName ? Place::kMetadata : Place::kEntry;
      info_ = {};
      field_.clear();
      fields_.clear();
      offsets_.clear();
    } else {
      refuse("an object");
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kEntry) add_tensor();
    place_ = place_ == Place::kNames ? Place::kOutside : Place::kNames;
    return true;
  }

  bool start_array(size_t) override {
    const bool shape = field_ == "shape";
    if (place_ != Place::kEntry || (!shape && field_ != "data_offsets")) refuse("a list");
    place_ = shape ? Place::kShape : Place::kOffsets;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && offsets_.size() != 2) refuse("a list that is too short");
    place_ = Place::kEntry;
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    fail(cat("the header is not JSON (at byte ", kPrefixBytes + position, " of the file)"));
  }

 private:
  enum class Place { kOutside, kNames, kMetadata, kEntry, kShape, kOffsets };

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(cat(path_.string(), ": ", problem));
  }

  std::string where() const {
    if (place_ == Place::kOutside || place_ == Place::kNames) return "header";
    const auto name = place_ == Place::kMetadata ? kMetadataName : cat("tensor ", quoted(name_));
    return field_.empty() ? name : cat(name, ", ", quoted(field_));
  }

  [[noreturn]] void refuse(const std::string& found) const {
    std::string expected = "an object";
    if (place_ == Place::kMetadata) expected = "text";
    if (place_ == Place::kEntry) expected = field_ == "dtype" ? "a type such as \"F32\"" : "a list";
    if (place_ == Place::kShape) expected = "whole numbers from 0 to 2^63 - 1";
    if (place_ == Place::kOffsets) expected = "two whole numbers from 0 to 2^64 - 1";
    const auto subject = place_ == Place::kNames ? quoted(name_) : where();
    fail(cat(subject, ": found ", found, ", expected ", expected));
  }

  void add_tensor() {
    for (const auto* field : {"dtype", "shape", "data_offsets"}) {
      if (fields_.count(field) == 0)
        fail(cat("tensor ", quoted(name_), ": no key \"", field, "\""));
    }
    info_.begin = offsets_[0];
    info_.end = offsets_[1];
    header_.tensors.emplace_back(name_, std::move(info_));
  }

  const std::filesystem::path& path_;
  SafetensorsHeader header_;
  Place place_ = Place::kOutside;
  std::set<std::string> names_;
  std::string name_;
  // Of the entry or the metadata that is being read.
  std::set<std::string> fields_;
  std::string field_;
  TensorInfo info_;
  std::vector<uint64_t> offsets_;
};

/// The bytes a tensor needs. False where the dimensions do not fit 64 bits, even if one of them is
/// 0, or the elements (some have 4 or 6 bits) do not fill whole bytes.
bool byte_size(const TensorInfo& info, uint64_t& bytes) {
  uint64_t bits = kBits.at(info.dtype);
  bool empty = false;
  for (const auto dimension : info.shape) {
    empty = empty || dimension == 0;
    const auto factor = static_cast<uint64_t>(std::max<int64_t>(dimension, 1));
    if (__builtin_mul_overflow(bits, factor, &bits)) return false;
  }
  bytes = empty ? 0 : bits / 8;
  return empty || bits % 8 == 0;
}

/// Checks that the tensors cover the data exactly once and that each has the bytes its shape needs.
void check_layout(const SafetensorsHeader& header, uint64_t data_bytes,
                  const std::filesystem::path& path) {
  std::vector<const std::pair<std::string, TensorInfo>*> by_offset;
  for (const auto& tensor : header.tensors) by_offset.push_back(&tensor);
  std::sort(by_offset.begin(), by_offset.end(), [](auto* a, auto* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });

  uint64_t position = 0;
  for (const auto* tensor : by_offset) {
    const auto& info = tensor->second;
    // Put together only where there is something to say: streams cost more than all the checks.
    const auto refuse = [&](const auto&... problem) {
      throw Error(cat(path.string(), ": tensor ", quoted(tensor->first), ": data_offsets [",
                      info.begin, ", ", info.end, "]", problem...));
    };
    if (info.begin > info.end) refuse(" end before they begin");
    if (info.end > data_bytes) refuse(" go beyond the ", data_bytes, " bytes of data in the file");
    uint64_t bytes = 0;
    if (!byte_size(info, bytes)) refuse(": no size fits the shape and type");
    if (info.end - info.begin != bytes) {
      refuse(" hold ", info.end - info.begin, " bytes; the shape needs ", bytes);
    }
    if (info.begin != position) {
      refuse(info.begin < position ? " overlap another tensor" : " leave a gap",
             ", expected to begin at ", position);
    }
    position = info.end;
  }
  if (position != data_bytes) {
    throw Error(
        cat(path.string(), ": ", data_bytes - position, " bytes at the end belong to no tensor"));
  }
}

// Two keys, so that a file in which the name of one is damaged does not pass for one without.
constexpr const char* kOfTensorsKey = "vidgen.checksums";
constexpr const char* kOfHeaderKey = "vidgen.checksum";
constexpr size_t kDigits = 16;

void append_number(std::string& bytes, uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
}

void append_text(std::string& bytes, const std::string& text) {
  append_number(bytes, text.size());
  bytes += text;
}

/// Texts with their lengths before them, and numbers, all of 8 bytes little-endian: the count of
/// the metadata, key and value of each in the order of the keys, then of each tensor its name,
/// type, count of dimensions and the dimensions.
uint64_t header_checksum(const Metadata& metadata, const std::vector<TensorOutline>& outlines) {
  std::string bytes;
  append_number(bytes, metadata.size());
  for (const auto& [key, value] : metadata) {
    append_text(bytes, key);
    append_text(bytes, value);
  }
  for (const auto& [name, dtype, shape] : outlines) {
    append_text(bytes, name);
    append_text(bytes, dtype);
    append_number(bytes, shape.size());
    for (const int64_t size : shape) append_number(bytes, static_cast<uint64_t>(size));
  }
  return core::checksum(bytes.data(), bytes.size());
}

/// False unless it is what core::checksum_text() gives.
bool parse_checksum(std::string_view text, uint64_t& checksum) {
  if (text.size() != kDigits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + kDigits, checksum, 16);
  return error == std::errc() && end == text.data() + kDigits &&
         core::checksum_text(checksum) == text;
}

/// The value of a key, which is taken out.
std::optional<std::string> take(Metadata& metadata, const char* key) {
  auto node = metadata.extract(key);
  return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

}  // namespace

std::string quoted(const std::string& name) {
  return Json(name).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

SafetensorsHeader parse_header(std::string_view json, uint64_t data_bytes,
                               const std::filesystem::path& path) {
  // JSON parsers pass over a byte-order mark, white space and NUL; the format allows only spaces,
  // at the end.
  const auto last = json.find_last_not_of(' ');
  if (json.empty() || json.front() != '{' || json[last] != '}' ||
      json.find('\0') != std::string_view::npos) {
    throw Error(
        cat(path.string(), ": the header is not one JSON object (\"{...}\", then only spaces)"));
  }
  HeaderReader reader(path);
  Json::sax_parse(json.begin(), json.end(), &reader);
  auto header = reader.take();
  check_layout(header, data_bytes, path);
  return header;
}

void refuse_damaged(const std::filesystem::path& path, const std::string& what) {
  throw Error(cat(path.string(), ": ", what,
                  " is damaged: it is not as it was written, or was changed by another "
                  "program"));
}

Metadata with_checksums(Metadata metadata, const std::vector<TensorOutline>& outlines,
                        const std::vector<uint64_t>& checksums) {
  std::string list;
  for (const uint64_t checksum : checksums)
    list += (list.empty() ? "" : " ") + core::checksum_text(checksum);
  metadata.erase(kOfHeaderKey);
  metadata[kOfTensorsKey] = list;
  metadata[kOfHeaderKey] = core::checksum_text(header_checksum(metadata, outlines));
  return metadata;
}

void take_checksums(SafetensorsHeader& header, const std::filesystem::path& path) {
  const auto of_header = take(header.metadata, kOfHeaderKey);
  header.has_checksums = header.metadata.count(kOfTensorsKey) > 0;
  if (!of_header && !header.has_checksums) return;

  std::vector<std::pair<std::string, TensorInfo>*> by_name;
  for (auto& tensor : header.tensors) by_name.push_back(&tensor);
  std::sort(by_name.begin(), by_name.end(), [](auto* a, auto* b) { return a->first < b->first; });
  std::vector<TensorOutline> outlines;
  for (const auto* tensor : by_name)
    outlines.push_back({tensor->first, tensor->second.dtype, tensor->second.shape});
  uint64_t expected = 0;
  const bool whole = of_header && parse_checksum(*of_header, expected) &&
                     header_checksum(header.metadata, outlines) == expected;
  if (!whole) refuse_damaged(path, "the header");

  const auto list = take(header.metadata, kOfTensorsKey).value_or("");
  const std::string_view view = list;
  const size_t step = kDigits + 1;
  bool complete = view.size() == (by_name.empty() ? 0 : by_name.size() * step - 1);
  for (size_t i = 0; complete && i < by_name.size(); ++i) {
    complete =
        parse_checksum(view.substr(i * step, kDigits), by_name[i]->second.checksum.emplace());
  }
  if (!complete) refuse_damaged(path, "the header");
}

}  // namespace vidgen::checkpoint
