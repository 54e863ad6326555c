// Enrolments by two servers that share a gallery, at the same time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "server/gallery/postgres_database.h"
#include "tests/support/postgres_server.h"
#include "tests/unit/rpc/face_verification_fixture.h"

namespace likeness {
namespace {

// A server as far as enrolments go: gallery, index and cache of its own.
struct Replica {
  Metrics metrics;
  std::unique_ptr<Gallery> gallery;
  std::unique_ptr<FaceVerification> methods;
};

class TwoServersTest : public FaceVerificationFixture {
 protected:
  static constexpr int kRounds = 40;

  void SetUp() override {
    static const std::unique_ptr<PostgresServer> server = PostgresServer::Start();
    if (server == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
    const std::string url = server->NewGallery();
    options_.enrolling.duplicates = DuplicatePolicy::kRefuse;
    for (Replica* replica : {&here_, &there_}) {
      PostgresOptions options;
      options.url = url;
      options.timeout = absl::Seconds(30);
      auto store = SqlStore::Open(*PostgresDatabase::Open(options), ProtectionBy(1));
      ASSERT_THAT(store, IsOk());
      replica->gallery = *Gallery::Open(*std::move(store), {}, replica->metrics);
      options_.enrolling.make_reference_id = [this] { return absl::StrFormat("%032x", ++made_); };
      replica->methods =
          std::make_unique<FaceVerification>(encoder_, active_, *replica->gallery, budget_, replica->metrics, options_);
    }
  }

  static absl::Status Enroll(Replica& replica, const std::string& person_id, Colour colour) {
    v1::EnrollRequest request;
    request.set_person_id(person_id);
    request.add_photos(PhotoOf(colour));
    v1::EnrollResponse response;
    return replica.methods->Enroll(request, Trusted(), Wanted, response);
  }

  Replica here_, there_;
  std::atomic<int> made_ = 0;
};

// It was 7 of 10 that got through.
TEST_F(TwoServersTest, OneFaceUnderTwoIdsAtOnceIsRefusedOnceAlways) {
  for (int round = 0; round < kRounds; ++round) {
    absl::Status of_ada, of_bob;
    {
      std::jthread first([&] { of_ada = Enroll(here_, "ada", kRed); });
      std::jthread second([&] { of_bob = Enroll(there_, "bob", kRed); });
    }
    ASSERT_NE(of_ada.ok(), of_bob.ok()) << "round " << round << ": " << of_ada << "; " << of_bob;
    EXPECT_THAT(of_ada.ok() ? of_bob : of_ada, FailsWith(Reason::DUPLICATE_OF, "photos[0]"));
    ASSERT_THAT(here_.gallery->DeletePerson(of_ada.ok() ? "ada" : "bob"), IsOk());
    ASSERT_THAT(here_.gallery->Sync(), IsOk());
    ASSERT_THAT(there_.gallery->Sync(), IsOk());
  }
}

TEST_F(TwoServersTest, TwoFacesUnderOneIdAtOnceAreRefusedOnceAlways) {
  for (int round = 0; round < kRounds; ++round) {
    absl::Status red, green;
    {
      std::jthread first([&] { red = Enroll(here_, "ada", kRed); });
      std::jthread second([&] { green = Enroll(there_, "ada", kGreen); });
    }
    ASSERT_NE(red.ok(), green.ok()) << "round " << round << ": " << red << "; " << green;
    EXPECT_THAT(red.ok() ? green : red, FailsWith(Reason::REFERENCE_MISMATCH, "photos[0]"));
    ASSERT_THAT(here_.gallery->DeletePerson("ada"), IsOk());
    ASSERT_THAT(here_.gallery->Sync(), IsOk());
    ASSERT_THAT(there_.gallery->Sync(), IsOk());
  }
}

// The memory there still had the face that was deleted here.
TEST_F(TwoServersTest, AFaceIsHeldAgainstThePersonAsTheGalleryHasItNow) {
  ASSERT_THAT(Enroll(there_, "ada", kRed), IsOk());
  ASSERT_THAT(there_.gallery->FindReferences("ada"), IsOk()) << "now in memory there";
  ASSERT_THAT(here_.gallery->DeletePerson("ada"), IsOk());
  ASSERT_THAT(Enroll(here_, "ada", kGreen), IsOk());
  EXPECT_THAT(Enroll(there_, "ada", kRed), FailsWith(Reason::REFERENCE_MISMATCH, "photos[0]"));
}

}  // namespace
}  // namespace likeness
