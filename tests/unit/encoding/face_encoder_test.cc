#include "server/encoding/face_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "server/embedding/torch_embedder.h"
#include "server/errors/errors.h"
#include "server/image/alignment.h"
#include "server/verification/distance.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

absl::Status Wanted() { return absl::OkStatus(); }

class FaceEncoderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<FaceFinder> loaded = FaceFinder::Load(ModelPath("face-finder.pt"), Device{});
    ASSERT_THAT(loaded, IsOk());
    finder_ = new FaceFinder(*std::move(loaded));
  }

  // The embedder takes aligned faces instead of whole photos.
  void ExpectFaces(Alignment alignment = Alignment::kArcFace112, int side = 112) {
    BundleManifest& manifest = embedder_.mutable_manifest();
    manifest.alignment = alignment;
    manifest.input_width = side;
    manifest.input_height = side;
  }

  static const FaceFinder* finder_;
  FakeEmbedder embedder_;
  Metrics metrics_;
  const FaceEncoder encoder_{*finder_, PhotoLimits{}, metrics_};
};

const FaceFinder* FaceEncoderTest::finder_ = nullptr;

TEST_F(FaceEncoderTest, EmbedsTheWholePhotoWhenTheModelNeedsNoAlignment) {
  const std::string photo = EncodePnm(PlainPicture(40, 30, {255, 0, 51}));
  const absl::StatusOr<EncodedFace> encoded = encoder_.Encode(embedder_, photo, FacePolicy::kOnly, Wanted);
  ASSERT_THAT(encoded, IsOk());
  EXPECT_THAT(encoded->embedding.values, ElementsAre(FloatNear(1, 1e-5), FloatNear(0, 1e-5), FloatNear(0.2, 1e-5)));
  EXPECT_EQ(encoded->embedding.model, embedder_.digest());
  EXPECT_EQ(encoded->face.box.x, 0);
  EXPECT_EQ(encoded->face.box.width, 40);
  EXPECT_EQ(encoded->face.box.height, 30);
  EXPECT_EQ(encoded->face.score, 1);
  EXPECT_FALSE(encoded->face.landmarks.has_value());
}

// A photo that is dear to decode must not go on costing when its caller has gone.
TEST_F(FaceEncoderTest, StopsDecodingWhenNobodyWaitsAnyLonger) {
  const std::string photo = EncodeJpeg(PlainPicture(640, 480, {255, 0, 51}));
  const std::string damaged = photo.substr(0, photo.size() / 2);
  int asked = 0;
  const auto gone_after_the_start = [&] {
    return ++asked == 1 ? absl::OkStatus() : MakeError(Reason::CANCELLED, "the caller has gone");
  };
  EXPECT_THAT(encoder_.Encode(embedder_, damaged, FacePolicy::kOnly, Wanted), FailsWith(Reason::PHOTO_CORRUPT));
  EXPECT_THAT(encoder_.Encode(embedder_, damaged, FacePolicy::kOnly, gone_after_the_start),
              FailsWith(Reason::CANCELLED));
}

TEST_F(FaceEncoderTest, SaysWhereTheFaceIsInThePhotoWhenItLookedAtASmallerPicture) {
  ExpectFaces();
  const absl::StatusOr<Picture> photo = DecodePhoto(ReadFile(PhotoPath("audrey.jpg")), {});
  ASSERT_THAT(photo, IsOk());
  constexpr int kTimes = 8;
  const Picture large = ResizeWhole(*photo, photo->width * kTimes, photo->height * kTimes);
  const auto small_face = encoder_.Encode(embedder_, EncodePnm(*photo), FacePolicy::kOnly, Wanted);
  const auto large_face = encoder_.Encode(embedder_, EncodeJpeg(large), FacePolicy::kOnly, Wanted);
  ASSERT_THAT(small_face, IsOk());
  ASSERT_THAT(large_face, IsOk());
  const float tolerance = 0.02f * large_face->face.box.width;
  EXPECT_NEAR(large_face->face.box.x, kTimes * small_face->face.box.x, tolerance);
  EXPECT_NEAR(large_face->face.box.height, kTimes * small_face->face.box.height, tolerance);
  EXPECT_NEAR(large_face->face.landmarks->back().y, kTimes * small_face->face.landmarks->back().y, tolerance);
}

