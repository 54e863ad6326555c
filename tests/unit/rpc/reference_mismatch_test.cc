// Enroll holds a new photo against the references that the person has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ReferenceMismatchTest : public FaceVerificationFixture {
 protected:
  static v1::EnrollRequest Request(const std::vector<Colour>& colours) {
    v1::EnrollRequest request;
    request.set_person_id("ada");
    for (const Colour& colour : colours) request.add_photos(PhotoOf(colour));
    return request;
  }

  absl::StatusOr<int> Enroll(const v1::EnrollRequest& request) {
    v1::EnrollResponse response;
    if (absl::Status status = methods_->Enroll(request, Trusted(), Wanted, response); !status.ok()) return status;
    return response.reference_count();
  }
};

TEST_F(ReferenceMismatchTest, RefusesAnotherPersonsFaceAndSaysHowFarItIs) {
  ASSERT_THAT(Enroll(Request({kRed})), IsOkAndHolds(1));
  const auto refused = Enroll(Request({kBrown}));
  EXPECT_THAT(refused, FailsWith(Reason::REFERENCE_MISMATCH, "photos[0]"));
  EXPECT_THAT(std::string(refused.status().message()), AllOf(HasSubstr("0.6000 away"), HasSubstr("at most 0.5000")));
  EXPECT_THAT(Enroll(Request({kReddish})), IsOkAndHolds(2));
}

TEST_F(ReferenceMismatchTest, LooksAtTheNearestOfThePersonsReferences) {
  ASSERT_THAT(Enroll(Request({kRed})), IsOkAndHolds(1));
  ASSERT_THAT(Enroll(Request({kReddish})), IsOkAndHolds(2));
  EXPECT_THAT(Enroll(Request({kBrown})), IsOkAndHolds(3)) << "0.6 from red, 0.2 from reddish";
}

TEST_F(ReferenceMismatchTest, HoldsThePhotosOfOneRequestAgainstEachOther) {
  EXPECT_THAT(Enroll(Request({kRed, kReddish, kGreen})), FailsWith(Reason::REFERENCE_MISMATCH, "photos[2]"));
  EXPECT_THAT(Enroll(Request({kRed, kReddish})), IsOkAndHolds(2)) << "and nothing of the refused request was kept";
}

// A 50:50 picture of two people once led from the one to the other in one call.
TEST_F(ReferenceMismatchTest, APhotoBetweenTwoPeopleIsNoBridge) {
  ASSERT_THAT(Enroll(Request({kRed})), IsOkAndHolds(1));
  EXPECT_THAT(Enroll(Request({kReddish, kBrown})), FailsWith(Reason::REFERENCE_MISMATCH, "photos[1]"))
      << "brown is near reddish, and not near anything stored";
  v1::EnrollRequest together = Request({kRed, kReddish, kBrown});
  together.set_person_id("somebody new");
  EXPECT_THAT(Enroll(together), FailsWith(Reason::REFERENCE_MISMATCH, "photos[2]")) << "brown is not near red";
}

TEST_F(ReferenceMismatchTest, LetsTheCallerInsist) {
  ASSERT_THAT(Enroll(Request({kRed})), IsOkAndHolds(1));
  v1::EnrollRequest request = Request({kGreen});
  request.set_allow_mismatch(true);
  EXPECT_THAT(Enroll(request), IsOkAndHolds(2));
}

TEST_F(ReferenceMismatchTest, ShowsInACheckToo) {
  ASSERT_THAT(Enroll(Request({kRed})), IsOkAndHolds(1));
  v1::EnrollRequest request = Request({kGreen});
  request.set_validate_only(true);
  EXPECT_THAT(Enroll(request), FailsWith(Reason::REFERENCE_MISMATCH, "photos[0]"));
}

TEST_F(ReferenceMismatchTest, ComparesNothingWithReferencesOfAnotherModel) {
  ASSERT_THAT(Enroll(Request({kRed})), IsOkAndHolds(1));
  FakeEmbedder other;
  ModelDigest digest;
  digest.bytes.fill(0x77);
  other.set_digest(digest);
  ASSERT_THAT(active_.Replace({std::shared_ptr<const Embedder>(std::shared_ptr<void>(), &other),
                               Threshold{.distance = 0.5, .source = ThresholdSource::kHalfMargin, .point = {}}},
                              [] { return absl::OkStatus(); }),
              IsOk());
  EXPECT_THAT(Enroll(Request({kGreen})), IsOkAndHolds(2));
}

TEST_F(ReferenceMismatchTest, AnswersARepeatedRequestAsBefore) {
  v1::EnrollRequest request = Request({kRed});
  request.set_request_id("request");
  ASSERT_THAT(Enroll(request), IsOkAndHolds(1));
  ASSERT_THAT(Enroll(Request({kReddish})), IsOkAndHolds(2));
  EXPECT_THAT(Enroll(request), IsOk());
}

// Of two people who are enrolled under one id at the same time, one must lose, whoever comes first.
TEST_F(ReferenceMismatchTest, RefusesOneOfTwoStrangersWhoComeAtTheSameTime) {
  for (int round = 0; round < 20; ++round) {
    v1::EnrollRequest red = Request({kRed});
    v1::EnrollRequest green = Request({kGreen});
    red.set_person_id(absl::StrFormat("person %d", round));
    green.set_person_id(red.person_id());
    absl::StatusOr<int> of_red, of_green;
    {
      std::jthread first([&] { of_red = Enroll(red); });
      std::jthread second([&] { of_green = Enroll(green); });
    }
    EXPECT_NE(of_red.ok(), of_green.ok()) << "round " << round;
    EXPECT_THAT(of_red.ok() ? of_green : of_red, FailsWith(Reason::REFERENCE_MISMATCH, "photos[0]"));
  }
}

}  // namespace
}  // namespace likeness
