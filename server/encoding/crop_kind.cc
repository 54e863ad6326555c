#include "server/encoding/crop_kind.h"

#include "absl/strings/str_cat.h"

namespace likeness {

std::string CropKindOf(const BundleManifest& manifest) {
  switch (manifest.alignment) {
    case Alignment::kArcFace112:
      return "arcface112";
    case Alignment::kArcFace192:
      return "arcface192";
    case Alignment::kNone:
      break;
  }
  return absl::StrCat("whole", manifest.input_width, "x", manifest.input_height);
}

}  // namespace likeness
