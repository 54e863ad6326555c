// Verify, Compare and Embed: what they answer, and that they fail closed.
#include "server/rpc/face_verification.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class FaceVerificationTest : public FaceVerificationFixture {
 protected:
  absl::StatusOr<v1::CompareResponse> Compare(const std::string& photo_a, const std::string& photo_b) {
    v1::CompareRequest request;
    request.set_photo_a(photo_a);
    request.set_photo_b(photo_b);
    v1::CompareResponse response;
    const absl::Status status = methods_->Compare(request, Wanted, response);
    EXPECT_TRUE(status.ok() || !response.verified());
    if (!status.ok()) return status;
    return response;
  }
};

TEST_F(FaceVerificationTest, VerifiesAFaceWithinTheThreshold) {
  Enrol("ada", kRed);
  const auto response = Verify("ada", kReddish);
  ASSERT_THAT(response, IsOk());
  EXPECT_TRUE(response->verified());
  EXPECT_NEAR(response->distance(), 0.4, 1e-6);
  EXPECT_EQ(response->threshold().distance(), 0.5);
  EXPECT_EQ(response->threshold().source(), v1::THRESHOLD_SOURCE_OPERATING_POINT);
  EXPECT_EQ(response->threshold().false_match_rate(), 1e-3);
  EXPECT_EQ(response->threshold().false_match_rate_low(), 5e-4);
  EXPECT_EQ(response->threshold().false_match_rate_high(), 2e-3);
  EXPECT_EQ(response->threshold().impostor_pairs(), 1'000'000);
  EXPECT_EQ(response->threshold().people(), 500);
  EXPECT_EQ(response->reference_id(), "00000000000000000000000000000001");
  EXPECT_EQ(response->face().box().width(), 32);
  EXPECT_EQ(response->model().name(), "mean-colour");
  EXPECT_EQ(response->model().digest(), embedder_.digest().Hex());
  EXPECT_EQ(response->model().embedding_size(), 3);
  EXPECT_EQ(response->model().margin(), 1);
}

TEST_F(FaceVerificationTest, DoesNotVerifyAFaceBeyondTheThreshold) {
  Enrol("ada", kRed);
  const auto response = Verify("ada", kBrown);
  ASSERT_THAT(response, IsOk());
  EXPECT_FALSE(response->verified());
  EXPECT_NEAR(response->distance(), 0.6, 1e-6);
}

TEST_F(FaceVerificationTest, LetsTheMeanOfTheReferencesDecide) {
  Enrol("ada", {205, 0, 0});
  Enrol("ada", kReddish);
  const auto response = Verify("ada", {255, 0, 0});
  ASSERT_THAT(response, IsOk());
  EXPECT_NEAR(response->distance(), 1 - (205 + 153) / 2.0 / 255, 1e-6);
  EXPECT_EQ(response->reference_id(), "00000000000000000000000000000001");
}

TEST_F(FaceVerificationTest, LetsTheNearestReferenceDecideWhereTheServerWasToldTo) {
  options_.reference_policy = ReferencePolicy::kNearest;
  methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, budget_, metrics_, options_);
  Enrol("ada", kGreen);
  Enrol("ada", kRed);
  const auto response = Verify("ada", kReddish);
  ASSERT_THAT(response, IsOk());
  EXPECT_TRUE(response->verified());
  EXPECT_EQ(response->reference_id(), "00000000000000000000000000000002");
}

TEST_F(FaceVerificationTest, HoldsTheDistanceAgainstTheRequestsOwnLimit) {
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  request.set_photo(PhotoOf(kReddish));
  for (const auto& [limit, verified] : {std::pair{0.3, false}, {0.5, true}, {1e-300, false}, {1e300, true}}) {
    request.set_max_distance(limit);
    const auto response = Verify(request);
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->verified(), verified) << limit;
    EXPECT_EQ(response->threshold().source(), v1::THRESHOLD_SOURCE_REQUEST);
    EXPECT_EQ(response->threshold().distance(), limit);
    EXPECT_FALSE(response->threshold().has_false_match_rate());
  }
}

