// FaceVerification over a real gallery and a fake embedder whose embeddings are mean colours: a photo's "face" is its
// colour, and distances are plain to see. Red to green is √2; the threshold is 0.5.
#ifndef LIKENESS_TESTS_UNIT_RPC_FACE_VERIFICATION_FIXTURE_H_
#define LIKENESS_TESTS_UNIT_RPC_FACE_VERIFICATION_FIXTURE_H_

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "server/rpc/face_verification.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"
#include "tests/support/stores.h"

namespace likeness {

// Measured on a million impostor pairs.
inline OperatingPoint MeasuredPoint(double fmr, double distance) {
  return {.fmr = fmr,
          .distance = distance,
          .fmr_low = fmr / 2,
          .fmr_high = fmr * 2,
          .genuine_pairs = 1000,
          .impostor_pairs = 1'000'000,
          .people = 500,
          .source = "made up"};
}

inline std::string PhotoOf(Colour colour) { return EncodePnm(PlainPicture(32, 32, colour)); }

class FaceVerificationFixture : public testing::Test {
 protected:
  static constexpr Colour kRed{255, 0, 0}, kGreen{0, 255, 0};
  // 0.4 and 0.6 from red.
  static constexpr Colour kReddish{153, 0, 0}, kBrown{102, 0, 0};

  static void SetUpTestSuite() {
    if (finder_ != nullptr) return;
    absl::StatusOr<FaceFinder> loaded = FaceFinder::Load(ModelPath("face-finder.pt"), Device{});
    ASSERT_THAT(loaded, IsOk());
    finder_ = new FaceFinder(*std::move(loaded));
  }

  FaceVerificationFixture() {
    options_.enrolling.make_reference_id = [this] { return absl::StrFormat("%032x", ++references_made_); };
    options_.enrolling.now = [] { return absl::FromUnixSeconds(1'700'000'000); };
    gallery_ = *Gallery::Open(*OpenSqliteStore(UniquePath("gallery.sqlite")), {}, metrics_);
    methods_ = std::make_unique<FaceVerification>(encoder_, active_, *gallery_, budget_, metrics_, options_);
  }

  // May do and hear everything.
  static Caller Trusted() { return {.name = "", .scores = true, .limits = {}}; }
  static absl::Status Wanted() { return absl::OkStatus(); }

  // Whatever colour the person had before.
  void Enrol(const std::string& person_id, Colour colour) {
    v1::EnrollRequest request;
    request.set_allow_mismatch(true);
    request.set_person_id(person_id);
    request.add_photos(PhotoOf(colour));
    v1::EnrollResponse response;
    ASSERT_THAT(methods_->Enroll(request, Trusted(), Wanted, response), IsOk());
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const v1::VerifyRequest& request) {
    v1::VerifyResponse response;
    const absl::Status status = methods_->Verify(request, Trusted(), Wanted, response);
    EXPECT_TRUE(status.ok() || !response.verified()) << "an error that says verified";
    if (!status.ok()) return status;
    return response;
  }

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& person_id, Colour colour) {
    v1::VerifyRequest request;
    request.set_person_id(person_id);
    request.set_photo(PhotoOf(colour));
    return Verify(request);
  }

  std::string Scrape() const { return prometheus::TextSerializer().Serialize(metrics_.registry()->Collect()); }

  // Takes a while to load, and no test changes it.
  inline static const FaceFinder* finder_ = nullptr;
  FakeEmbedder embedder_;
  Metrics metrics_;
  FaceEncoder encoder_{*finder_, PhotoLimits{}, metrics_};
  // The embedder is the fixture's own.
  ActiveGeneration active_{
      {std::shared_ptr<const Embedder>(std::shared_ptr<void>(), &embedder_),
       Threshold{.distance = 0.5, .source = ThresholdSource::kOperatingPoint, .point = MeasuredPoint(1e-3, 0.5)}}};
  int references_made_ = 0;
  FaceVerification::Options options_;
  MismatchBudget budget_;
  std::unique_ptr<Gallery> gallery_;
  std::unique_ptr<FaceVerification> methods_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_RPC_FACE_VERIFICATION_FIXTURE_H_
