#include "server/encoding/crop_kind.h"

#include "absl/strings/str_cat.h"

namespace likeness {

std::string CropKindOf(const BundleManifest& manifest) {
  if (manifest.alignment == Alignment::kArcFace112) return "arcface112";
  return absl::StrCat("whole", manifest.input_width, "x", manifest.input_height);
}

}  // namespace likeness