TEST_F(FaceEncoderTest, ShowsTheNetworkTheSameFaceWhicheverWayUpThePhotoIs) {
  ExpectFaces();
  Picture seen;
  embedder_.embed = [&](const Picture& crop) {
    seen = crop;
    return MeanColour(crop);
  };
  const Picture photo = *DecodePhoto(ReadFile(PhotoPath("audrey.jpg")), {});
  const auto upright = encoder_.Encode(embedder_, EncodePnm(photo), FacePolicy::kOnly, Wanted);
  ASSERT_THAT(upright, IsOk());
  EXPECT_EQ(upright->turn, Turn::kNone);
  const Picture expected = seen;
  const auto turned = encoder_.Encode(embedder_, EncodePnm(Turned(photo, Turn::kQuarter)), FacePolicy::kOnly, Wanted);
  ASSERT_THAT(turned, IsOk());
  EXPECT_EQ(turned->turn, Turn::kThreeQuarters);
  EXPECT_EQ(seen.rgb, expected.rgb);
  EXPECT_EQ(turned->quality->roll, upright->quality->roll);
  EXPECT_EQ(turned->quality->inside, upright->quality->inside);
  // In the photo as it was sent: what is high up in the upright photo is far right.
  const float height = static_cast<float>(photo.height);
  EXPECT_FLOAT_EQ(turned->face.landmarks->front().x, height - upright->face.landmarks->front().y);
  EXPECT_FLOAT_EQ(turned->face.landmarks->front().y, upright->face.landmarks->front().x);
  EXPECT_FLOAT_EQ(turned->face.box.y, upright->face.box.x);
  EXPECT_FLOAT_EQ(turned->face.box.width, upright->face.box.height);
}

TEST_F(FaceEncoderTest, HandsTheEmbedderACropOfTheSizeItExpects) {
  embedder_.embed = [](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
    return std::vector<float>{static_cast<float>(crop.width), static_cast<float>(crop.height)};
  };
  embedder_.mutable_manifest().input_width = 10;
  embedder_.mutable_manifest().input_height = 20;
  const auto encoded = encoder_.Encode(embedder_, EncodePnm(FourColours(40, 30)), FacePolicy::kOnly, Wanted);
  ASSERT_THAT(encoded, IsOk());
  EXPECT_THAT(encoded->embedding.values, ElementsAre(10, 20));
}

TEST_F(FaceEncoderTest, AlignsTheFaceThatThePolicyChooses) {
  ExpectFaces();
  Picture seen;
  embedder_.embed = [&](const Picture& crop) {
    seen = crop;
    return MeanColour(crop);
  };
  const auto encoded = encoder_.Encode(embedder_, ReadFile(PhotoPath("audrey.jpg")), FacePolicy::kOnly, Wanted);
  ASSERT_THAT(encoded, IsOk());
  EXPECT_TRUE(encoded->face.landmarks.has_value());
  EXPECT_EQ(seen.width, 112);
  EXPECT_EQ(seen.height, 112);
}

TEST_F(FaceEncoderTest, AlignsTheFaceInALargerCropForANetworkThatWantsOne) {
  ExpectFaces(Alignment::kArcFace192, 192);
  Picture seen;
  embedder_.embed = [&](const Picture& crop) {
    seen = crop;
    return MeanColour(crop);
  };
  const auto encoded = encoder_.Encode(embedder_, ReadFile(PhotoPath("audrey.jpg")), FacePolicy::kOnly, Wanted);
  ASSERT_THAT(encoded, IsOk());
  EXPECT_TRUE(encoded->face.landmarks.has_value());
  EXPECT_EQ(seen.width, 192);
  EXPECT_EQ(seen.height, 192);
}

