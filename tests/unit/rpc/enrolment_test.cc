// Enroll, and what is done with the enrolled: GetPerson, ListPersons, DeletePerson, DeleteReference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class EnrolmentTest : public FaceVerificationFixture {
 protected:
  static v1::EnrollRequest Request(const std::string& person_id, const std::vector<std::string>& photos,
                                   const std::string& request_id = "") {
    v1::EnrollRequest request;
    request.set_person_id(person_id);
    for (const std::string& photo : photos) request.add_photos(photo);
    request.set_request_id(request_id);
    request.set_allow_mismatch(true);  // colours of one person differ here; reference_mismatch_test.cc looks at that
    return request;
  }

  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request) {
    v1::EnrollResponse response;
    if (absl::Status status = methods_->Enroll(request, Trusted(), Wanted, response); !status.ok()) return status;
    return response;
  }

  absl::StatusOr<v1::Person> GetPerson(const std::string& person_id) {
    v1::GetPersonRequest request;
    request.set_person_id(person_id);
    v1::GetPersonResponse response;
    if (absl::Status status = methods_->GetPerson(request, Wanted, response); !status.ok()) return status;
    return response.person();
  }

  absl::StatusOr<v1::ListPersonsResponse> ListPersons(int page_size, const std::string& page_token) {
    v1::ListPersonsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(page_token);
    v1::ListPersonsResponse response;
    if (absl::Status status = methods_->ListPersons(request, Wanted, response); !status.ok()) return status;
    return response;
  }

  absl::StatusOr<int> DeletePerson(const std::string& person_id) {
    v1::DeletePersonRequest request;
    request.set_person_id(person_id);
    v1::DeletePersonResponse response;
    if (absl::Status status = methods_->DeletePerson(request, Wanted, response); !status.ok()) return status;
    return response.deleted_references();
  }
};

