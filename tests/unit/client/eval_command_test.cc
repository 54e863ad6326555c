#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// The fake server takes the bytes of a photo for the position of its face on a line.
class EvalCommandTest : public ::testing::Test {
 protected:
  EvalCommandTest() {
    server_.service.embed = [this](const v1::EmbedRequest& request, v1::EmbedResponse* response) {
      const int call = ++calls_;
      EXPECT_EQ(request.face_policy(), v1::FACE_POLICY_MOST_CENTRAL);
      EXPECT_EQ(request.probe_gate(), probe_gate_);
      float position = 0;
      if (!absl::SimpleAtof(request.photo(), &position)) {
        return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "FACE_NOT_FOUND", "no face", "", {}});
      }
      if (call == 1) {
        return ToGrpcStatus({grpc::StatusCode::RESOURCE_EXHAUSTED, "OVERLOADED", "busy", "", absl::Milliseconds(10)});
      }
      response->add_embedding(position);
      response->mutable_model()->set_name("line");
      *response->mutable_threshold() = threshold_;
      return grpc::Status::OK;
    };
    threshold_.set_distance(2.5);
    threshold_.set_base_distance(2.5);
    folder_ = TemporaryPath("eval_command_test");
  }
  ~EvalCommandTest() override { std::filesystem::remove_all(folder_); }

  void WritePhoto(const std::string& person, int number, const std::string& bytes) {
    std::filesystem::create_directories(folder_ + "/" + person);
    FileWith("eval_command_test/" + person + "/" + person + "_000" + std::to_string(number) + ".jpg", bytes);
  }

  CliRun Evaluate(const std::string& pairs, const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {
        "eval", "--images", folder_, "--pairs", FileWith("eval_command_pairs", pairs), "--server", server_.address()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return RunCli(arguments);
  }

  FakeServer server_;
  std::string folder_;
  v1::Threshold threshold_;
  std::atomic<int> calls_ = 0;
  v1::QualityGate probe_gate_ = v1::QUALITY_GATE_STANDARD;  // as Verify by default
};

constexpr char kPairs[] = "2\nAda\t1\t2\nBob\t1\t2\nAda\t1\tBob\t1\nAda\t2\tBob\t2\n";