// The bundle of two networks cuts the crop of the first out of its own, larger one.
TEST_F(FaceEncoderTest, ShowsANetworkTheSameFaceInEitherCrop) {
  const auto one = TorchEmbedder::Load(ModelPath("mobilefacenet-192.pt"), Device{});
  const auto two = TorchEmbedder::Load(ModelPath("mobilefacenet-dlib-320.pt"), Device{});
  ASSERT_THAT(one, IsOk());
  ASSERT_THAT(two, IsOk());
  for (const char* name : {"audrey.jpg", "cage.jpg", "franck_01829.jpg"}) {
    const std::string photo = ReadFile(PhotoPath(name));
    const auto alone = encoder_.Encode(**one, photo, FacePolicy::kOnly, Wanted);
    const auto beside = encoder_.Encode(**two, photo, FacePolicy::kOnly, Wanted);
    ASSERT_THAT(alone, IsOk());
    ASSERT_THAT(beside, IsOk());
    std::vector<float> part(beside->embedding.values.begin(), beside->embedding.values.begin() + 192);
    for (float& value : part) value *= static_cast<float>(std::sqrt(2));  // both parts together have length 1
    EXPECT_LT(EuclideanDistance(part, alone->embedding.values), 0.1) << name;
  }
}

TEST_F(FaceEncoderTest, FailsWithoutAFaceAndNeverRunsTheNetwork) {
  ExpectFaces();
  EXPECT_THAT(encoder_.Encode(embedder_, EncodePnm(FourColours(100, 100)), FacePolicy::kLargest, Wanted),
              FailsWith(Reason::FACE_NOT_FOUND));
  EXPECT_EQ(embedder_.calls(), 0);
}

TEST_F(FaceEncoderTest, FailsForAPhotoThatCannotBeDecodedAndNeverRunsTheNetwork) {
  EXPECT_THAT(encoder_.Encode(embedder_, "", FacePolicy::kOnly, Wanted), FailsWith(Reason::PHOTO_EMPTY));
  EXPECT_THAT(encoder_.Encode(embedder_, "not a photo", FacePolicy::kOnly, Wanted),
              FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED));
  EXPECT_EQ(embedder_.calls(), 0);
}

TEST_F(FaceEncoderTest, PassesOnThatTheNetworkFailed) {
  embedder_.embed = [](const Picture&) { return MakeError(Reason::NETWORK_FAILED, "the network failed"); };
  EXPECT_THAT(encoder_.Encode(embedder_, EncodePnm(FourColours(40, 40)), FacePolicy::kOnly, Wanted),
              FailsWith(Reason::NETWORK_FAILED));
}

TEST_F(FaceEncoderTest, AsksBeforeEachStageWhetherTheAnswerIsStillWanted) {
  int asked = 0;
  const auto still_wanted = [&] {
    ++asked;
    EXPECT_EQ(embedder_.calls(), 0) << "asked after the network had run";
    return absl::OkStatus();
  };
  ASSERT_THAT(encoder_.Encode(embedder_, EncodePnm(FourColours(40, 40)), FacePolicy::kOnly, still_wanted), IsOk());
  EXPECT_GE(asked, 4);  // before and while decoding, before finding the face, before the network
}

TEST_F(FaceEncoderTest, StopsAtWhicheverStageTheAnswerIsNoLongerWanted) {
  for (int refused_at = 1; refused_at <= 4; ++refused_at) {
    int asked = 0;
    const auto still_wanted = [&]() -> absl::Status {
      return ++asked < refused_at ? absl::OkStatus() : MakeError(Reason::DEADLINE_EXCEEDED, "too late");
    };
    EXPECT_THAT(encoder_.Encode(embedder_, EncodePnm(FourColours(40, 40)), FacePolicy::kOnly, still_wanted),
                FailsWith(Reason::DEADLINE_EXCEEDED));
    EXPECT_EQ(asked, refused_at) << "the work went on";
    EXPECT_EQ(embedder_.calls(), 0);
  }
}

TEST_F(FaceEncoderTest, DoesNotEvenLookAtThePhotoWhenNobodyWaits) {
  const auto gone = [] { return MakeError(Reason::CANCELLED, "the caller has gone"); };
  EXPECT_THAT(encoder_.Encode(embedder_, "not a photo", FacePolicy::kOnly, gone), FailsWith(Reason::CANCELLED));
}

}  // namespace
}  // namespace likeness
