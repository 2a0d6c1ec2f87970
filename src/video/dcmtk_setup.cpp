#include "dcmtk_setup.h"

#ifdef VIDGEN_DCMTK

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <dcmtk/oflog/spi/logevent.h>

#include <cstdio>
#include <string>

namespace vidgen::video {
namespace {

thread_local bool damage_heard = false;

class DamageListener : public dcmtk::log4cplus::Appender {
 public:
  ~DamageListener() override { destructorImpl(); }
  void close() override { closed = true; }

 protected:
  void append(const dcmtk::log4cplus::spi::InternalLoggingEvent& event) override {
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

 private:
  static constexpr unsigned kMostPadding = 8;
};

}  // namespace

void prepare_dcmtk() {
  static const bool once = [] {
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
    return true;
  }();
  static_cast<void>(once);
}

bool heard_damage() { return damage_heard; }

void forget_damage() { damage_heard = false; }

}  // namespace vidgen::video

#endif
