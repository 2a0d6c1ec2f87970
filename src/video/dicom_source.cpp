#include "picture_source.h"
#include "vidgen/core/error.h"

#ifdef VIDGEN_DCMTK

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dccodec.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmimage/diregist.h>
#include <dcmtk/dcmimgle/dcmimage.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <dcmtk/oflog/spi/logevent.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <mutex>
#include <optional>

namespace vidgen::video {
namespace {

namespace fs = std::filesystem;

constexpr long kMostFrames = 1'000'000;
/// Values of more bytes, which are the pictures, stay in the file until they are needed.
constexpr Uint32 kReadAhead = 4096;

/// Whether DCMTK, which decodes in this thread, mentioned damage: it only logs it, and goes on.
thread_local bool damage_heard = false;

class DamageListener : public dcmtk::log4cplus::Appender {
 public:
  ~DamageListener() override { destructorImpl(); }
  void close() override { closed = true; }

 protected:
  void append(const dcmtk::log4cplus::spi::InternalLoggingEvent& event) override {
    constexpr unsigned kMostPadding = 8;
    const std::string& text = event.getMessage();
    // Some devices put bytes between a picture and its end.
    unsigned padding = 0;
    if (std::sscanf(text.c_str(), "Corrupt JPEG data: %u extraneous", &padding) == 1 &&
        padding <= kMostPadding) {
      return;
    }
    for (const char* damage : {"Corrupt JPEG data", "Premature end of JPEG file", "RLE decoder"}) {
      damage_heard |= text.find(damage) != std::string::npos;
    }
  }
};

/// Sets DCMTK up once. It prints nothing, as it might name what is in the file.
void prepare_dcmtk() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    const dcmtk::log4cplus::SharedAppenderPtr listener(new DamageListener);
    for (const char* name : {"dcmtk.dcmjpeg", "dcmtk.dcmdata"}) {
      OFLogger logger = OFLog::getLogger(name);
      logger.setLogLevel(OFLogger::WARN_LOG_LEVEL);
      logger.setAdditivity(false);
      logger.addAppender(listener);
    }
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    DcmRLEDecoderRegistration::registerCodecs();
  });
}

double number_of(DcmDataset& dataset, const DcmTagKey& tag) {
  // Decimal strings, integer strings and binary numbers alike.
  DcmElement* element = nullptr;
  if (dataset.findAndGetElement(tag, element).bad() || !element) return 0;
  Float64 value = 0;
  if (element->getFloat64(value).good()) return value;
  Float32 single = 0;
  if (element->getFloat32(single).good()) return single;
  Sint32 whole = 0;
  return element->getSint32(whole).good() ? whole : 0;
}

long frames_of(DcmDataset& dataset) {
  Sint32 frames = 0;
  if (dataset.findAndGetSint32(DCM_NumberOfFrames, frames).bad()) return 1;
  return frames;
}

/// When each frame begins and the last one ends, in seconds; nothing when the file does not say.
std::vector<double> times_of(DcmDataset& dataset, long frames) {
  std::vector<double> times;
  DcmElement* element = nullptr;
  if (dataset.findAndGetElement(DCM_FrameTimeVector, element).good() && element &&
      element->getVM() == static_cast<unsigned long>(frames) && frames > 1) {
    double time = 0;
    for (long i = 0; i < frames; ++i) {
      Float64 milliseconds = 0;  // since the frame before
      if (element->getFloat64(milliseconds, static_cast<unsigned long>(i)).bad()) return {};
      if (i > 0 && !(milliseconds > 0)) return {};
      time += i == 0 ? 0 : milliseconds / 1000;
      times.push_back(time);
    }
    times.push_back(time + time / static_cast<double>(frames - 1));
    return times;
  }
  double seconds = number_of(dataset, DCM_FrameTime) / 1000;
  for (const DcmTagKey& tag :
       {DCM_CineRate, DCM_RecommendedDisplayFrameRate, DCM_RecommendedDisplayFrameRateInFloat}) {
    const double rate = number_of(dataset, tag);
    if (!(seconds > 0) && rate > 0) seconds = 1 / rate;
  }
  if (!(seconds > 0)) seconds = number_of(dataset, DCM_ActualFrameDuration) / 1000;
  if (!(seconds > 0)) return {};
  for (long i = 0; i <= frames; ++i) times.push_back(static_cast<double>(i) * seconds);
  return times;
}

class DicomSource : public PictureSource {
 public:
  explicit DicomSource(const fs::path& path) : path_(path) {
    prepare_dcmtk();
    load();
    times_ = times_of(*file_.getDataset(), frames_);
    long first = 0;
    for (; first < frames_ && !decode(first); ++first) drop_first_item();
    if (first == frames_) fail("is a DICOM file, none of whose pictures can be decoded");
    find_range();
    read_header();
  }

