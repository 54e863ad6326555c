#include "server/encoding/crop_kind.h"

#include <gtest/gtest.h>

namespace likeness {
namespace {

std::string KindOf(Alignment alignment, int width, int height) {
  BundleManifest manifest;
  manifest.alignment = alignment;
  manifest.input_width = width;
  manifest.input_height = height;
  return CropKindOf(manifest);
}

// A kept crop is never shown to a network that takes another one.
TEST(CropKindTest, TellsCropsApartThatShowDifferentThings) {
  EXPECT_EQ(KindOf(Alignment::kArcFace112, 112, 112), "arcface112");
  EXPECT_EQ(KindOf(Alignment::kArcFace192, 192, 192), "arcface192");
  EXPECT_EQ(KindOf(Alignment::kNone, 112, 112), "whole112x112");
  EXPECT_EQ(KindOf(Alignment::kNone, 100, 90), "whole100x90");
}

}  // namespace
}  // namespace likeness
