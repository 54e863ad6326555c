// Which crops of a face a model takes.
#ifndef LIKENESS_SERVER_ENCODING_CROP_KIND_H_
#define LIKENESS_SERVER_ENCODING_CROP_KIND_H_

#include <string>

#include "server/embedding/bundle.h"

namespace likeness {

// Models of one kind take the same crop of a photo: "arcface112" and "arcface192", named after the alignment, or for
// whole photos their size, "whole100x100".
std::string CropKindOf(const BundleManifest& manifest);

}  // namespace likeness

#endif  // LIKENESS_SERVER_ENCODING_CROP_KIND_H_