  bool next() override {
    for (; next_ < frames_; ++next_) {
      if (decode(next_)) {
        choose_window(*image_);
        if (image_->getOutputData(pixels_.data(), static_cast<unsigned long>(pixels_.size()),
                                  /*bits=*/8)) {
          accept();
          shown_ = static_cast<size_t>(next_++);
          return true;
        }
      }
      leave_out(times_.empty() ? 0 : times_[static_cast<size_t>(next_)],
                core::cat("picture ", next_ + 1, " cannot be decoded (DICOM)"));
    }
    return false;
  }

  double time() const override {
    return times_.empty() ? std::numeric_limits<double>::quiet_NaN() : times_[shown_];
  }
  double duration() const override {
    return times_.empty() ? 0 : times_[shown_ + 1] - times_[shown_];
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(path_.string() + ": " + reason);
  }

  void load() {
    const OFFilename name(path_.c_str());
    OFCondition loaded = file_.loadFile(name, EXS_Unknown, EGL_noChange, kReadAhead);
    // What is read ahead of a file that is cut short is filled up with zeros.
    if (loaded.bad()) loaded = file_.loadFile(name, EXS_Unknown, EGL_noChange, /*maxReadLength=*/0);
    DcmDataset& dataset = *file_.getDataset();
    // What is cut short has whole pictures before its end.
    if (loaded.bad() && !dataset.tagExists(DCM_PixelData)) {
      fail(core::cat("is a damaged DICOM file: ", loaded.text()));
    }
    if (!dataset.tagExists(DCM_PixelData)) fail("is a DICOM file without pictures");
    frames_ = frames_of(dataset);
    if (frames_ < 1 || frames_ > kMostFrames) {
      fail(core::cat("is a damaged DICOM file: it claims to hold ", frames_, " pictures"));
    }
    syntax_ = dataset.getOriginalXfer();
    Uint16 bits = 0;
    dataset.findAndGetUint16(DCM_BitsAllocated, bits);
    if (syntax_ == EXS_BigEndianExplicit && bits > 16) {
      fail(core::cat("is a DICOM file of ", bits, " bits in big-endian order, which is not read"));
    }
    const DcmXfer syntax(syntax_);
    if (syntax.isEncapsulated() &&
        !DcmCodecList::canChangeCoding(syntax_, EXS_LittleEndianExplicit)) {
      fail(core::cat("is a DICOM file whose pictures are compressed in a way that is not read: ",
                     syntax.getXferName()));
    }
    if (!syntax.isEncapsulated()) return;
    DcmElement* element = nullptr;
    dataset.findAndGetElement(DCM_PixelData, element);
    auto* pixels = dynamic_cast<DcmPixelData*>(element);
    if (!pixels || pixels->getEncapsulatedRepresentation(syntax_, nullptr, items_).bad() ||
        !items_) {
      fail("is a damaged DICOM file: its pictures cannot be found");
    }
    if (loaded.bad()) use_whole_items();
  }

  /// DCMTK decodes compressed pictures only where there are as many as the file says: it is told
  /// how many are left. Each is taken for one item, which RLE has to be and the others nearly
  /// always are.
  void use_whole_items() {
    long whole = 0;
    for (unsigned long i = 1; i < items_->card(); ++i) {  // the first is a table
      DcmPixelItem* item = nullptr;
      Uint8* bytes = nullptr;
      if (items_->getItem(item, i).bad() || item->getUint8Array(bytes).bad() || !bytes) break;
      const bool begins = item->getLength() > 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
      if (syntax_ != EXS_RLELossless && !begins) {
        fail(
            "is a damaged DICOM file: it is cut short, and its pictures are in several items each");
      }
      ++whole;
    }
    while (items_->card() > static_cast<unsigned long>(whole) + 1) remove_item(items_->card() - 1);
    say_frames(whole);
  }

  /// DCMTK has to decode the first picture for each of the others: a damaged one is taken away.
  void drop_first_item() {
    const long left = frames_of(*file_.getDataset());
    if (!items_ || left < 2 || items_->card() != static_cast<unsigned long>(left) + 1) return;
    remove_item(1);
    say_frames(left - 1);
    ++dropped_;
  }

  void remove_item(unsigned long place) {
    DcmPixelItem* item = nullptr;
    if (items_->remove(item, place).bad()) fail("is a damaged DICOM file");
    delete item;
  }

  void say_frames(long frames) {
    file_.getDataset()->putAndInsertString(DCM_NumberOfFrames, std::to_string(frames).c_str());
  }

