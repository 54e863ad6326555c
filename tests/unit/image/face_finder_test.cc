#include "server/image/face_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/image/alignment.h"
#include "server/image/codecs/orientation.h"
#include "server/image/photo.h"
#include "tests/support/bundles.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Picture Photo(const std::string& name) { return *DecodePhoto(ReadFile(PhotoPath(name)), {}); }

// The pictures beside each other, on black.
Picture SideBySide(const Picture& left, const Picture& right) {
  const int height = std::max(left.height, right.height);
  Picture both = PlainPicture(left.width + right.width, height, {0, 0, 0});
  int x = 0;
  for (const Picture* part : {&left, &right}) {
    for (int y = 0; y < part->height; ++y) {
      std::copy_n(part->rgb.begin() + 3 * y * part->width, 3 * part->width,
                  both.rgb.begin() + 3 * (y * both.width + x));
    }
    x += part->width;
  }
  return both;
}

// The part of the picture whose upper left corner is there.
Picture Cut(const Picture& picture, int left, int top, int width, int height) {
  Picture part = PlainPicture(width, height, {0, 0, 0});
  for (int y = 0; y < height; ++y) {
    std::copy_n(picture.rgb.begin() + 3 * ((top + y) * picture.width + left), 3 * width,
                part.rgb.begin() + 3 * y * width);
  }
  return part;
}

class FaceFinderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<FaceFinder> loaded = FaceFinder::Load(ModelPath("face-finder.pt"), Device{});
    ASSERT_THAT(loaded, IsOk());
    finder_ = new FaceFinder(*std::move(loaded));
  }

  static const FaceFinder* finder_;
};

const FaceFinder* FaceFinderTest::finder_ = nullptr;

TEST_F(FaceFinderTest, FindsTheFaceOfAPortrait) {
  for (const char* name : {"audrey.jpg", "audrey_crop.jpg", "cage.jpg", "franck_02159.jpg", "obama4_crop.jpg"}) {
    EXPECT_THAT(finder_->Find(Photo(name)), IsOkAndHolds(SizeIs(1))) << name;
  }
}

TEST_F(FaceFinderTest, PlacesLandmarksAsAFaceHasThem) {
  const Picture photo = Photo("audrey.jpg");
  const absl::StatusOr<std::vector<Face>> faces = finder_->Find(photo);
  ASSERT_THAT(faces, IsOkAndHolds(SizeIs(1)));
  const Face& face = faces->front();
  ASSERT_TRUE(face.landmarks.has_value());
  const auto& [left_eye, right_eye, nose, left_mouth, right_mouth] = *face.landmarks;
  EXPECT_LT(left_eye.x, nose.x);
  EXPECT_LT(nose.x, right_eye.x);
  EXPECT_LT(left_mouth.x, right_mouth.x);
  EXPECT_LT(std::max(left_eye.y, right_eye.y), nose.y);
  EXPECT_LT(nose.y, std::min(left_mouth.y, right_mouth.y));
  for (const Point& landmark : *face.landmarks) {
    EXPECT_TRUE(landmark.x > face.box.x && landmark.x < face.box.x + face.box.width);
    EXPECT_TRUE(landmark.y > face.box.y && landmark.y < face.box.y + face.box.height);
  }
  EXPECT_GT(face.score, 0.9f);
  EXPECT_LE(face.score, 1.0f);
}

TEST_F(FaceFinderTest, TakesMasksForNoFaces) {
  for (const char* name : {"vendetta.jpg", "skullmask.jpg", "ironman.jpg"}) {
    EXPECT_THAT(finder_->Find(Photo(name)), IsOkAndHolds(IsEmpty())) << name;
  }
}

TEST_F(FaceFinderTest, TakesAnimalsAndFlowersForNoFaces) {
  const std::filesystem::path root = std::filesystem::path(LIKENESS_DATA_DIR) / "field";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "the photos of the field are not at " << root;
  for (const char* name : {"nonface_dog.jpg", "nonface_flower2.webp"}) {
    const absl::StatusOr<Picture> photo = DecodePhoto(ReadFile(root / name), {});
    ASSERT_THAT(photo, IsOk()) << name;
    EXPECT_THAT(finder_->Find(*photo), IsOkAndHolds(IsEmpty())) << name;
  }
}

TEST_F(FaceFinderTest, FindsNothingInPlainPicturesOfAnyShape) {
  for (const auto& [width, height] : {std::pair{24, 24}, {320, 240}, {1, 1}, {3000, 24}, {24, 3000}, {20000, 24}}) {
    EXPECT_THAT(finder_->Find(PlainPicture(width, height, {128, 128, 128})), IsOkAndHolds(IsEmpty()))
        << width << "x" << height;
  }
}

