#include "server/embedding/torch_embedder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "server/verification/distance.h"
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

std::string EditedBundle(absl::string_view from, absl::string_view to) {
  const std::string path = UniquePath("bundle.pt");
  WriteFile(path, EditAndSeal(ReadFile(ModelPath("mobilefacenet-192.pt")), from, to));
  return path;
}

class TorchEmbedderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto loaded = TorchEmbedder::Load(ModelPath("mobilefacenet-192.pt"), Device{});
    ASSERT_THAT(loaded, IsOk());
    embedder_ = std::move(loaded)->release();
  }

  static const TorchEmbedder* embedder_;
};

const TorchEmbedder* TorchEmbedderTest::embedder_ = nullptr;

TEST_F(TorchEmbedderTest, MakesEmbeddingsOfUnitLengthUnderItsDigest) {
  const auto embeddings = embedder_->Embed({FourColours(112, 112)});
  ASSERT_THAT(embeddings, IsOk());
  ASSERT_EQ(embeddings->size(), 1u);
  EXPECT_EQ(embeddings->front().model, embedder_->digest());
  ASSERT_EQ(embeddings->front().values.size(), 192u);
  EXPECT_NEAR(EuclideanDistance(embeddings->front().values, std::vector<float>(192)), 1, 1e-3);
}

TEST_F(TorchEmbedderTest, EmbedsEachCropAsIfItWereAlone) {
  const std::vector<Picture> crops = {FourColours(112, 112), PlainPicture(112, 112, {200, 30, 30}),
                                      PlainPicture(112, 112, {0, 0, 0})};
  const auto together = embedder_->Embed(crops);
  ASSERT_THAT(together, IsOk());
  ASSERT_EQ(together->size(), crops.size());
  for (size_t i = 0; i < crops.size(); ++i) {
    const auto alone = embedder_->Embed({crops[i]});
    ASSERT_THAT(alone, IsOk());
    EXPECT_LT(EuclideanDistance((*together)[i].values, alone->front().values), 1e-4) << i;
  }
}

TEST_F(TorchEmbedderTest, MakesNoEmbeddingOfNoCrop) { EXPECT_THAT(embedder_->Embed({}), IsOkAndHolds(IsEmpty())); }

TEST_F(TorchEmbedderTest, RefusesACropOfAnotherSize) {
  EXPECT_THAT(embedder_->Embed({PlainPicture(112, 111, {})}), FailsWith(Reason::INTERNAL));
}

TEST(TorchEmbedderLoadTest, LoadsTheUntrainedSiameseNetworkOfGreyPhotos) {
  const auto loaded = TorchEmbedder::Load(ModelPath("siamese-article.pt"), Device{});
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->manifest().alignment, Alignment::kNone);
  const auto embeddings = (*loaded)->Embed({FourColours(100, 100)});
  ASSERT_THAT(embeddings, IsOk());
  EXPECT_EQ(embeddings->front().values.size(), 5u);
}

TEST(TorchEmbedderLoadTest, LoadsTheBundlesThatTakeALargerCrop) {
  for (const auto& [name, size] : {std::pair{"dlib-resnet-128.pt", 128u}, {"mobilefacenet-dlib-320.pt", 320u}}) {
    const auto loaded = TorchEmbedder::Load(ModelPath(name), Device{});
    ASSERT_THAT(loaded, IsOk());
    EXPECT_EQ((*loaded)->manifest().alignment, Alignment::kArcFace192);
    const auto embeddings = (*loaded)->Embed({FourColours(192, 192)});
    ASSERT_THAT(embeddings, IsOk());
    EXPECT_EQ(embeddings->front().values.size(), size);
    EXPECT_NEAR(EuclideanDistance(embeddings->front().values, std::vector<float>(size)), 1, 1e-3);
  }
}

TEST(TorchEmbedderLoadTest, RefusesHalfPrecisionOnTheProcessor) {
  EXPECT_THAT(TorchEmbedder::Load(ModelPath("mobilefacenet-192.pt"), Device{}, Precision::kFp16),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("fp16 needs a CUDA device")));
}

TEST(TorchEmbedderLoadTest, RefusesABundleOfAnotherKind) {
  const std::string path = ModelPath("face-finder.pt");
  EXPECT_THAT(TorchEmbedder::Load(path, Device{}),
              HasStatus(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr(path), HasSubstr("field kind"))));
}

struct WrongBundle {
  const char* from;
  const char* to;
  const char* message;
};

TEST(TorchEmbedderLoadTest, RefusesASealedBundleThatContradictsItself) {
  const WrongBundle cases[] = {
      {R"("margin": )", R"("mergin": )", "field margin is missing"},
      {R"("format": 1)", R"("format": 9)", "field format is not 1"},
      {R"("unit_length": true)", R"("unit_length": null)", "field embedding.unit_length"},
  };
  for (const WrongBundle& c : cases) {
    const std::string path = EditedBundle(c.from, c.to);
    EXPECT_THAT(TorchEmbedder::Load(path, Device{}),
                HasStatus(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr(path), HasSubstr(c.message))))
        << c.to;
  }
}

TEST(TorchEmbedderLoadTest, RefusesABundleWhoseNetworkDoesNotDoWhatItSays) {
  // Cohort and synthetic people, which are of 192 numbers too, go by other names.
  const std::string renamed =
      EditAndSeal(EditAndSeal(ReadFile(ModelPath("mobilefacenet-192.pt")), R"("cohort": )", R"("c0hort": )"),
                  R"("synthetic_people": )", R"("synth3tic_people": )");
  const std::string path = UniquePath("bundle.pt");
  WriteFile(path, EditAndSeal(renamed, R"("size": 192)", R"("size": 191)"));
  EXPECT_THAT(TorchEmbedder::Load(path, Device{}),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("the network's output is not 1x191")));
}

TEST(TorchEmbedderLoadTest, RefusesANormalisationThatMakesEmbeddingsThatAreNotNumbers) {
  // 1e300 is beyond float.
  const std::string path = EditedBundle("      127.5,", "      1e300,");
  EXPECT_THAT(TorchEmbedder::Load(path, Device{}), Not(IsOk()));
}

}  // namespace
}  // namespace likeness
