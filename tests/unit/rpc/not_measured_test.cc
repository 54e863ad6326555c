// What a server does whose model was never measured at its rate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class NotMeasuredTest : public FaceVerificationFixture {
 protected:
  NotMeasuredTest() { Restart(DuplicatePolicy::kReport); }

  void Restart(DuplicatePolicy duplicates) {
    options_.enrolling.duplicates = duplicates;
    methods_ = std::make_unique<FaceVerification>(encoder_, unmeasured_, *gallery_, budget_, metrics_, options_);
  }

  static v1::CompareRequest Comparison(Colour a, Colour b) {
    v1::CompareRequest request;
    request.set_photo_a(PhotoOf(a));
    request.set_photo_b(PhotoOf(b));
    return request;
  }

  absl::StatusOr<v1::CompareResponse> Compare(const v1::CompareRequest& request) {
    v1::CompareResponse response;
    if (absl::Status status = methods_->Compare(request, Wanted, response); !status.ok()) return status;
    return response;
  }

  static v1::EnrollRequest Enrolment(const std::string& person_id, Colour colour) {
    v1::EnrollRequest request;
    request.set_person_id(person_id);
    request.add_photos(PhotoOf(colour));
    return request;
  }

  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request) {
    v1::EnrollResponse response;
    if (absl::Status status = methods_->Enroll(request, Trusted(), Wanted, response); !status.ok()) return status;
    return response;
  }

  ActiveGeneration unmeasured_{
      {std::shared_ptr<const Embedder>(std::shared_ptr<void>(), &embedder_), /*threshold=*/std::nullopt}};
};

// An untrained network may put all faces in one place.
TEST_F(NotMeasuredTest, VerifiesNobodyNotEvenAtDistanceZero) {
  Enrol("ada", kRed);
  for (Colour colour : {kRed, kGreen}) {
    EXPECT_THAT(Verify("ada", colour), FailsWith(Reason::THRESHOLD_NOT_MEASURED));
    EXPECT_THAT(Compare(Comparison(kRed, colour)), FailsWith(Reason::THRESHOLD_NOT_MEASURED));
  }
  EXPECT_THAT(Scrape(), testing::Not(HasSubstr("verdict=\"same\"} 1")));
}

TEST_F(NotMeasuredTest, LetsTheRequestDecideByItsOwnDistance) {
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  request.set_photo(PhotoOf(kReddish));
  request.set_max_distance(0.5);
  const auto verified = Verify(request);
  ASSERT_THAT(verified, IsOk());
  EXPECT_TRUE(verified->verified());
  EXPECT_EQ(verified->threshold().source(), v1::THRESHOLD_SOURCE_REQUEST);
  v1::CompareRequest comparison = Comparison(kRed, kGreen);
  comparison.set_max_distance(0.5);
  const auto compared = Compare(comparison);
  ASSERT_THAT(compared, IsOk());
  EXPECT_FALSE(compared->verified());
}

TEST_F(NotMeasuredTest, SaysOfARequestsOwnRateWhatItAlwaysSays) {
  v1::CompareRequest comparison = Comparison(kRed, kRed);
  comparison.set_target_fmr(1e-3);
  EXPECT_THAT(Compare(comparison), FailsWith(Reason::TARGET_FMR_UNSUPPORTED));
}

TEST_F(NotMeasuredTest, EmbedsAndSaysThatNoDistanceWouldDo) {
  v1::EmbedRequest request;
  request.set_photo(PhotoOf(kRed));
  v1::EmbedResponse response;
  ASSERT_THAT(methods_->Embed(request, Wanted, response), IsOk());
  EXPECT_THAT(response.embedding(), SizeIs(3));
  EXPECT_EQ(response.threshold().source(), v1::THRESHOLD_SOURCE_NOT_MEASURED);
  EXPECT_LT(response.threshold().distance(), 0) << "which the distance of a face to itself is not within";
  EXPECT_LT(response.threshold().base_distance(), 0);
}

TEST_F(NotMeasuredTest, EnrollsUncheckedAndSaysSo) {
  ASSERT_THAT(Enroll(Enrolment("ada", kRed)), IsOk());
  const auto enrolled = Enroll(Enrolment("ada", kGreen));
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_TRUE(enrolled->unchecked());
  EXPECT_EQ(enrolled->reference_count(), 2);
  const auto other = Enroll(Enrolment("bob", kRed));
  ASSERT_THAT(other, IsOk());
  EXPECT_TRUE(other->unchecked());
  EXPECT_THAT(other->duplicates(), IsEmpty());
}

TEST_F(NotMeasuredTest, ChecksAgainOnceTheModelIsMeasured) {
  ASSERT_THAT(Enroll(Enrolment("ada", kRed)), IsOk());
  methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, budget_, metrics_, options_);
  const auto enrolled = Enroll(Enrolment("bob", kRed));
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_FALSE(enrolled->unchecked());
  EXPECT_THAT(enrolled->duplicates(), SizeIs(1));
}

TEST_F(NotMeasuredTest, DoesNotPromiseToRefuseDuplicates) {
  Restart(DuplicatePolicy::kRefuse);
  v1::EnrollRequest request = Enrolment("ada", kRed);
  EXPECT_THAT(Enroll(request), FailsWith(Reason::THRESHOLD_NOT_MEASURED));
  request.set_validate_only(true);
  EXPECT_THAT(Enroll(request), FailsWith(Reason::THRESHOLD_NOT_MEASURED));
  EXPECT_THAT(gallery_->GetPerson("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  request.set_validate_only(false);
  request.set_allow_duplicate(true);
  EXPECT_THAT(Enroll(request), IsOk());
}

}  // namespace
}  // namespace likeness