  /// Goes on to a frame; whether it can be decoded.
  bool decode(long frame) {
    const bool follows = image_ && decoded_ >= 0 && frame == decoded_ + 1;
    decoded_ = -1;
    if (frame < dropped_) return false;
    const auto place = static_cast<unsigned long>(frame - dropped_);
    damage_heard = false;
    if (!follows || !image_->processNextFrames(1)) {
      image_ = std::make_unique<DicomImage>(file_.getDataset(), syntax_,
                                            CIF_UsePartialAccessToPixelData, place, 1ul);
    }
    if (damage_heard || image_->getStatus() != EIS_Normal || image_->getFirstFrame() != place) {
      image_.reset();
      return false;
    }
    decoded_ = frame;
    return true;
  }

  /// What is to be seen of values that have more bits than a screen, and without drawings: as the
  /// file says, else all that occur in it.
  void choose_window(DicomImage& image) const {
    if (!image.isMonochrome()) return;
    image.hideAllOverlays();
    if (image.getWindowCount() > 0) {
      image.setWindow(0);
    } else if (range_) {
      const double width = std::max((*range_)[1] - (*range_)[0] + 1, 1.0);
      image.setWindow((*range_)[0] + width / 2, width);
    } else {
      image.setNoVoiTransformation();
    }
  }

  void find_range() {
    if (!image_->isMonochrome() || image_->getWindowCount() > 0 || image_->getDepth() == 8) return;
    for (long frame = 0; frame < frames_; ++frame) {
      double low = 0, high = 0;
      if (!decode(frame) || !image_->getMinMaxValues(low, high)) continue;
      if (!range_) range_ = {low, high};
      (*range_)[0] = std::min((*range_)[0], low);
      (*range_)[1] = std::max((*range_)[1], high);
    }
    if (!image_ && !decode(0)) decode(frames_ - 1);
  }

  void read_header() {
    long frame = 0;
    while (!image_ && frame < frames_) decode(frame++);
    if (!image_) fail("is a DICOM file, none of whose pictures can be decoded");
    const bool gray = image_->isMonochrome();
    header_.width = static_cast<int64_t>(image_->getWidth());
    header_.height = static_cast<int64_t>(image_->getHeight());
    const double aspect = image_->getWidthHeightRatio();
    if (aspect > 0) header_.pixel_aspect = aspect;
    header_.frames = frames_;
    if (!times_.empty()) {
      header_.end = times_.back();
      header_.fps = static_cast<double>(frames_) / times_.back();
    } else {
      header_.notes.push_back("does not say when its pictures are shown: taken for 25 a second");
    }
    pixels_.resize(static_cast<size_t>(header_.width * header_.height) * (gray ? 1 : 3));
    picture_->format = gray ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
    picture_->width = static_cast<int>(header_.width);
    picture_->height = static_cast<int>(header_.height);
    picture_->linesize[0] = picture_->width * (gray ? 1 : 3);
    picture_->data[0] = pixels_.data();
    picture_->color_range = AVCOL_RANGE_JPEG;
    if (!gray) picture_->colorspace = AVCOL_SPC_RGB;
  }

  const fs::path path_;
  DcmFileFormat file_;
  E_TransferSyntax syntax_ = EXS_Unknown;
  DcmPixelSequence* items_ = nullptr;  // of compressed pictures
  long dropped_ = 0;
  long frames_ = 0;
  std::vector<double> times_;
  std::unique_ptr<DicomImage> image_;
  long decoded_ = -1;
  /// The darkest and the brightest value of all frames, where the file does not say which are to be
  /// seen and a value has more than eight bits, or fewer.
  std::optional<std::array<double, 2>> range_;
  std::vector<uint8_t> pixels_;
  long next_ = 0;
  size_t shown_ = 0;
};

}  // namespace

std::unique_ptr<PictureSource> open_dicom(const fs::path& path) {
  return std::make_unique<DicomSource>(path);
}

bool is_dicom_recording(const fs::path& path) {
  prepare_dcmtk();
  DcmFileFormat file;
  // What is wrong with it is said when it is opened.
  if (file.loadFileUntilTag(OFFilename(path.c_str()), EXS_Unknown, EGL_noChange, kReadAhead,
                            ERM_autoDetect, DCM_PixelData)
          .bad()) {
    return true;
  }
  return frames_of(*file.getDataset()) > 1;
}

#else

namespace vidgen::video {

std::unique_ptr<PictureSource> open_dicom(const std::filesystem::path& path) {
  throw Error(path.string() +
              ": is a DICOM file, which this vidgen cannot read: it was built without DCMTK "
              "(Debian: libdcmtk-dev)");
}

bool is_dicom_recording(const std::filesystem::path&) { return true; }

#endif

}  // namespace vidgen::video