TEST_F(EvalCommandTest, ScoresAServerOnAList) {
  WritePhoto("Ada", 1, "0");
  WritePhoto("Ada", 2, "1");
  WritePhoto("Bob", 1, "10");
  WritePhoto("Bob", 2, "13");
  const CliRun run = Evaluate(kPairs, {"--json", "--jobs", "3"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const json report = json::parse(run.out);
  EXPECT_EQ(report["photos"]["total"], 4);
  EXPECT_EQ(report["photos"]["failed"].size(), 0u);
  EXPECT_EQ(report["accuracy"]["best"]["accuracy"], 1);
  EXPECT_EQ(report["at_server_threshold"]["accuracy"]["value"], 0.75);
  EXPECT_EQ(report["eer"]["value"], 0);
}

TEST_F(EvalCommandTest, EmbedsEachPhotoOnceAndComesAgainToAnOverloadedServer) {
  WritePhoto("Ada", 1, "0");
  WritePhoto("Ada", 2, "1");
  WritePhoto("Bob", 1, "10");
  WritePhoto("Bob", 2, "13");
  EXPECT_EQ(Evaluate(kPairs).exit_code, 0);
  EXPECT_EQ(calls_, 5);
}

TEST_F(EvalCommandTest, ReportsFailedPhotosAndGoesOn) {
  WritePhoto("Ada", 1, "0");
  WritePhoto("Ada", 2, "1");
  WritePhoto("Bob", 1, "no face here");
  const CliRun run = Evaluate(kPairs);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("4 photos, 2 failed\n"));
  EXPECT_THAT(run.out, HasSubstr("Bob/Bob_0001.jpg: FACE_NOT_FOUND\n"));
  EXPECT_THAT(run.out, HasSubstr("Bob/Bob_0002.jpg: NOT_FOUND\n"));
  EXPECT_THAT(run.out, HasSubstr("25.00 % ["));
  EXPECT_THAT(run.err, HasSubstr("embedding photos: 100 %, 4 of 4\n"));
}

TEST_F(EvalCommandTest, MeasuresGroupsOfAServerWithoutAThreshold) {
  WritePhoto("Ada", 1, "0");
  WritePhoto("Ada", 2, "1");
  WritePhoto("Bob", 1, "10");
  WritePhoto("Bob", 2, "13");
  threshold_.set_distance(-1);
  threshold_.set_base_distance(-1);
  threshold_.set_source(v1::THRESHOLD_SOURCE_NOT_MEASURED);
  const std::string page = TemporaryPath("eval_unmeasured.html");
  const CliRun run = RunCli({"eval", "--images", "a=" + folder_, "--images", "b=" + folder_, "--server",
                             server_.address(), "--report", page});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("server      no threshold: the model was not measured at its --target-fmr\n"));
  EXPECT_THAT(run.out, HasSubstr("worst       not told: the server has no threshold"));
  EXPECT_THAT(run.out, ::testing::Not(HasSubstr("-1.0000")));
  std::ifstream file(page);
  const std::string html((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(html, HasSubstr("no threshold (not measured"));
  EXPECT_THAT(html, ::testing::Not(HasSubstr("pair is-wrong")));
}

TEST_F(EvalCommandTest, MeasuresWhatGetsAVerdictWhereItIsTold) {
  WritePhoto("Ada", 1, "0");
  probe_gate_ = v1::QUALITY_GATE_STRICT;
  EXPECT_EQ(Evaluate(kPairs, {"--probe-gate", "strict"}).exit_code, 0);
  EXPECT_GT(calls_, 0);
}

TEST_F(EvalCommandTest, ExitsWithTwoWhenNoPhotoWorked) {
  WritePhoto("Ada", 1, "no face here");
  const CliRun run = Evaluate(kPairs);
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("none of 4 photos could be embedded; the first: FACE_NOT_FOUND"));
}

TEST_F(EvalCommandTest, ComparesEverybodyInAFolder) {
  WritePhoto("Ada", 1, "0");
  WritePhoto("Ada", 2, "1");
  WritePhoto("Bob", 1, "10");
  const CliRun run = RunCli({"eval", "--images", folder_, "--server", server_.address(), "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(run.out);
  EXPECT_EQ(report["pairs"]["genuine"], 1);
  EXPECT_EQ(report["pairs"]["impostor"], 2);
  EXPECT_EQ(report["people"], 2);
  EXPECT_TRUE(report["accuracy"].is_null());
}

TEST_F(EvalCommandTest, ComparesProbesWithReferencesAndWritesTheirDistances) {
  WritePhoto("Ada", 1, "0");
  WritePhoto("Ada", 2, "1");
  WritePhoto("Bob", 1, "10");
  const std::string distances = TemporaryPath("eval_command_distances");
  const CliRun run = RunCli({"eval", "--images", folder_, "--server", server_.address(), "--probes",
                             FileWith("eval_command_probes", "Ada Ada/Ada_0001.jpg\n"), "--references",
                             FileWith("eval_command_references", "Ada Ada/Ada_0002.jpg\nBob Bob/Bob_0001.jpg\n"),
                             "--distances", distances});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  std::ifstream file(distances);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text,
            "photo_a\tphoto_b\tgenuine\tdistance\tnormalized_distance\n"
            "Ada/Ada_0001.jpg\tAda/Ada_0002.jpg\t1\t1\t1\nAda/Ada_0001.jpg\tBob/Bob_0001.jpg\t0\t10\t10\n");
}

TEST_F(EvalCommandTest, WritesBothDistancesOfAModelWithACohort) {
  const auto embed = server_.service.embed;
  server_.service.embed = [&](const v1::EmbedRequest& request, v1::EmbedResponse* response) {
    const grpc::Status status = embed(request, response);
    response->set_crowding(0.5);
    response->mutable_threshold()->set_crowding_cap(1.25);
    return status;
  };
  WritePhoto("Ada", 1, "0");
  WritePhoto("Ada", 2, "1");
  const std::string distances = TemporaryPath("eval_command_distances");
  const CliRun run = RunCli({"eval", "--images", folder_, "--server", server_.address(), "--distances", distances});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("distances   normalized"));
  std::ifstream file(distances);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(text, HasSubstr("Ada/Ada_0001.jpg\tAda/Ada_0002.jpg\t1\t1\t1.75\n"));
}

TEST_F(EvalCommandTest, TellsNamedFoldersApartAndReadsTheirPhotos) {
  const std::pair<std::string, std::string> photos[] = {{"old/Ada/1.jpg", "0"},    {"old/Ada/2.jpg", "1"},
                                                        {"old/Bob/1.jpg", "2"},    {"young/Ada/1.jpg", "10"},
                                                        {"young/Ada/2.jpg", "11"}, {"young/Bob/1.jpg", "100"}};
  for (const auto& [path, bytes] : photos) {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + path).parent_path());
    FileWith("eval_command_test/" + path, bytes);
  }
  const std::string report = TemporaryPath("eval_command_report");
  const std::vector<std::string> arguments = {"eval",
                                              "--images",
                                              "ages/old=" + folder_ + "/old",
                                              "--images",
                                              "ages/young=" + folder_ + "/young",
                                              "--server",
                                              server_.address(),
                                              "--report",
                                              report};
  const CliRun text = RunCli(arguments);
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("data        2 people, 6 photos, 0 failed\n"));
  EXPECT_THAT(text.out, HasSubstr("ages/old    2 people, 3 photos, failed: none; 1 genuine pairs, 2 impostor\n"));
  EXPECT_THAT(text.out, HasSubstr("FMR 100.00 % ["));
  std::ifstream file(report);
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(page, HasSubstr("ages/young"));
  EXPECT_THAT(page, HasSubstr("ages/old/Ada/1.jpg"));

  std::vector<std::string> as_json = arguments;
  as_json.push_back("--json");
  const json result = json::parse(RunCli(as_json).out);
  EXPECT_EQ(result["pairs"]["impostor"], 4) << "none across the groups";
  EXPECT_EQ(result["groups"][1]["name"], "ages/young");
  EXPECT_EQ(result["groups"][1]["at_server_threshold"]["fmr"]["value"], 0);
}

