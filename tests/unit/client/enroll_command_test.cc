// `likeness enroll`: what it asks for, and what it says of each face's quality.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class EnrollCommandTest : public ::testing::Test {
 protected:
  EnrollCommandTest() {
    server_.service.enroll = [this](const v1::EnrollRequest& request, v1::EnrollResponse* response) {
      sent_ = request;  // cppcheck-suppress useInitializationList ; in a function that is called later
      *response = response_;
      return grpc::Status::OK;
    };
  }

  CliRun Run(std::vector<std::string> options) {
    options.insert(options.begin(), {"enroll", "alice", photo_});
    options.insert(options.end(), {"--server", server_.address()});
    return RunCli(options);
  }

  static v1::Face FaceWith(float score, const std::vector<v1::QualityIssue>& issues) {
    v1::Face face;
    face.mutable_quality()->set_score(score);
    for (const v1::QualityIssue issue : issues) face.mutable_quality()->add_issues(issue);
    return face;
  }

  FakeServer server_;
  v1::EnrollRequest sent_;
  v1::EnrollResponse response_;
  const std::string photo_ = FileWith("enroll_photo", "photo bytes");
};

TEST_F(EnrollCommandTest, SaysOfEachReferenceHowGoodItsFaceIsAndWhatCouldBeBetter) {
  response_.add_references()->set_reference_id("0123");
  response_.add_references()->set_reference_id("4567");
  *response_.add_faces() = FaceWith(0.84F, {});
  *response_.add_faces() = FaceWith(0.314F, {v1::QUALITY_ISSUE_TOO_SMALL, v1::QUALITY_ISSUE_YAW});
  response_.set_reference_count(2);
  EXPECT_EQ(Run({}).out,
            "enrolled: alice has 2 references\n"
            "  0123  quality 0.84\n"
            "  4567  quality 0.31: too few pixels, head turned aside\n");
}

TEST_F(EnrollCommandTest, SaysThatAPhotoWasTurned) {
  response_.add_references()->set_reference_id("0123");
  *response_.add_faces() = FaceWith(0.84F, {});
  response_.mutable_faces(0)->set_turned_degrees(270);
  response_.set_reference_count(1);
  EXPECT_EQ(Run({}).out,
            "enrolled: alice has 1 reference\n"
            "  0123  quality 0.84, photo turned by 270 degrees clockwise\n");
}

TEST_F(EnrollCommandTest, LeavesTheGateToTheServerUnlessItIsTold) {
  EXPECT_EQ(Run({}).exit_code, 0);
  EXPECT_EQ(sent_.quality_gate(), v1::QUALITY_GATE_UNSPECIFIED);
  EXPECT_FALSE(sent_.validate_only());
  for (const auto& [name, gate] : {std::pair{"off", v1::QUALITY_GATE_OFF},
                                   {"standard", v1::QUALITY_GATE_STANDARD},
                                   {"strict", v1::QUALITY_GATE_STRICT}}) {
    EXPECT_EQ(Run({"--quality-gate", name}).exit_code, 0);
    EXPECT_EQ(sent_.quality_gate(), gate) << name;
  }
  EXPECT_EQ(Run({"--quality-gate", "perfect"}).exit_code, 2);
}

TEST_F(EnrollCommandTest, SaysThatAnEnrolmentWasOnlyChecked) {
  *response_.add_faces() = FaceWith(0.5F, {v1::QUALITY_ISSUE_BLURRED});
  response_.set_reference_count(1);
  const CliRun run = Run({"--validate-only"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(sent_.validate_only());
  EXPECT_EQ(run.out,
            "could be enrolled, and was not: alice has 1 reference\n  " + photo_ + "  quality 0.50: blurred\n");
}

TEST_F(EnrollCommandTest, WarnsOfAFaceThatIsEnrolledUnderAnotherId) {
  v1::Duplicate& duplicate = *response_.add_duplicates();
  duplicate.set_distance(0.25);
  EXPECT_EQ(Run({}).err, "warning: " + photo_ + " is enrolled under another id already (distance 0.250)\n");
  duplicate.set_person_id("bob");
  EXPECT_EQ(Run({}).err, "warning: " + photo_ + " is enrolled under another id already: bob (distance 0.250)\n");
}

TEST_F(EnrollCommandTest, InsistsOnlyWhereItIsTold) {
  EXPECT_EQ(Run({}).exit_code, 0);
  EXPECT_FALSE(sent_.allow_mismatch() || sent_.allow_duplicate());
  EXPECT_EQ(Run({"--allow-mismatch", "--allow-duplicate"}).exit_code, 0);
  EXPECT_TRUE(sent_.allow_mismatch() && sent_.allow_duplicate());
}

TEST_F(EnrollCommandTest, SaysWhatToFixAndInWhichPhoto) {
  server_.service.enroll = [](const v1::EnrollRequest&, v1::EnrollResponse*) {
    return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT,
                         "FACE_QUALITY_TOO_LOW",
                         "the eyes are 11 pixels apart; at least 20 are needed",
                         "photos[0]",
                         {}});
  };
  const CliRun run = Run({});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.err, "error: FACE_QUALITY_TOO_LOW: the eyes are 11 pixels apart; at least 20 are needed (photos[0])\n");
}

// What decides about a person is the distance; of a probe the quality is for programs only.
TEST_F(EnrollCommandTest, VerifyTellsTheQualityOnlyToMachines) {
  server_.service.verify = [](const v1::VerifyRequest&, v1::VerifyResponse* response) {
    *response->mutable_face() = FaceWith(0.5F, {v1::QUALITY_ISSUE_BLURRED});
    response->set_verified(true);
    return grpc::Status::OK;
  };
  const std::vector<std::string> verify = {"verify", "alice", photo_, "--server", server_.address()};
  EXPECT_THAT(RunCli(verify).out, Not(HasSubstr("quality")));
  std::vector<std::string> for_machines = verify;
  for_machines.emplace_back("--json");
  const json response = json::parse(RunCli(for_machines).out);
  EXPECT_EQ(response["face"]["quality"]["score"], 0.5);
  EXPECT_EQ(response["face"]["quality"]["issues"][0], "QUALITY_ISSUE_BLURRED");
}

}  // namespace
}  // namespace likeness
