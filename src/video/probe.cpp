#include "vidgen/video/probe.h"

#include <sstream>
#include <string>
#include <unordered_map>

#include "file_kind.h"
#include "picture_source.h"
#include "vidgen/core/error.h"
#include "vidgen/core/files.h"

namespace vidgen::video {
namespace {

struct NameList {
  NameKind kind;
  const char* extensions;
};

// A name that stands here saves opening the file; all others are judged by their content.
constexpr NameList kLists[] = {
    {NameKind::kVideo,
     "264 265 3g2 3gp 3gp2 3gpp amv apng asf av1 avc avi avs2 avs3 bik bik2 bk2 cavs cine dav dif "
     "divx dnxhd drc dv dvr-ms evo f4v flc fli flv gif gxf h261 h263 h264 h265 hevc ifv insv ipu "
     "ism ismv ivf ivr m1v m2p m2t m2ts m2v m4v mj2 mjpeg mjpg mk3d mkv mlv mov mp4 mp4v mpe mpeg "
     "mpg mpv mpv2 mts mxf mxg nsv nut nuv obu ogm ogv ogx qt r3d rcv rm rmvb roq rv ser smk swf "
     "thp tod tp trp ts vc1 viv vivo vob vp8 vp9 vro webm wmv wtv xesc xvid y4m"},
    {NameKind::kPicture,
     "avif bmp dds dib dpx exr heic heics heif heifs j2k jls jp2 jpe jpeg jpg jxl pam pbm pcx pgm "
     "png pnm ppm psd qoi ras sgi tga tif tiff webp"},
    {NameKind::kOther,
     "7z aac aax aae ac3 ai aif aifc aiff amr ape arw ass asx ate au avro awb bak bash bat bib bup "
     "bz2 c caf cc cfg class clips cmake cmd conf cpp cr2 cr3 crdownload crt csh css csv cu cue "
     "cxx db deb dll dng doc docm docx ds_store dsf dts edl eot eps epub eml exe fish flac fits "
     "gitignore go gpx gz h h5 hdf hdf5 hh hpp htm html hxx ico idx ifo ini ipynb iso jar java js "
     "json jsonl key kml kmz l lnk lock log lrc lrf lrv lua lz4 lzma m m3u m3u8 m4 m4a m4b m4r mak "
     "make md md5 mid midi mk mka mks mp1 mp2 mp3 mpa mpc mpl mpo msg msgpack mtl nef nfo npy npz "
     "o oga opus odp ods odt onnx orf otf par2 parquet part pb pdf pem php pickle pkl pl pls pps "
     "ppt pptx ps ps1 pt pth py pyc qpf r ra raf rar rb rels rs rst rtf rw2 s safetensors scc sfv "
     "sh sha1 sha256 sig smi so sql sqlite sqlite3 srt srw ssa sta stl svg sup swift sym tar tbz "
     "tex tfevents tfrecord tgz thm tmp toml torrent tsv ttf ttml txt txz url usf vcf vtt wav wave "
     "whl wma woff woff2 wpl wv xcf xls xlsx xml xmp xspf xsl xz yaml yml z zip zst"}};

const std::unordered_map<std::string, NameKind>& kinds() {
  static const auto kKinds = [] {
    std::unordered_map<std::string, NameKind> kinds;
    for (const NameList& list : kLists) {
      std::istringstream extensions(list.extensions);
      for (std::string name; extensions >> name;) kinds.emplace("." + name, list.kind);
    }
    return kinds;
  }();
  return kKinds;
}

/// Whether FFmpeg decodes a picture of it.
bool shows_picture(const std::filesystem::path& path) {
  try {
    return open_with_ffmpeg(path, /*threads=*/1)->next();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

NameKind kind_of_name(const std::filesystem::path& path) {
  if (core::is_temporary_name(path)) return NameKind::kOther;
  const auto found = kinds().find(core::lower_extension(path));
  return found == kinds().end() ? NameKind::kUnknown : found->second;
}

bool holds_video(const std::filesystem::path& path) {
  const FileKind kind = look_at_file(path, Probe::kQuick);
  if (!kind.refusal.empty() || kind.still || !kind.certain) return false;
  switch (kind.player) {
    case FileKind::Player::kWebp:
      return true;
    case FileKind::Player::kDicom:
      return is_dicom_recording(path);
    default:
      return shows_picture(path);
  }
}

bool is_animated(const std::filesystem::path& path) {
  const std::string extension = core::lower_extension(path);
  if (extension == ".png") return !look_at_picture(path).still;
  if (extension.rfind(".tif", 0) == 0) return !look_at_picture(path).refusal.empty();
  if (extension == ".webp") return look_at_picture(path).player == FileKind::Player::kWebp;
  const bool family = extension == ".avif" || extension.rfind(".hei", 0) == 0;
  return family && is_picture_track(path) && shows_picture(path);
}

}  // namespace vidgen::video
