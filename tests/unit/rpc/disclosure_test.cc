#include "server/rpc/disclosure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/errors/errors.h"
#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::ContainsRegex;
using testing::Not;

// What callers hear who may verify and enroll, and nothing else.
class DisclosureTest : public FaceVerificationFixture {
 protected:
  DisclosureTest() {
    // Two centroids, and a calibration: whatever a model can tell.
    BundleManifest& manifest = embedder_.mutable_manifest();
    manifest.cohort =
        std::make_shared<const Cohort>(*Cohort::Create({1, 0, 0, 0, 1, 0}, 3, {.nearest = 1, .cap = 0.1}));
    manifest.calibration = Calibration{.offset = 10,
                                       .slope = -20,
                                       .genuine_pairs = 1000,
                                       .impostor_pairs = 100'000,
                                       .people = 100,
                                       .source = "made up"};
  }

  absl::StatusOr<v1::VerifyResponse> VerifyAs(const Caller& caller, const v1::VerifyRequest& request) {
    v1::VerifyResponse response;
    const absl::Status status = methods_->Verify(request, caller, Wanted, response);
    if (!status.ok()) return status;
    return response;
  }

  static v1::VerifyRequest RequestOf(Colour colour) {
    v1::VerifyRequest request;
    request.set_person_id("ada");
    request.set_photo(PhotoOf(colour));
    return request;
  }

  const Caller door_ = {.name = "door", .limits = {}};
};

TEST_F(DisclosureTest, ACallerWithoutScoresHearsYesOrNoAndWhatThatStandsFor) {
  Enrol("ada", kRed);
  for (const auto& [colour, verified] : {std::pair(kRed, true), std::pair(kGreen, false)}) {
    const auto response = VerifyAs(door_, RequestOf(colour));
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->verified(), verified);
    EXPECT_EQ(response->threshold().false_match_rate(), 1e-3);
    EXPECT_TRUE(response->has_face());
    EXPECT_TRUE(response->has_model());
    EXPECT_FALSE(response->has_distance());
    EXPECT_FALSE(response->has_normalized_distance());
    EXPECT_FALSE(response->has_log_likelihood_ratio());
    EXPECT_FALSE(response->has_probability());
    EXPECT_EQ(response->reference_id(), "");
    EXPECT_FALSE(response->threshold().has_probe_crowding());
    EXPECT_FALSE(response->threshold().has_reference_crowding());
    EXPECT_FALSE(response->threshold().has_crowding_cap());
    EXPECT_FALSE(response->distance() <= response->threshold().distance()) << "whoever looks at it alone finds nobody";
    EXPECT_FALSE(response->distance() <= response->threshold().base_distance());
  }
}

TEST_F(DisclosureTest, ACallerWithScoresHearsAllOfIt) {
  Enrol("ada", kRed);
  const auto response = VerifyAs(Trusted(), RequestOf(kRed));
  ASSERT_THAT(response, IsOk());
  EXPECT_TRUE(response->has_distance());
  EXPECT_TRUE(response->has_normalized_distance());
  EXPECT_TRUE(response->has_log_likelihood_ratio());
  EXPECT_TRUE(response->has_probability());
  EXPECT_NE(response->reference_id(), "");
  EXPECT_TRUE(response->threshold().has_reference_crowding());
  EXPECT_GT(response->threshold().distance(), 0);
}

// Thirty guesses at max_distance once told as much as the distance.
TEST_F(DisclosureTest, ACallerWithoutScoresMayNotChooseTheThreshold) {
  Enrol("ada", kRed);
  v1::VerifyRequest request = RequestOf(kRed);
  request.set_max_distance(4);
  EXPECT_THAT(VerifyAs(door_, request), FailsWith(Reason::SCOPE_MISSING, "max_distance"));
  request = RequestOf(kRed);
  request.set_target_fmr(1e-2);
  EXPECT_THAT(VerifyAs(door_, request), FailsWith(Reason::SCOPE_MISSING, "target_fmr"));
}

// validate_only once told the distance, also while the person was locked.
TEST_F(DisclosureTest, EnrollTellsNoDistanceWithoutScores) {
  Enrol("ada", kRed);
  for (const bool scores : {false, true}) {
    v1::EnrollRequest request;
    request.set_person_id("ada");
    request.add_photos(PhotoOf(kGreen));
    request.set_validate_only(true);
    v1::EnrollResponse response;
    const absl::Status mismatch =
        methods_->Enroll(request, {.name = "desk", .scores = scores, .limits = {}}, Wanted, response);
    ASSERT_THAT(mismatch, FailsWith(Reason::REFERENCE_MISMATCH, "photos[0]"));
    if (scores) {
      EXPECT_THAT(std::string(mismatch.message()), ContainsRegex("[0-9]"));
    } else {
      EXPECT_THAT(std::string(mismatch.message()), Not(ContainsRegex("[0-9]")));
    }
    request.set_person_id("eve");
    request.set_photos(0, PhotoOf(kRed));
    ASSERT_THAT(methods_->Enroll(request, {.name = "desk", .scores = scores, .limits = {}}, Wanted, response), IsOk());
    ASSERT_EQ(response.duplicates_size(), 1);
    EXPECT_EQ(response.duplicates(0).has_distance(), scores);
    EXPECT_EQ(response.duplicates(0).has_log_likelihood_ratio(), scores);
  }
}

class BudgetedTest : public FaceVerificationFixture {
 protected:
  BudgetedTest() {
    methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, limited_, metrics_, options_);
  }

  absl::Status VerifyOnce(Colour colour, double max_distance = 0) {
    v1::VerifyRequest request;
    request.set_person_id("ada");
    request.set_photo(PhotoOf(colour));
    if (max_distance > 0) request.set_max_distance(max_distance);
    v1::VerifyResponse response;
    return methods_->Verify(request, Trusted(), Wanted, response);
  }

  MismatchBudget limited_{{.caller_and_person = 3, .person = 10, .caller = 0}, nullptr, [] {
                            return absl::FromUnixSeconds(1'700'000'000);
                          }};
};

TEST_F(BudgetedTest, TheRightFaceCostsNothing) {
  Enrol("ada", kRed);
  for (int i = 0; i < 20; ++i) EXPECT_THAT(VerifyOnce(kRed), IsOk());
}

// A call with max_distance 4 once reset the row.
TEST_F(BudgetedTest, ALenientThresholdCountsLikeAnyOtherLook) {
  Enrol("ada", kRed);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(VerifyOnce(kGreen, /*max_distance=*/4), IsOk()) << "verified, by its own";
  EXPECT_THAT(VerifyOnce(kGreen), FailsWith(Reason::TOO_MANY_MISMATCHES, ""));
  EXPECT_THAT(VerifyOnce(kRed), FailsWith(Reason::TOO_MANY_MISMATCHES, ""));
}

TEST_F(BudgetedTest, AMismatchInEnrollCountsAsInVerify) {
  Enrol("ada", kRed);
  for (int i = 0; i < 4; ++i) {
    v1::EnrollRequest request;
    request.set_person_id("ada");
    request.add_photos(PhotoOf(kGreen));
    request.set_validate_only(i % 2 == 0);
    v1::EnrollResponse response;
    EXPECT_THAT(methods_->Enroll(request, Trusted(), Wanted, response),
                FailsWith(i < 3 ? Reason::REFERENCE_MISMATCH : Reason::TOO_MANY_MISMATCHES));
  }
  EXPECT_THAT(VerifyOnce(kRed), FailsWith(Reason::TOO_MANY_MISMATCHES, ""));
}

}  // namespace
}  // namespace likeness
