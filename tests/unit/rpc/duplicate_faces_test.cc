// Enroll looks whether a face is enrolled under another id.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "server/rpc/reference_match.h"
#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class DuplicateFacesTest : public FaceVerificationFixture {
 protected:
  void Restart(DuplicatePolicy duplicates, bool reveal) {
    options_.enrolling.duplicates = duplicates;
    options_.enrolling.reveal_duplicates = reveal;
    methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, budget_, metrics_, options_);
  }

  static v1::EnrollRequest Request(const std::string& person_id, const std::vector<Colour>& colours) {
    v1::EnrollRequest request;
    request.set_person_id(person_id);
    request.set_allow_mismatch(true);
    for (const Colour& colour : colours) request.add_photos(PhotoOf(colour));
    return request;
  }

  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request) {
    v1::EnrollResponse response;
    if (absl::Status status = methods_->Enroll(request, Trusted(), Wanted, response); !status.ok()) return status;
    return response;
  }
};

TEST_F(DuplicateFacesTest, ReportsAFaceThatIsEnrolledUnderAnotherId) {
  Enrol("ada", kRed);
  const auto enrolled = Enroll(Request("bob", {kGreen, kReddish}));
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_THAT(enrolled->references(), SizeIs(2)) << "it is enrolled all the same";
  ASSERT_THAT(enrolled->duplicates(), SizeIs(1));
  EXPECT_EQ(enrolled->duplicates(0).photo(), 1);
  EXPECT_NEAR(enrolled->duplicates(0).distance(), 0.4, 1e-6);
  EXPECT_FALSE(enrolled->duplicates(0).has_log_likelihood_ratio()) << "the model has no calibration";
  EXPECT_EQ(enrolled->duplicates(0).person_id(), "") << "not for everybody to know";
  EXPECT_THAT(Scrape(), HasSubstr("likeness_duplicates_total 1"));
}

TEST_F(DuplicateFacesTest, SaysUnderWhichIdWhereItMay) {
  Restart(DuplicatePolicy::kReport, /*reveal=*/true);
  Enrol("ada", kRed);
  const auto enrolled = Enroll(Request("bob", {kRed}));
  ASSERT_THAT(enrolled, IsOk());
  ASSERT_THAT(enrolled->duplicates(), SizeIs(1));
  EXPECT_EQ(enrolled->duplicates(0).person_id(), "ada");
}

TEST_F(DuplicateFacesTest, FindsNoDuplicateInThePersonsOwnReferences) {
  Enrol("ada", kRed);
  const auto enrolled = Enroll(Request("ada", {kRed, kRed}));
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_THAT(enrolled->duplicates(), IsEmpty());
}

TEST_F(DuplicateFacesTest, FindsNothingOfADeletedPerson) {
  Enrol("ada", kRed);
  ASSERT_THAT(Enroll(Request("bob", {kRed})), IsOk());
  ASSERT_THAT(gallery_->DeletePerson("ada"), IsOk());
  ASSERT_THAT(gallery_->DeletePerson("bob"), IsOk());
  const auto enrolled = Enroll(Request("eve", {kRed}));
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_THAT(enrolled->duplicates(), IsEmpty());
}

TEST_F(DuplicateFacesTest, RefusesWhereItIsToldToAndKeepsNothing) {
  Restart(DuplicatePolicy::kRefuse, /*reveal=*/false);
  Enrol("ada", kRed);
  const auto refused = Enroll(Request("bob", {kGreen, kRed}));
  EXPECT_THAT(refused, FailsWith(Reason::DUPLICATE_OF, "photos[1]"));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(PersonOf(refused.status()), "");
  EXPECT_THAT(gallery_->GetPerson("bob"), FailsWith(Reason::PERSON_NOT_FOUND));
}

TEST_F(DuplicateFacesTest, LetsTheCallerInsistAndStillReports) {
  Restart(DuplicatePolicy::kRefuse, /*reveal=*/true);
  Enrol("ada", kRed);
  v1::EnrollRequest request = Request("bob", {kRed});
  const auto refused = Enroll(request);
  EXPECT_THAT(refused, FailsWith(Reason::DUPLICATE_OF, "photos[0]"));
  EXPECT_EQ(PersonOf(refused.status()), "ada");
  request.set_allow_duplicate(true);
  const auto enrolled = Enroll(request);
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_THAT(enrolled->duplicates(), SizeIs(1));
}