TEST_F(EvalCommandTest, TellsPeopleApartByAList) {
  for (const char* person : {"Ada", "Bob", "Cid", "Dan"}) {
    WritePhoto(person, 1, std::to_string(person[0]));
    WritePhoto(person, 2, std::to_string(person[0] + 1));
  }
  const CliRun run =
      RunCli({"eval", "--images", folder_, "--groups", FileWith("eval_command_groups", "Ada x\nBob x\nCid y\n"),
              "--server", server_.address(), "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json report = json::parse(run.out);
  ASSERT_EQ(report["groups"].size(), 3u);
  EXPECT_EQ(report["groups"][0]["name"], "unlabeled");
  EXPECT_EQ(report["groups"][1]["name"], "x");
  EXPECT_EQ(report["groups"][1]["pairs"]["impostor"], 4);
}

TEST_F(EvalCommandTest, RefusesOptionsThatContradictEachOther) {
  WritePhoto("Ada", 1, "0");
  const std::string list = FileWith("eval_command_list", "Ada Ada/Ada_0001.jpg\n");
  const std::vector<std::vector<std::string>> wrong = {{"--probes", list},
                                                       {"--references", list},
                                                       {"--pairs", list, "--probes", list, "--references", list},
                                                       {"--probes", list, "--references", list, "--part", "1/2"},
                                                       {"--groups", list, "--pairs", list},
                                                       {"--images", folder_},
                                                       {"--images", "x=" + folder_},
                                                       {"--part", "3/2"},
                                                       {"--part", "0/2"},
                                                       {"--part", "1"}};
  for (const std::vector<std::string>& options : wrong) {
    std::vector<std::string> arguments = {"eval", "--images", folder_, "--server", server_.address()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_EQ(RunCli(arguments).exit_code, 2) << options[0];
  }
  EXPECT_EQ(calls_, 0);
}

TEST_F(EvalCommandTest, ReportsTheLineOfAMalformedPairBeforeItCallsTheServer) {
  WritePhoto("Ada", 1, "0");
  const CliRun run = Evaluate("1\nAda 1 2\nAda one Bob 1\n");
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("eval_command_pairs: line 3: "));
  EXPECT_EQ(calls_, 0);
}

}  // namespace
}  // namespace likeness