TEST_F(FaceVerificationTest, RefusesALimitThatIsNotAFiniteNumberAboveZero) {
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  request.set_photo(PhotoOf(kRed));
  v1::CompareRequest comparison;
  comparison.set_photo_a(PhotoOf(kRed));
  comparison.set_photo_b(PhotoOf(kRed));
  for (double limit : {kNan, kInfinity, -kInfinity, 0.0, -0.0, -1.0}) {
    request.set_max_distance(limit);
    EXPECT_THAT(Verify(request), FailsWith(Reason::FIELD_INVALID, "max_distance")) << limit;
    comparison.set_max_distance(limit);
    v1::CompareResponse response;
    EXPECT_THAT(methods_->Compare(comparison, Wanted, response), FailsWith(Reason::FIELD_INVALID, "max_distance"));
    EXPECT_FALSE(response.verified());
  }
}

TEST_F(FaceVerificationTest, DecidesAtTheFalseMatchRateThatTheRequestChooses) {
  embedder_.mutable_manifest().operating_points = {MeasuredPoint(1e-4, 0.3), MeasuredPoint(1e-3, 0.5)};
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  request.set_photo(PhotoOf(kReddish));  // at 0.4
  for (const auto& [rate, distance] : {std::pair{1e-4, 0.3}, {5e-4, 0.3}, {1e-3, 0.5}, {0.1, 0.5}}) {
    request.set_target_fmr(rate);
    const auto response = Verify(request);
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->threshold().distance(), distance) << rate;
    EXPECT_EQ(response->threshold().source(), v1::THRESHOLD_SOURCE_OPERATING_POINT);
    EXPECT_LE(response->threshold().false_match_rate(), rate);
    EXPECT_EQ(response->verified(), distance > 0.4) << rate;
  }
}

TEST_F(FaceVerificationTest, RefusesAFalseMatchRateThatTheModelWasNotMeasuredForAndSaysWhichItWas) {
  embedder_.mutable_manifest().operating_points = {MeasuredPoint(1e-3, 0.5)};
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  request.set_photo(PhotoOf(kRed));
  request.set_target_fmr(1e-6);
  EXPECT_THAT(Verify(request), FailsWith(Reason::TARGET_FMR_UNSUPPORTED));
  EXPECT_THAT(Verify(request), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("0.001")));
  v1::CompareRequest comparison;
  comparison.set_photo_a(PhotoOf(kRed));
  comparison.set_photo_b(PhotoOf(kRed));
  comparison.set_target_fmr(1e-6);
  v1::CompareResponse response;
  EXPECT_THAT(methods_->Compare(comparison, Wanted, response), FailsWith(Reason::TARGET_FMR_UNSUPPORTED));
  EXPECT_FALSE(response.verified());
}

TEST_F(FaceVerificationTest, RefusesARateBesideADistanceOrOutOfRange) {
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  request.set_photo(PhotoOf(kRed));
  for (double rate : {0.0, 1.0, -1.0, kNan, kInfinity}) {
    request.set_target_fmr(rate);
    EXPECT_THAT(Verify(request), FailsWith(Reason::FIELD_INVALID, "target_fmr")) << rate;
  }
  request.set_target_fmr(1e-3);
  request.set_max_distance(0.5);
  EXPECT_THAT(Verify(request), FailsWith(Reason::FIELD_INVALID, "target_fmr"));
}

