// Offline figures come from the production path: what `likeness eval` measures is what Verify and Compare answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;

class OfflineFiguresTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {"--log-level=warning"}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    for (const char* photo : {"cage/cage.jpg", "cage/cage2_crop.jpg", "audrey/audrey.jpg", "audrey/audrey_crop.jpg"}) {
      const fs::path path = fs::path(photos_) / photo;
      fs::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << Photo(path.filename());
    }
  }

  std::string Bytes(const std::string& photo) { return ReadFile(photos_ + "/" + photo); }

  const TemporaryFolder folder_;
  const std::string photos_ = folder_.path() + "/photos";
  std::unique_ptr<ServerProcess> server_;
};

TEST_F(OfflineFiguresTest, MeasuresTheDistancesThatVerifyAndCompareAnswer) {
  const std::string distances = folder_.path() + "/distances.tsv";
  const std::string command =
      absl::StrFormat("%s/likeness --server %s --json eval --images '%s' --distances '%s' >/dev/null", LIKENESS_BIN_DIR,
                      server_->target(), photos_, distances);
  ASSERT_EQ(std::system(command.c_str()), 0);
  Client client({.target = server_->target(), .timeout = absl::Minutes(1)});
  std::ifstream lines(distances);
  std::string line;
  std::getline(lines, line);  // the heading
  std::string a, b;
  int genuine = 0, pairs = 0;
  double distance = 0, normalized = 0;
  for (; lines >> a >> b >> genuine >> distance >> normalized; ++pairs) {
    v1::CompareRequest comparison;
    comparison.set_photo_a(Bytes(a));
    comparison.set_photo_b(Bytes(b));
    comparison.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    const auto compared = client.Compare(comparison);
    ASSERT_TRUE(compared.ok()) << compared.status();
    EXPECT_NEAR(compared->distance(), distance, 1e-6) << a << ", " << b;
    EXPECT_NEAR(compared->normalized_distance(), normalized, 1e-6) << a << ", " << b;
    // Whether or not the bundle carries a cohort.
    const v1::Threshold& threshold = compared->threshold();
    EXPECT_EQ(threshold.has_probe_crowding(), threshold.has_crowding_cap());
    EXPECT_NEAR(threshold.base_distance() - threshold.distance(), normalized - distance, 1e-6) << a << ", " << b;
    EXPECT_EQ(compared->verified(), normalized <= threshold.base_distance()) << a << ", " << b;

    v1::EnrollRequest enrolment;
    enrolment.set_person_id("reference");
    enrolment.add_photos(Bytes(a));
    enrolment.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    enrolment.set_quality_gate(v1::QUALITY_GATE_OFF);
    const auto enrolled = client.Enroll(enrolment);
    ASSERT_TRUE(enrolled.ok()) << enrolled.status();
    v1::VerifyRequest probe;
    probe.set_person_id("reference");
    probe.set_photo(Bytes(b));
    probe.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    const auto verified = client.Verify(probe);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_NEAR(verified->distance(), distance, 1e-6) << a << ", " << b;
    EXPECT_NEAR(verified->normalized_distance(), normalized, 1e-6) << a << ", " << b;
    EXPECT_EQ(verified->verified(), genuine == 1) << a << ", " << b;
    v1::DeletePersonRequest deletion;
    deletion.set_person_id("reference");
    ASSERT_TRUE(client.DeletePerson(deletion).ok());
  }
  EXPECT_EQ(pairs, 6);
}

TEST_F(OfflineFiguresTest, AnswersAtTheRateThatTheCallerChoosesWithWhatItWasMeasuredOn) {
  Client client({.target = server_->target(), .timeout = absl::Minutes(1)});
  v1::CompareRequest request;
  request.set_photo_a(Bytes("cage/cage.jpg"));
  request.set_photo_b(Bytes("cage/cage2_crop.jpg"));
  double last_distance = 3;
  for (double rate : {1e-1, 1e-2, 1e-3, 1e-4}) {
    request.set_target_fmr(rate);
    const auto response = client.Compare(request);
    ASSERT_TRUE(response.ok()) << response.status();
    const v1::Threshold& threshold = response->threshold();
    EXPECT_EQ(threshold.false_match_rate(), rate);
    EXPECT_LT(threshold.false_match_rate_low(), rate);
    EXPECT_GT(threshold.false_match_rate_high(), rate);
    EXPECT_GE(rate * static_cast<double>(threshold.impostor_pairs()), 10);
    EXPECT_GT(threshold.people(), 100);
    EXPECT_LT(threshold.distance(), last_distance);
    last_distance = threshold.distance();
    EXPECT_GT(response->probability(), 0.99);
    EXPECT_GT(response->log_likelihood_ratio(), 5);
  }
  request.set_target_fmr(1e-7);
  const auto refused = client.Compare(request);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReasonOf(refused.status()), "TARGET_FMR_UNSUPPORTED");
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("the lowest that they do is 5e-05"));
}

}  // namespace
}  // namespace likeness
