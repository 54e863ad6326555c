// Enrolling while servers answer by different models: the references have embeddings by all of them, or nobody is
// enrolled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::SizeIs;

class CompanionsTest : public FaceVerificationFixture {
 protected:
  CompanionsTest() : other_(std::make_shared<FakeEmbedder>()) {
    digest_.bytes.fill(9);
    other_->set_digest(digest_);
    other_->embed = [](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
      std::vector<float> values = MeanColour(crop);
      for (float& value : values) value *= 2;
      return values;
    };
    EXPECT_THAT(gallery_->AllowModel(digest_), IsOk());
  }

  Companion Other() const { return {.generation = {other_, std::nullopt}}; }

  // Another server activates the other model, and this one has not followed.
  void ActivateElsewhere() {
    const ModelDigest base = active_.Get()->embedder->digest();
    const OperationOwner elsewhere{"elsewhere", "host"};
    const auto begun = gallery_->coordination().BeginActivation({.model = digest_, .base = base}, elsewhere);
    ASSERT_THAT(begun, IsOk());
    ASSERT_THAT(
        gallery_->coordination().Switch({.operation = begun->operation->name, .base = base, .up_to = 1000}, elsewhere),
        IsOk());
  }

  absl::Status EnrolRed() {
    v1::EnrollRequest request;
    request.set_person_id("ada");
    request.add_photos(PhotoOf(kRed));
    v1::EnrollResponse response;
    return methods_->Enroll(request, Trusted(), Wanted, response);
  }

  std::shared_ptr<FakeEmbedder> other_;
  ModelDigest digest_;
};

TEST_F(CompanionsTest, AReferenceHasAnEmbeddingByEachModel) {
  active_.SetCompanions({.models = {std::make_shared<const Companion>(Other())}, .lacking = {}});
  ASSERT_THAT(EnrolRed(), IsOk());
  const References references = *gallery_->FindReferences("ada");
  ASSERT_THAT(*references, SizeIs(2));
  EXPECT_EQ((*references)[1].embedding.model, digest_);
  EXPECT_FLOAT_EQ((*references)[1].embedding.values[0], 2 * (*references)[0].embedding.values[0]);
  EXPECT_TRUE(Verify("ada", kRed)->verified());
}

TEST_F(CompanionsTest, AServerThatLagsEnrollsByTheActiveModelToo) {
  active_.SetCompanions({.models = {std::make_shared<const Companion>(Other())}, .lacking = {}});
  ActivateElsewhere();
  ASSERT_THAT(EnrolRed(), IsOk());
  EXPECT_THAT(**gallery_->FindReferences("ada"), SizeIs(2));
}

// Who is enrolled by another model alone could not be verified on any other server.
TEST_F(CompanionsTest, AServerThatLacksTheActiveModelEnrollsNobody) {
  active_.SetCompanions({.models = {}, .lacking = {digest_}});
  ActivateElsewhere();
  EXPECT_THAT(EnrolRed(), FailsWith(Reason::MODEL_MISSING));
  EXPECT_THAT(gallery_->FindReferences("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
}

// The network of the model that another server has switched to meanwhile is run on the next try.
TEST_F(CompanionsTest, AnEnrolmentThatASwitchOvertakesIsMadeAgainByTheModelsOfThen) {
  embedder_.embed = [this, first = true](const Picture& crop) mutable {
    if (std::exchange(first, false)) {
      active_.SetCompanions({.models = {std::make_shared<const Companion>(Other())}, .lacking = {}});
      ActivateElsewhere();
    }
    return MeanColour(crop);
  };
  ASSERT_THAT(EnrolRed(), IsOk());
  EXPECT_THAT(**gallery_->FindReferences("ada"), SizeIs(2));
}

}  // namespace
}  // namespace likeness
