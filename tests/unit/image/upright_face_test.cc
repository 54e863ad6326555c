#include "server/image/upright_face.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "server/image/photo.h"
#include "server/image/turn.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

// A turn, and the turn that undoes it.
struct TurnAndBack {
  Turn turn;
  Turn back;
};

constexpr TurnAndBack kTurns[] = {{Turn::kNone, Turn::kNone},
                                  {Turn::kQuarter, Turn::kThreeQuarters},
                                  {Turn::kHalf, Turn::kHalf},
                                  {Turn::kThreeQuarters, Turn::kQuarter}};

Picture Photo(const std::string& name) { return *DecodePhoto(ReadFile(PhotoPath(name)), {}); }

// The second picture below the first, on black.
Picture Stacked(const Picture& above, const Picture& below) {
  Picture both = PlainPicture(std::max(above.width, below.width), above.height + below.height, {0, 0, 0});
  int y = 0;
  for (const Picture* part : {&above, &below}) {
    for (int row = 0; row < part->height; ++row, ++y) {
      std::copy_n(part->rgb.begin() + 3 * row * part->width, 3 * part->width, both.rgb.begin() + 3 * y * both.width);
    }
  }
  return both;
}

class UprightFaceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<FaceFinder> loaded = FaceFinder::Load(ModelPath("face-finder.pt"), Device{});
    ASSERT_THAT(loaded, IsOk());
    finder_ = new FaceFinder(*std::move(loaded));
  }

  static absl::StatusOr<UprightFace> Find(const Picture& picture, FacePolicy policy) {
    return FindUprightFace(*finder_, picture, policy, [] { return absl::OkStatus(); });
  }

  static const FaceFinder* finder_;
};

const FaceFinder* UprightFaceTest::finder_ = nullptr;

TEST_F(UprightFaceTest, FindsTheSameFaceWhicheverWayUpThePhotoIs) {
  for (const char* name : {"audrey.jpg", "cage.jpg", "franck_02159.jpg", "obama4_crop.jpg"}) {
    const Picture photo = Photo(name);
    const absl::StatusOr<UprightFace> upright = Find(photo, FacePolicy::kOnly);
    ASSERT_THAT(upright, IsOk()) << name;
    EXPECT_EQ(upright->turn, Turn::kNone) << name;
    EXPECT_FALSE(upright->turned.has_value()) << name;
    for (const auto& [turn, back] : kTurns) {
      const absl::StatusOr<UprightFace> found = Find(Turned(photo, turn), FacePolicy::kOnly);
      ASSERT_THAT(found, IsOk()) << name << " turned by " << static_cast<int>(turn);
      EXPECT_EQ(found->turn, back) << name << " turned by " << static_cast<int>(turn);
      ASSERT_EQ(found->turned.has_value(), back != Turn::kNone) << name;
      EXPECT_EQ(found->turned.value_or(photo).rgb, photo.rgb) << name;
      EXPECT_EQ(found->face.box.x, upright->face.box.x) << name;
      EXPECT_EQ(found->face.landmarks->back().y, upright->face.landmarks->back().y) << name;
    }
  }
}

TEST_F(UprightFaceTest, ChoosesAmongTheFacesOfTheTurnedPhoto) {
  const Picture large = Photo("cage.jpg");
  const Picture photo = Stacked(large, Photo("audrey.jpg"));
  const absl::StatusOr<UprightFace> upright = Find(photo, FacePolicy::kLargest);
  ASSERT_THAT(upright, IsOk());
  for (const auto& [turn, back] : kTurns) {
    const Picture turned = Turned(photo, turn);
    EXPECT_THAT(Find(turned, FacePolicy::kOnly), FailsWith(Reason::SEVERAL_FACES));
    const absl::StatusOr<UprightFace> found = Find(turned, FacePolicy::kLargest);
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->turn, back);
    EXPECT_EQ(found->face.box.x, upright->face.box.x);
    EXPECT_EQ(found->face.box.y, upright->face.box.y);
  }
}

TEST_F(UprightFaceTest, FindsNoFaceWhereThereIsNoneInAnyTurn) {
  for (FacePolicy policy : {FacePolicy::kOnly, FacePolicy::kLargest, FacePolicy::kMostCentral}) {
    EXPECT_THAT(Find(FourColours(200, 100), policy), FailsWith(Reason::FACE_NOT_FOUND));
  }
}

// In the other turns a thing has three more chances to look like a face.
TEST_F(UprightFaceTest, TakesAnimalsAndFlowersForNoFacesInAnyTurn) {
  const std::filesystem::path root = std::filesystem::path(LIKENESS_DATA_DIR) / "field";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "the photos of the field are not at " << root;
  for (const char* name : {"nonface_dog.jpg", "nonface_flower2.webp"}) {
    const absl::StatusOr<Picture> photo = DecodePhoto(ReadFile(root / name), {});
    ASSERT_THAT(photo, IsOk()) << name;
    for (FacePolicy policy : {FacePolicy::kOnly, FacePolicy::kLargest, FacePolicy::kMostCentral}) {
      EXPECT_THAT(Find(*photo, policy), FailsWith(Reason::FACE_NOT_FOUND)) << name;
    }
  }
}

// A photo without a face takes four looks, so that a deadline can pass between them.
TEST_F(UprightFaceTest, LooksNoFurtherForACallerWhoHasGone) {
  int asked = 0;
  const auto gone_after_two = [&asked] { return ++asked > 2 ? absl::CancelledError("gone") : absl::OkStatus(); };
  const absl::StatusOr<UprightFace> found =
      FindUprightFace(*finder_, FourColours(200, 100), FacePolicy::kOnly, gone_after_two);
  EXPECT_EQ(found.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace likeness