TEST_F(FaceVerificationTest, SaysHowProbableTheSamePersonIsWhereTheModelIsCalibrated) {
  Enrol("ada", kRed);
  const auto uncalibrated = Verify("ada", kReddish);
  ASSERT_THAT(uncalibrated, IsOk());
  EXPECT_FALSE(uncalibrated->has_probability());
  EXPECT_FALSE(uncalibrated->has_log_likelihood_ratio());
  embedder_.mutable_manifest().calibration = Calibration{
      .offset = 6, .slope = -10, .genuine_pairs = 1000, .impostor_pairs = 1000, .people = 9, .source = "made up"};
  const auto calibrated = Verify("ada", kReddish);
  ASSERT_THAT(calibrated, IsOk());
  EXPECT_NEAR(calibrated->log_likelihood_ratio(), 2, 1e-5);
  EXPECT_NEAR(calibrated->probability(), 1 / (1 + std::exp(-2)), 1e-6);
  const auto compared = Compare(PhotoOf(kRed), PhotoOf(kBrown));
  ASSERT_THAT(compared, IsOk());
  EXPECT_NEAR(compared->log_likelihood_ratio(), 0, 1e-5);
  EXPECT_NEAR(compared->probability(), 0.5, 1e-6);
}

TEST_F(FaceVerificationTest, DoesNotKnowAPersonWhoWasNotEnrolledAndDoesNotRunTheNetwork) {
  EXPECT_THAT(Verify("nobody", kRed), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_EQ(embedder_.calls(), 0);
}

TEST_F(FaceVerificationTest, FailsForAPersonWhoseReferencesWereAllDeleted) {
  Enrol("ada", kRed);
  v1::DeleteReferenceRequest request;
  request.set_person_id("ada");
  request.set_reference_id("00000000000000000000000000000001");
  v1::DeleteReferenceResponse response;
  ASSERT_THAT(methods_->DeleteReference(request, Wanted, response), IsOk());
  EXPECT_EQ(response.remaining_references(), 0);
  EXPECT_THAT(Verify("ada", kRed), FailsWith(Reason::PERSON_WITHOUT_REFERENCE));
}

TEST_F(FaceVerificationTest, NeverComparesEmbeddingsOfDifferentModels) {
  Enrol("ada", kRed);
  ModelDigest other;
  other.bytes.fill(0xCD);
  embedder_.set_digest(other);
  EXPECT_THAT(Verify("ada", kRed), FailsWith(Reason::MODEL_MISMATCH));
  Enrol("ada", kGreen);  // enrolled anew, only that one counts
  const auto response = Verify("ada", kRed);
  ASSERT_THAT(response, IsOk());
  EXPECT_FALSE(response->verified());
  EXPECT_EQ(response->reference_id(), "00000000000000000000000000000002");
}

TEST_F(FaceVerificationTest, FailsWhenTheNetworkMakesAnEmbeddingThatIsNotANumber) {
  Enrol("ada", kRed);
  for (float odd : {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    embedder_.embed = [odd](const Picture&) { return std::vector<float>{odd, 0, 0}; };
    EXPECT_THAT(Verify("ada", kRed), FailsWith(Reason::NETWORK_FAILED));
    EXPECT_THAT(Compare(PhotoOf(kRed), PhotoOf(kRed)), FailsWith(Reason::NETWORK_FAILED));
  }
}

TEST_F(FaceVerificationTest, FailsWhenTheNetworkMakesAnEmbeddingOfAnotherSize) {
  Enrol("ada", kRed);
  embedder_.embed = [](const Picture&) { return std::vector<float>{1, 0}; };
  EXPECT_THAT(Verify("ada", kRed), Not(IsOk()));
  embedder_.embed = [](const Picture&) { return std::vector<float>{}; };
  EXPECT_THAT(Verify("ada", kRed), Not(IsOk()));
  EXPECT_THAT(Compare(PhotoOf(kRed), PhotoOf(kRed)), Not(IsOk()));
}

TEST_F(FaceVerificationTest, FailsWhenTheNetworkFails) {
  Enrol("ada", kRed);
  embedder_.embed = [](const Picture&) { return MakeError(Reason::NETWORK_FAILED, "the network failed"); };
  EXPECT_THAT(Verify("ada", kRed), FailsWith(Reason::NETWORK_FAILED));
}

TEST_F(FaceVerificationTest, NamesThePhotoThatCannotBeUsed) {
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  EXPECT_THAT(Verify(request), FailsWith(Reason::PHOTO_EMPTY, "photo"));
  request.set_photo("not a photo");
  EXPECT_THAT(Verify(request), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED, "photo"));
  EXPECT_THAT(Compare("", PhotoOf(kRed)), FailsWith(Reason::PHOTO_EMPTY, "photo_a"));
  EXPECT_THAT(Compare(PhotoOf(kRed), "P6 1 1"), FailsWith(Reason::PHOTO_CORRUPT, "photo_b"));
}

TEST_F(FaceVerificationTest, FailsForAPhotoWithoutAFace) {
  Enrol("ada", kRed);
  embedder_.mutable_manifest().alignment = Alignment::kArcFace112;
  EXPECT_THAT(Verify("ada", kRed), FailsWith(Reason::FACE_NOT_FOUND, "photo"));
}

TEST_F(FaceVerificationTest, NamesTheFieldThatIsWrong) {
  v1::VerifyRequest request;
  request.set_photo(PhotoOf(kRed));
  EXPECT_THAT(Verify(request), FailsWith(Reason::FIELD_INVALID, "person_id"));
  request.set_person_id("ada");
  request.set_face_policy(static_cast<v1::FacePolicy>(9));
  EXPECT_THAT(Verify(request), FailsWith(Reason::FIELD_INVALID, "face_policy"));
}

TEST_F(FaceVerificationTest, StopsWhenNobodyWaitsAndCountsNoVerdict) {
  Enrol("ada", kRed);
  v1::VerifyRequest request;
  request.set_person_id("ada");
  request.set_photo(PhotoOf(kRed));
  v1::VerifyResponse response;
  const auto gone = [] { return MakeError(Reason::CANCELLED, "the caller has gone"); };
  EXPECT_THAT(methods_->Verify(request, Trusted(), gone, response), FailsWith(Reason::CANCELLED, ""));
  EXPECT_FALSE(response.verified());
  EXPECT_THAT(Scrape(), Not(HasSubstr("likeness_verdicts_total{")));
}

TEST_F(FaceVerificationTest, ComparesTwoPhotosWithoutStoringAnything) {
  const auto same = Compare(PhotoOf(kRed), PhotoOf(kReddish));
  ASSERT_THAT(same, IsOk());
  EXPECT_TRUE(same->verified());
  EXPECT_NEAR(same->distance(), 0.4, 1e-6);
  EXPECT_EQ(same->threshold().distance(), 0.5);
  EXPECT_EQ(same->model().digest(), embedder_.digest().Hex());
  EXPECT_EQ(same->face_a().box().width(), 32);
  EXPECT_EQ(same->face_b().box().width(), 32);
  const auto different = Compare(PhotoOf(kRed), PhotoOf(kGreen));
  ASSERT_THAT(different, IsOk());
  EXPECT_FALSE(different->verified());
  EXPECT_NEAR(different->distance(), std::sqrt(2.0), 1e-6);
  EXPECT_THAT(Scrape(), HasSubstr("likeness_gallery_persons 0\n"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_verdicts_total{method=\"Compare\",verdict=\"same\"} 1\n"));
  EXPECT_THAT(Scrape(), HasSubstr("likeness_verdicts_total{method=\"Compare\",verdict=\"different\"} 1\n"));
}

TEST_F(FaceVerificationTest, EmbedsAPhotoAndSaysWhatItsDistancesWouldBeHeldAgainst) {
  v1::EmbedRequest request;
  request.set_photo(PhotoOf({255, 51, 0}));
  v1::EmbedResponse response;
  ASSERT_THAT(methods_->Embed(request, Wanted, response), IsOk());
  EXPECT_THAT(response.embedding(), ElementsAre(FloatNear(1, 1e-5), FloatNear(0.2, 1e-5), FloatNear(0, 1e-5)));
  EXPECT_EQ(response.threshold().distance(), 0.5);
  EXPECT_EQ(response.model().name(), "mean-colour");
  request.set_photo("");
  EXPECT_THAT(methods_->Embed(request, Wanted, response), FailsWith(Reason::PHOTO_EMPTY, "photo"));
}

}  // namespace
}  // namespace likeness
