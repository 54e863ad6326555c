// Enrolling, verifying, comparing and deleting through the real server, with real faces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class EnrolmentTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target()});
  }

  v1::EnrollResponse Enrol(const std::string& person, const std::string& photo, const std::string& request_id = "") {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.add_photos(Photo(photo));
    request.set_request_id(request_id);
    const absl::StatusOr<v1::EnrollResponse> response = client_->Enroll(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.value_or(v1::EnrollResponse());
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& person, const std::string& photo) {
    v1::VerifyRequest request;
    request.set_person_id(person);
    request.set_photo(Photo(photo));
    return client_->Verify(request);
  }

  std::string ReasonOfVerify(const std::string& person, const std::string& photo) {
    return ErrorReasonOf(Verify(person, photo).status());
  }

  TemporaryFolder folder_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(EnrolmentTest, VerifiesAnotherPhotoOfTheSamePersonAndNoOtherPerson) {
  const v1::EnrollResponse enrolled = Enrol("cage", "cage.jpg");
  ASSERT_THAT(enrolled.references(), SizeIs(1));

  const absl::StatusOr<v1::VerifyResponse> same = Verify("cage", "cage2_crop.jpg");
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_TRUE(same->verified());
  EXPECT_LE(same->distance(), same->threshold().distance());
  EXPECT_EQ(same->threshold().source(), v1::THRESHOLD_SOURCE_OPERATING_POINT);
  EXPECT_DOUBLE_EQ(same->threshold().false_match_rate(), 1e-3);
  EXPECT_EQ(same->reference_id(), enrolled.references(0).reference_id());
  EXPECT_EQ(same->model().name(), "mobilefacenet-192");
  EXPECT_EQ(same->model().digest(), enrolled.references(0).model_digest());
  EXPECT_GT(same->face().box().width(), 20);
  EXPECT_THAT(same->face().landmarks(), SizeIs(5));

  const absl::StatusOr<v1::VerifyResponse> other = Verify("cage", "obama4_crop.jpg");
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_FALSE(other->verified());
  EXPECT_GT(other->distance(), other->threshold().distance());
}

TEST_F(EnrolmentTest, SeveralReferencesDecideTogetherAndTheNearestIsNamed) {
  const std::string far = Enrol("franck", "franck_04117.jpg").references(0).reference_id();
  const std::string near = Enrol("franck", "franck_04035.jpg").references(0).reference_id();
  const absl::StatusOr<v1::VerifyResponse> response = Verify("franck", "franck_04035.jpg");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->reference_id(), near);
  EXPECT_NE(response->reference_id(), far);
  // The mean lies between the probe's own photo, at 0, and the other one.
  EXPECT_TRUE(response->verified());
  EXPECT_GT(response->distance(), 0.05);
}

TEST_F(EnrolmentTest, APhotoOfSomebodyElseIsNotAddedToAPersonUnlessTheCallerInsists) {
  Enrol("cage", "cage.jpg");
  v1::EnrollRequest request;
  request.set_person_id("cage");
  request.add_photos(Photo("audrey.jpg"));
  const auto refused = client_->Enroll(request);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReasonOf(refused.status()), "REFERENCE_MISMATCH");
  request.set_allow_mismatch(true);
  const auto enrolled = client_->Enroll(request);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  EXPECT_EQ(enrolled->reference_count(), 2);
}

TEST_F(EnrolmentTest, AFaceThatIsEnrolledUnderAnotherIdIsReported) {
  EXPECT_THAT(Enrol("cage", "cage.jpg").duplicates(), SizeIs(0));
  EXPECT_THAT(Enrol("audrey", "audrey.jpg").duplicates(), SizeIs(0));
  const v1::EnrollResponse again = Enrol("coppola", "cage2_crop.jpg");
  EXPECT_THAT(again.references(), SizeIs(1));
  ASSERT_THAT(again.duplicates(), SizeIs(1));
  EXPECT_NEAR(again.duplicates(0).distance(), 0.63, 0.05);
  EXPECT_GT(again.duplicates(0).log_likelihood_ratio(), 1);
  EXPECT_EQ(again.duplicates(0).person_id(), "");
  EXPECT_EQ(server_->Metric("likeness_duplicates_total"), 1);
}

TEST_F(EnrolmentTest, AFaceThatIsEnrolledUnderAnotherIdIsRefusedWhereTheServerIsToldTo) {
  TemporaryFolder folder;
  auto server =
      ServerProcess::Start({.folder = folder.path(), .flags = {"--duplicates=refuse", "--reveal-duplicates=true"}});
  ASSERT_TRUE(server.ok()) << server.status();
  client_ = std::make_unique<Client>(Client::Options{.target = (*server)->target()});
  Enrol("cage", "cage.jpg");
  v1::EnrollRequest request;
  request.set_person_id("coppola");
  request.add_photos(Photo("cage2_crop.jpg"));
  const auto refused = client_->Enroll(request);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ErrorReasonOf(refused.status()), "DUPLICATE_OF");
  request.set_allow_duplicate(true);
  const auto enrolled = client_->Enroll(request);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  ASSERT_THAT(enrolled->duplicates(), SizeIs(1));
  EXPECT_EQ(enrolled->duplicates(0).person_id(), "cage");
}