TEST_F(EnrolmentTest, MakesAReferenceOfEachPhotoInOrder) {
  const auto response = Enroll(Request("ada", {PhotoOf(kRed), PhotoOf(kGreen)}));
  ASSERT_THAT(response, IsOk());
  ASSERT_EQ(response->references_size(), 2);
  EXPECT_EQ(response->references(0).reference_id(), "00000000000000000000000000000001");
  EXPECT_EQ(response->references(1).reference_id(), "00000000000000000000000000000002");
  EXPECT_EQ(response->references(0).model_digest(), embedder_.digest().Hex());
  EXPECT_EQ(response->references(0).create_time().seconds(), 1'700'000'000);
  EXPECT_EQ(response->faces_size(), 2);
  EXPECT_EQ(response->reference_count(), 2);
  EXPECT_FALSE(response->replayed());
  EXPECT_EQ(response->model().name(), "mean-colour");
}

TEST_F(EnrolmentTest, EnrolsAllPhotosOrNone) {
  Enrol("bob", kRed);
  const std::vector<std::string> photos = {PhotoOf(kRed), PhotoOf(kGreen), "not a photo"};
  EXPECT_THAT(Enroll(Request("ada", photos)), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED, "photos[2]"));
  EXPECT_THAT(GetPerson("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
  EXPECT_THAT(Enroll(Request("bob", photos)), FailsWith(Reason::PHOTO_FORMAT_UNSUPPORTED, "photos[2]"));
  EXPECT_EQ(GetPerson("bob")->references_size(), 1);
}

TEST_F(EnrolmentTest, EnrolsNothingWhenTheNetworkFailsAtTheLastPhoto) {
  embedder_.embed = [](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
    if (ColourAt(crop, 0, 0) == kGreen) return MakeError(Reason::NETWORK_FAILED, "the network failed");
    return MeanColour(crop);
  };
  EXPECT_THAT(Enroll(Request("ada", {PhotoOf(kRed), PhotoOf(kGreen)})), FailsWith(Reason::NETWORK_FAILED));
  EXPECT_THAT(GetPerson("ada"), FailsWith(Reason::PERSON_NOT_FOUND));
}

TEST_F(EnrolmentTest, EnrolsNothingForACallerWhoLeftAtAnyMomentBefore) {
  const v1::EnrollRequest request = Request("ada", {PhotoOf(kRed), PhotoOf(kGreen)});
  int moments = 0;
  while (true) {
    int asked = 0;
    const auto still_wanted = [&]() -> absl::Status {
      return asked++ < moments ? absl::OkStatus() : MakeError(Reason::CANCELLED, "the caller has gone");
    };
    v1::EnrollResponse response;
    const absl::Status status = methods_->Enroll(request, Trusted(), still_wanted, response);
    if (status.ok()) break;
    ASSERT_THAT(status, FailsWith(Reason::CANCELLED));
    EXPECT_THAT(GetPerson("ada"), FailsWith(Reason::PERSON_NOT_FOUND)) << "after " << moments << " moments";
    ++moments;
  }
  // Each photo's three stages and its decoding, before the index is read, and before the gallery is changed.
  EXPECT_EQ(moments, 2 * 4 + 2);
  EXPECT_EQ(GetPerson("ada")->references_size(), 2);
}

TEST_F(EnrolmentTest, NamesTheFieldThatIsWrong) {
  const std::string photo = PhotoOf(kRed);
  EXPECT_THAT(Enroll(Request("", {photo})), FailsWith(Reason::FIELD_INVALID, "person_id"));
  EXPECT_THAT(Enroll(Request("a\nb", {photo})), FailsWith(Reason::FIELD_INVALID, "person_id"));
  EXPECT_THAT(Enroll(Request("ada", {})), FailsWith(Reason::FIELD_INVALID, "photos"));
  EXPECT_THAT(Enroll(Request("ada", std::vector<std::string>(17, photo))), FailsWith(Reason::FIELD_INVALID, "photos"));
  EXPECT_THAT(Enroll(Request("ada", {photo}, std::string(129, 'r'))), FailsWith(Reason::FIELD_INVALID, "request_id"));
  v1::EnrollRequest request = Request("ada", {photo});
  request.set_face_policy(static_cast<v1::FacePolicy>(9));
  EXPECT_THAT(Enroll(request), FailsWith(Reason::FIELD_INVALID, "face_policy"));
  EXPECT_THAT(Enroll(Request("ada", {""})), FailsWith(Reason::PHOTO_EMPTY, "photos[0]"));
  EXPECT_EQ(embedder_.calls(), 0);
}

TEST_F(EnrolmentTest, AnswersARepeatedRequestWithoutRunningTheNetwork) {
  const v1::EnrollRequest request = Request("ada", {PhotoOf(kRed)}, "request");
  const auto first = Enroll(request);
  ASSERT_THAT(first, IsOk());
  const int calls = embedder_.calls();
  const auto again = Enroll(request);
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(again->replayed());
  EXPECT_EQ(again->references(0).reference_id(), first->references(0).reference_id());
  EXPECT_EQ(again->faces_size(), 0);
  EXPECT_EQ(again->reference_count(), 1);
  EXPECT_EQ(embedder_.calls(), calls);
}

TEST_F(EnrolmentTest, RefusesARequestIdWithAnyOtherContent) {
  ASSERT_THAT(Enroll(Request("ada", {PhotoOf(kRed)}, "request")), IsOk());
  EXPECT_THAT(Enroll(Request("bob", {PhotoOf(kRed)}, "request")), FailsWith(Reason::REQUEST_ID_REUSED));
  EXPECT_THAT(Enroll(Request("ada", {PhotoOf(kGreen)}, "request")), FailsWith(Reason::REQUEST_ID_REUSED));
  EXPECT_THAT(Enroll(Request("ada", {PhotoOf(kRed), PhotoOf(kRed)}, "request")), FailsWith(Reason::REQUEST_ID_REUSED));
  v1::EnrollRequest other_policy = Request("ada", {PhotoOf(kRed)}, "request");
  other_policy.set_face_policy(v1::FACE_POLICY_LARGEST);
  EXPECT_THAT(Enroll(other_policy), FailsWith(Reason::REQUEST_ID_REUSED));
  EXPECT_EQ(GetPerson("ada")->references_size(), 1);
}

// "ada" with the photo "Xy" and "adaX" with "y" hold the same bytes one after the other.
TEST_F(EnrolmentTest, DoesNotTakeContentForTheSameThatOnlyRunsTogetherAlike) {
  const std::string photo = PhotoOf(kRed);
  ASSERT_THAT(Enroll(Request("ada", {photo}, "request")), IsOk());
  EXPECT_THAT(Enroll(Request("ada" + photo.substr(0, 1), {photo.substr(1)}, "request")),
              FailsWith(Reason::REQUEST_ID_REUSED));
}

TEST_F(EnrolmentTest, ForgetsRequestsOfADeletedPerson) {
  const v1::EnrollRequest request = Request("ada", {PhotoOf(kRed)}, "request");
  ASSERT_THAT(Enroll(request), IsOk());
  ASSERT_THAT(DeletePerson("ada"), IsOkAndHolds(1));
  const auto anew = Enroll(request);
  ASSERT_THAT(anew, IsOk());
  EXPECT_FALSE(anew->replayed());
  EXPECT_EQ(anew->faces_size(), 1);
}

TEST_F(EnrolmentTest, RefusesMoreReferencesThanAPersonMayHave) {
  const std::vector<std::string> sixteen(16, PhotoOf(kRed));
  for (int i = 0; i < 4; ++i) ASSERT_THAT(Enroll(Request("ada", sixteen)), IsOk());
  EXPECT_THAT(Enroll(Request("ada", {PhotoOf(kRed)})), FailsWith(Reason::TOO_MANY_REFERENCES));
  EXPECT_EQ(GetPerson("ada")->references_size(), 64);
}

TEST_F(EnrolmentTest, SeesAnEnrolmentAtTheNextVerify) {
  Enrol("ada", kBrown);
  ASSERT_FALSE(Verify("ada", kRed)->verified());
  Enrol("ada", kRed);
  EXPECT_TRUE(Verify("ada", kRed)->verified());
  ASSERT_THAT(DeletePerson("ada"), IsOkAndHolds(2));
  EXPECT_THAT(Verify("ada", kRed), FailsWith(Reason::PERSON_NOT_FOUND));
}

TEST_F(EnrolmentTest, ReturnsAPersonWithTheReferences) {
  Enrol("ada", kRed);
  const auto person = GetPerson("ada");
  ASSERT_THAT(person, IsOk());
  EXPECT_EQ(person->person_id(), "ada");
  EXPECT_EQ(person->create_time().seconds(), 1'700'000'000);
  EXPECT_EQ(person->references(0).reference_id(), "00000000000000000000000000000001");
  EXPECT_THAT(GetPerson(""), FailsWith(Reason::FIELD_INVALID, "person_id"));
}

TEST_F(EnrolmentTest, ListsEveryPersonOncePageByPage) {
  for (int i = 0; i < 5; ++i) Enrol(absl::StrCat("person ", i), kRed);
  std::vector<std::string> listed;
  std::string token;
  int pages = 0;
  do {
    const auto page = ListPersons(2, token);
    ASSERT_THAT(page, IsOk());
    EXPECT_LE(page->persons_size(), 2);
    for (const v1::Person& person : page->persons()) listed.push_back(person.person_id());
    token = page->next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  EXPECT_THAT(listed, ElementsAre("person 0", "person 1", "person 2", "person 3", "person 4"));
}

TEST_F(EnrolmentTest, HasNoFurtherPageAfterOneThatIsJustFull) {
  Enrol("ada", kRed);
  Enrol("bob", kRed);
  EXPECT_EQ(ListPersons(2, "")->next_page_token(), "");
  EXPECT_EQ(ListPersons(0, "")->persons_size(), 2);
  EXPECT_THAT(ListPersons(1001, ""), FailsWith(Reason::FIELD_INVALID, "page_size"));
  EXPECT_THAT(ListPersons(1, "!"), FailsWith(Reason::FIELD_INVALID, "page_token"));
}

TEST_F(EnrolmentTest, DeletesOneReference) {
  Enrol("ada", kRed);
  Enrol("ada", kGreen);
  v1::DeleteReferenceRequest request;
  request.set_person_id("ada");
  v1::DeleteReferenceResponse response;
  EXPECT_THAT(methods_->DeleteReference(request, Wanted, response), FailsWith(Reason::FIELD_INVALID, "reference_id"));
  request.set_reference_id("unknown");
  EXPECT_THAT(methods_->DeleteReference(request, Wanted, response), FailsWith(Reason::REFERENCE_NOT_FOUND));
  request.set_reference_id("00000000000000000000000000000001");
  ASSERT_THAT(methods_->DeleteReference(request, Wanted, response), IsOk());
  EXPECT_EQ(response.remaining_references(), 1);
  EXPECT_FALSE(Verify("ada", kRed)->verified());
}

TEST_F(EnrolmentTest, LeavesNoPersonInTheMetricsLabels) {
  Enrol("ada-lovelace", kRed);
  ASSERT_THAT(Verify("ada-lovelace", kRed), IsOk());
  EXPECT_THAT(Scrape(), testing::Not(HasSubstr("lovelace")));
}

}  // namespace
}  // namespace likeness