// The first look finds no face in these: it wants to see what is around one.
TEST_F(FaceFinderTest, FindsAFaceThatFillsThePicture) {
  for (const char* name : {"cage.jpg", "sean_guru2_crop.jpg", "walter2_crop.jpg"}) {
    const Picture photo = Photo(name);
    const absl::StatusOr<std::vector<Face>> whole = finder_->Find(photo);
    ASSERT_THAT(whole, IsOkAndHolds(SizeIs(1))) << name;
    const Box& box = whole->front().box;
    const int left = static_cast<int>(box.x + 0.12f * box.width), top = static_cast<int>(box.y + 0.12f * box.height);
    const Picture cut =
        Cut(photo, left, top, static_cast<int>(0.76f * box.width), static_cast<int>(0.76f * box.height));
    const absl::StatusOr<std::vector<Face>> faces = finder_->Find(cut);
    ASSERT_THAT(faces, IsOkAndHolds(SizeIs(1))) << name;
    const float tolerance = 0.08f * box.width;  // the forehead is gone, too
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_NEAR((*faces->front().landmarks)[i].x + static_cast<float>(left), (*whole->front().landmarks)[i].x,
                  tolerance)
          << name << ", " << i;
      EXPECT_NEAR((*faces->front().landmarks)[i].y + static_cast<float>(top), (*whole->front().landmarks)[i].y,
                  tolerance)
          << name << ", " << i;
    }
  }
}

TEST_F(FaceFinderTest, FindsNothingInNoise) {
  std::mt19937 random(1);
  for (int side : {64, 200, 333}) {
    Picture noise = PlainPicture(side, side, {0, 0, 0});
    for (uint8_t& value : noise.rgb) value = static_cast<uint8_t>(random());
    EXPECT_THAT(finder_->Find(noise), IsOkAndHolds(IsEmpty())) << side;
    // The same as spots of a face's size.
    EXPECT_THAT(finder_->Find(ResizeWhole(ResizeWhole(noise, 8, 8), side, side)), IsOkAndHolds(IsEmpty())) << side;
  }
}

TEST_F(FaceFinderTest, FindsBothFacesOfTwoAndTheMostCertainFirst) {
  const Picture left = Photo("audrey.jpg");
  const absl::StatusOr<std::vector<Face>> faces = finder_->Find(SideBySide(left, Photo("cage.jpg")));
  ASSERT_THAT(faces, IsOkAndHolds(SizeIs(2)));
  EXPECT_GE((*faces)[0].score, (*faces)[1].score);
  std::vector<float> centres = {(*faces)[0].box.Centre().x, (*faces)[1].box.Centre().x};
  std::sort(centres.begin(), centres.end());
  EXPECT_LT(centres[0], static_cast<float>(left.width));
  EXPECT_GT(centres[1], static_cast<float>(left.width));
}

TEST_F(FaceFinderTest, FindsTheSameFaceInAPhotoOfAnotherSize) {
  const Picture photo = Photo("cage.jpg");
  const absl::StatusOr<std::vector<Face>> small = finder_->Find(photo);
  const absl::StatusOr<std::vector<Face>> large = finder_->Find(ResizeWhole(photo, 2 * photo.width, 2 * photo.height));
  ASSERT_THAT(small, IsOkAndHolds(SizeIs(1)));
  ASSERT_THAT(large, IsOkAndHolds(SizeIs(1)));
  for (size_t i = 0; i < 5; ++i) {
    const Point& expected = (*small->front().landmarks)[i];
    EXPECT_NEAR((*large->front().landmarks)[i].x / 2, expected.x, 6) << i;
    EXPECT_NEAR((*large->front().landmarks)[i].y / 2, expected.y, 6) << i;
  }
}

TEST_F(FaceFinderTest, FindsTheFaceOfAPhotoThatWasTakenOnItsSide) {
  // The sensor's rows are the columns of the upright photo; EXIF says so.
  const Picture upright = Photo("cage.jpg");
  const Picture stored = MakeUpright(upright, Orientation::kQuarterTurnLeft);
  const std::string photo = PngWithExif(EncodePng(stored), ExifBlock(6));
  const absl::StatusOr<Picture> decoded = DecodePhoto(photo, {});
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->rgb, upright.rgb);
  EXPECT_THAT(finder_->Find(*decoded), IsOkAndHolds(SizeIs(1)));
}

TEST(FaceFinderLoadTest, RefusesABundleOfAnotherKind) {
  const std::string path = ModelPath("mobilefacenet-192.pt");
  EXPECT_THAT(FaceFinder::Load(path, Device{}).status(),
              HasStatus(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr(path), HasSubstr("field kind"))));
}

struct WrongBundle {
  const char* from;
  const char* to;
  const char* message;
};

TEST(FaceFinderLoadTest, RefusesASealedBundleThatContradictsItself) {
  const WrongBundle cases[] = {
      {R"("min_score": 0.6)", R"("min_scare": 0.6)", "field detector.min_score is missing"},
      {R"("rounds": 2)", R"("rounds": 0)", "field landmarks.rounds is not above 0"},
      {R"("size": 48)", R"("size": 47)", "the network"},
      {R"("width": 320)", R"("width": 9e8)", "field detector.width"},
  };
  for (const WrongBundle& c : cases) {
    const std::string path = UniquePath("face-finder.pt");
    WriteFile(path, EditAndSeal(ReadFile(ModelPath("face-finder.pt")), c.from, c.to));
    EXPECT_THAT(FaceFinder::Load(path, Device{}).status(), Not(IsOk())) << c.to;
    EXPECT_THAT(std::string(FaceFinder::Load(path, Device{}).status().message()),
                AllOf(HasSubstr(path), HasSubstr(c.message)));
  }
}

}  // namespace
}  // namespace likeness