TEST_F(EnrolmentTest, TheRequestsOwnMaxDistanceDecides) {
  Enrol("cage", "cage.jpg");
  v1::VerifyRequest request;
  request.set_person_id("cage");
  request.set_photo(Photo("cage2_crop.jpg"));  // 0.63 away
  request.set_max_distance(0.2);
  const absl::StatusOr<v1::VerifyResponse> response = client_->Verify(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_FALSE(response->verified());
  EXPECT_EQ(response->threshold().source(), v1::THRESHOLD_SOURCE_REQUEST);
  EXPECT_DOUBLE_EQ(response->threshold().distance(), 0.2);
  EXPECT_FALSE(response->threshold().has_false_match_rate());
}

TEST_F(EnrolmentTest, CompareIsSymmetricAndStoresNothing) {
  v1::CompareRequest request;
  request.set_photo_a(Photo("audrey.jpg"));
  request.set_photo_b(Photo("audrey_crop.jpg"));
  const absl::StatusOr<v1::CompareResponse> forth = client_->Compare(request);
  request.mutable_photo_a()->swap(*request.mutable_photo_b());
  const absl::StatusOr<v1::CompareResponse> back = client_->Compare(request);
  ASSERT_TRUE(forth.ok()) << forth.status();
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_TRUE(forth->verified());
  EXPECT_DOUBLE_EQ(forth->distance(), back->distance());
  EXPECT_EQ(server_->Metric("likeness_gallery_persons"), 0);
}

TEST_F(EnrolmentTest, EmbedReturnsAUnitLengthEmbeddingAndTheThreshold) {
  v1::EmbedRequest request;
  request.set_photo(Photo("cage.jpg"));
  const absl::StatusOr<v1::EmbedResponse> response = client_->Embed(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_THAT(response->embedding(), SizeIs(192));
  double squares = 0;
  for (float value : response->embedding()) squares += static_cast<double>(value) * value;
  EXPECT_NEAR(squares, 1, 1e-4);
  EXPECT_GT(response->threshold().distance(), 0);
}

TEST_F(EnrolmentTest, ARepeatedRequestIdIsCarriedOutOnce) {
  const v1::EnrollResponse first = Enrol("cage", "cage.jpg", "request-1");
  const v1::EnrollResponse second = Enrol("cage", "cage.jpg", "request-1");
  EXPECT_FALSE(first.replayed());
  EXPECT_TRUE(second.replayed());
  EXPECT_EQ(second.references(0).reference_id(), first.references(0).reference_id());
  EXPECT_EQ(second.reference_count(), 1);
}

TEST_F(EnrolmentTest, ADeletedPersonIsUnknownAtOnce) {
  Enrol("cage", "cage.jpg");
  ASSERT_TRUE(Verify("cage", "cage2_crop.jpg").ok());  // the references are in memory now
  v1::DeletePersonRequest request;
  request.set_person_id("cage");
  const absl::StatusOr<v1::DeletePersonResponse> deleted = client_->DeletePerson(request);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->deleted_references(), 1);
  EXPECT_EQ(ReasonOfVerify("cage", "cage2_crop.jpg"), "PERSON_NOT_FOUND");
}

TEST_F(EnrolmentTest, APersonWithoutAReferenceLeftIsNeverVerified) {
  const v1::EnrollResponse enrolled = Enrol("cage", "cage.jpg");
  v1::DeleteReferenceRequest request;
  request.set_person_id("cage");
  request.set_reference_id(enrolled.references(0).reference_id());
  const absl::StatusOr<v1::DeleteReferenceResponse> deleted = client_->DeleteReference(request);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_EQ(deleted->remaining_references(), 0);
  EXPECT_EQ(ReasonOfVerify("cage", "cage2_crop.jpg"), "PERSON_WITHOUT_REFERENCE");
}

TEST_F(EnrolmentTest, ListsPersonsPageByPageInTheOrderOfTheirIds) {
  for (const char* person : {"c", "a", "b"}) Enrol(person, "cage.jpg");
  v1::ListPersonsRequest request;
  request.set_page_size(2);
  const absl::StatusOr<v1::ListPersonsResponse> first = client_->ListPersons(request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_THAT(first->persons(), SizeIs(2));
  EXPECT_EQ(first->persons(0).person_id(), "a");
  EXPECT_EQ(first->persons(1).person_id(), "b");
  request.set_page_token(first->next_page_token());
  const absl::StatusOr<v1::ListPersonsResponse> second = client_->ListPersons(request);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_THAT(second->persons(), SizeIs(1));
  EXPECT_EQ(second->persons(0).person_id(), "c");
  EXPECT_EQ(second->next_page_token(), "");
}

TEST_F(EnrolmentTest, VerifyOfACachedPersonTouchesNoDisk) {
  Enrol("cage", "cage.jpg");
  ASSERT_TRUE(Verify("cage", "cage2_crop.jpg").ok());
  const double reads = server_->Metric("likeness_stage_duration_seconds_count{stage=\"store\"}");
  ASSERT_TRUE(Verify("cage", "cage2_crop.jpg").ok());
  EXPECT_EQ(server_->Metric("likeness_stage_duration_seconds_count{stage=\"store\"}"), reads);
  EXPECT_EQ(server_->Metric("likeness_cache_lookups_total{result=\"hit\"}"), 1);
}

TEST_F(EnrolmentTest, ReferencesOfAnotherModelAreNotCompared) {
  Enrol("cage", "cage.jpg");
  server_->Terminate();
  ASSERT_EQ(server_->Wait(), 0);
  auto other = ServerProcess::Start({.folder = folder_.path(), .flags = {}, .model = "mobilefacenet-512"});
  ASSERT_TRUE(other.ok()) << other.status();
  server_ = *std::move(other);
  client_ = std::make_unique<Client>(Client::Options{.target = server_->target()});
  EXPECT_EQ(ReasonOfVerify("cage", "cage2_crop.jpg"), "MODEL_MISMATCH");
}

TEST_F(EnrolmentTest, ANetworkThatNeedsNoAlignmentTakesTheWholePhoto) {
  server_->Kill();
  auto other = ServerProcess::Start(
      {.folder = folder_.path(), .flags = {"--threshold=half-margin"}, .model = "siamese-article"});
  ASSERT_TRUE(other.ok()) << other.status();
  Client client({.target = (*other)->target()});
  v1::EmbedRequest request;
  request.set_photo(Photo("cage.jpg"));
  const absl::StatusOr<v1::EmbedResponse> response = client.Embed(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(response->embedding(), SizeIs(5));
  EXPECT_EQ(response->face().box().x(), 0);
  EXPECT_THAT(response->face().landmarks(), SizeIs(0));
  // Nothing was measured for it, so the margin decides, as the server was told, and the response says so.
  EXPECT_EQ(response->threshold().source(), v1::THRESHOLD_SOURCE_HALF_MARGIN);
  EXPECT_DOUBLE_EQ(response->threshold().distance(), response->model().margin() / 2);
  EXPECT_EQ((*other)->Metric("likeness_threshold_source{source=\"half_margin\"}"), 1);
}

// Two different people lie 0.004 apart in the space of an untrained network.
TEST_F(EnrolmentTest, ANetworkThatNobodyMeasuredVerifiesNobodyAndDoesAllElse) {
  server_->Kill();
  auto untrained = ServerProcess::Start({.folder = folder_.path(), .flags = {}, .model = "siamese-article"});
  ASSERT_TRUE(untrained.ok()) << untrained.status();
  Client client({.target = (*untrained)->target()});
  v1::CompareRequest compare;
  compare.set_photo_a(Photo("cage.jpg"));
  compare.set_photo_b(Photo("audrey.jpg"));
  EXPECT_EQ(ErrorReasonOf(client.Compare(compare).status()), "THRESHOLD_NOT_MEASURED");
  compare.set_max_distance(1e-6);
  const auto compared = client.Compare(compare);
  ASSERT_TRUE(compared.ok()) << compared.status();
  EXPECT_FALSE(compared->verified());

  v1::EnrollRequest enroll;
  enroll.set_person_id("cage");
  enroll.add_photos(Photo("cage.jpg"));
  const auto enrolled = client.Enroll(enroll);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  EXPECT_TRUE(enrolled->unchecked());
  v1::VerifyRequest verify;
  verify.set_person_id("cage");
  verify.set_photo(Photo("audrey.jpg"));
  EXPECT_EQ(ErrorReasonOf(client.Verify(verify).status()), "THRESHOLD_NOT_MEASURED");

  v1::EmbedRequest embed;
  embed.set_photo(Photo("cage.jpg"));
  const auto embedded = client.Embed(embed);
  ASSERT_TRUE(embedded.ok()) << embedded.status();
  EXPECT_EQ(embedded->threshold().source(), v1::THRESHOLD_SOURCE_NOT_MEASURED);
  EXPECT_EQ((*untrained)->Metric("likeness_threshold_source{source=\"not_measured\"}"), 1);
  EXPECT_THAT((*untrained)->Log(), testing::HasSubstr("\"event\":\"threshold_not_measured\""));
}

}  // namespace
}  // namespace likeness