TEST_F(DuplicateFacesTest, ShowsInACheckToo) {
  Enrol("ada", kRed);
  v1::EnrollRequest request = Request("bob", {kRed});
  request.set_validate_only(true);
  const auto checked = Enroll(request);
  ASSERT_THAT(checked, IsOk());
  EXPECT_THAT(checked->duplicates(), SizeIs(1));
  Restart(DuplicatePolicy::kRefuse, /*reveal=*/false);
  EXPECT_THAT(Enroll(request), FailsWith(Reason::DUPLICATE_OF, "photos[0]"));
}

TEST_F(DuplicateFacesTest, LooksNowhereWhereItIsTurnedOff) {
  Restart(DuplicatePolicy::kOff, /*reveal=*/false);
  Enrol("ada", kRed);
  const auto enrolled = Enroll(Request("bob", {kRed}));
  ASSERT_THAT(enrolled, IsOk());
  EXPECT_THAT(enrolled->duplicates(), IsEmpty());
  EXPECT_THAT(Scrape(), HasSubstr("likeness_indexed_references 0"));
}

TEST_F(DuplicateFacesTest, AnswersARepeatedRequestAlsoWhenItWasRefusedNowhere) {
  Restart(DuplicatePolicy::kRefuse, /*reveal=*/false);
  v1::EnrollRequest request = Request("ada", {kRed});
  request.set_request_id("request");
  ASSERT_THAT(Enroll(request), IsOk());
  v1::EnrollRequest other = Request("bob", {kRed});
  other.set_allow_duplicate(true);
  ASSERT_THAT(Enroll(other), IsOk());
  const auto repeated = Enroll(request);
  ASSERT_THAT(repeated, IsOk());
  EXPECT_TRUE(repeated->replayed());
}

// Of two ids that one face is enrolled under at the same time, one must lose, whichever comes first.
TEST_F(DuplicateFacesTest, RefusesOneOfTwoThatComeAtTheSameTime) {
  Restart(DuplicatePolicy::kRefuse, /*reveal=*/false);
  for (int round = 0; round < 20; ++round) {
    const v1::EnrollRequest ada = Request("ada", {kRed});
    const v1::EnrollRequest bob = Request("bob", {kRed});
    absl::StatusOr<v1::EnrollResponse> of_ada, of_bob;
    {
      std::jthread first([&] { of_ada = Enroll(ada); });
      std::jthread second([&] { of_bob = Enroll(bob); });
    }
    EXPECT_NE(of_ada.ok(), of_bob.ok()) << "round " << round;
    EXPECT_THAT(of_ada.ok() ? of_bob : of_ada, FailsWith(Reason::DUPLICATE_OF, "photos[0]"));
    ASSERT_THAT(gallery_->DeletePerson(of_ada.ok() ? "ada" : "bob"), IsOk());
  }
}

class IsDuplicateTest : public testing::Test {
 protected:
  static constexpr int64_t kImpostorPairs = 1'000'000;

  // LLR 10 at distance 0.5, 0 at 1.
  const Calibration calibration_{.offset = 20,
                                 .slope = -20,
                                 .genuine_pairs = 1000,
                                 .impostor_pairs = kImpostorPairs,
                                 .people = 500,
                                 .source = "made up"};
  static Decision At(double distance) {
    return Decide(distance, {.distance = 0.9, .source = ThresholdSource::kHalfMargin, .point = {}}, std::nullopt);
  }
};

TEST_F(IsDuplicateTest, AsksForMoreEvidenceAmongMorePeople) {
  EXPECT_TRUE(IsDuplicate(At(0.89), 1, calibration_));
  EXPECT_TRUE(IsDuplicate(At(0.89), 9, calibration_)) << "likelihood ratio 9.03";
  EXPECT_FALSE(IsDuplicate(At(0.89), 10, calibration_));
  EXPECT_TRUE(IsDuplicate(At(0.5), 22'026, calibration_)) << "likelihood ratio 22,026.5";
  EXPECT_FALSE(IsDuplicate(At(0.5), 22'027, calibration_));
}

TEST_F(IsDuplicateTest, AsksForNoMoreThanThePairsCanSupport) {
  EXPECT_TRUE(IsDuplicate(At(0.1), 100 * kImpostorPairs, calibration_));
  EXPECT_FALSE(IsDuplicate(At(0.5), 100 * kImpostorPairs, calibration_));
}

TEST_F(IsDuplicateTest, NeverFindsOneBeyondTheThreshold) {
  EXPECT_FALSE(IsDuplicate(At(0.91), 1, calibration_));
  EXPECT_FALSE(IsDuplicate(At(0.91), 1, std::nullopt));
  EXPECT_TRUE(IsDuplicate(At(0.89), 1'000'000, std::nullopt)) << "nothing but the threshold is known";
}

}  // namespace
}  // namespace likeness
