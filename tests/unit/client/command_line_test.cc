#include "client/cli/command_line.h"

#include <cstdlib>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/cli_run.h"
#include "tests/unit/client/fake_server.h"

namespace likeness {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CommandLineTest : public ::testing::Test {
 protected:
  CliRun Run(std::vector<std::string> arguments, const std::string& in = "") {
    arguments.insert(arguments.end(), {"--server", server_.address()});
    return RunCli(arguments, in);
  }

  // Verify answers with this, whatever the photo.
  void AnswerVerify(bool verified, double distance) {
    server_.service.verify = [=, this](const v1::VerifyRequest& request, v1::VerifyResponse* response) {
      verify_request_ = request;
      response->set_verified(verified);
      response->set_distance(distance);
      response->mutable_threshold()->set_distance(1.042);
      response->mutable_threshold()->set_source(v1::THRESHOLD_SOURCE_OPERATING_POINT);
      response->mutable_threshold()->set_false_match_rate(0.001);
      response->set_reference_id("0123");
      response->mutable_model()->set_name("mobilefacenet-192");
      response->mutable_model()->set_version("1.0.0");
      return grpc::Status::OK;
    };
  }

  FakeServer server_;
  v1::VerifyRequest verify_request_;
  const std::string photo_ = FileWith("command_line_photo", "photo bytes");
};

TEST_F(CommandLineTest, VerifyExitsWithZeroForTheSamePerson) {
  AnswerVerify(true, 0.8125);
  const CliRun run = Run({"verify", "alice", photo_});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out,
            "same person: distance 0.8125, threshold 1.0420 (false match rate 0.001)\n"
            "nearest reference 0123, model mobilefacenet-192 1.0.0\n");
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(verify_request_.person_id(), "alice");
  EXPECT_EQ(verify_request_.photo(), "photo bytes");
  EXPECT_EQ(verify_request_.face_policy(), v1::FACE_POLICY_ONLY);
  EXPECT_FALSE(verify_request_.has_max_distance());
}

TEST_F(CommandLineTest, VerifyExitsWithOneForADifferentPerson) {
  AnswerVerify(false, 1.3);
  const CliRun run = Run({"verify", "alice", photo_});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, StartsWith("different person: distance 1.3000, threshold 1.0420"));
}

TEST_F(CommandLineTest, VerifySendsItsOptionsAndStandardInput) {
  AnswerVerify(true, 0.5);
  const CliRun run = Run({"verify", "alice", "-", "--face", "central", "--max-distance", "0.75"}, "from stdin");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(verify_request_.photo(), "from stdin");
  EXPECT_EQ(verify_request_.face_policy(), v1::FACE_POLICY_MOST_CENTRAL);
  EXPECT_EQ(verify_request_.max_distance(), 0.75);
}

TEST_F(CommandLineTest, VerifyAsksForAFalseMatchRateAndShowsWhatIsKnownOfTheDecision) {
  AnswerVerify(true, 0.5);
  const auto answer = server_.service.verify;
  server_.service.verify = [answer](const v1::VerifyRequest& request, v1::VerifyResponse* response) {
    const grpc::Status status = answer(request, response);
    response->mutable_threshold()->set_false_match_rate_low(0.0008);
    response->mutable_threshold()->set_false_match_rate_high(0.0013);
    response->set_log_likelihood_ratio(4.25);
    response->set_probability(0.986);
    return status;
  };
  const CliRun run = Run({"verify", "alice", photo_, "--target-fmr", "1e-3"});
  EXPECT_EQ(verify_request_.target_fmr(), 1e-3);
  EXPECT_THAT(run.out, HasSubstr("(false match rate 0.001, 95 % between 0.0008 and 0.0013)\n"
                                 "probability of the same person 0.986 (log-likelihood ratio +4.25)\n"));
  for (const char* rate : {"0", "1", "-0.1", "nan", "x"}) {
    EXPECT_EQ(Run({"verify", "alice", photo_, "--target-fmr", rate}).exit_code, 2) << rate;
  }
  EXPECT_EQ(Run({"verify", "alice", photo_, "--target-fmr", "0.1", "--max-distance", "1"}).exit_code, 2);
}

TEST_F(CommandLineTest, LeavesTheProbeGateToTheServerUnlessItIsTold) {
  AnswerVerify(true, 0.5);
  EXPECT_EQ(Run({"verify", "alice", photo_}).exit_code, 0);
  EXPECT_EQ(verify_request_.probe_gate(), v1::QUALITY_GATE_UNSPECIFIED);
  EXPECT_EQ(Run({"verify", "alice", photo_, "--probe-gate", "strict"}).exit_code, 0);
  EXPECT_EQ(verify_request_.probe_gate(), v1::QUALITY_GATE_STRICT);
  EXPECT_EQ(Run({"verify", "alice", photo_, "--probe-gate", "perfect"}).exit_code, 2);
  v1::QualityGate compared = v1::QUALITY_GATE_UNSPECIFIED, embedded = v1::QUALITY_GATE_UNSPECIFIED;
  server_.service.compare = [&compared](const v1::CompareRequest& request, auto*) {
    compared = request.probe_gate();
    return grpc::Status::OK;
  };
  server_.service.embed = [&embedded](const v1::EmbedRequest& request, auto*) {
    embedded = request.probe_gate();
    return grpc::Status::OK;
  };
  Run({"compare", photo_, photo_, "--probe-gate", "off"});
  EXPECT_EQ(compared, v1::QUALITY_GATE_OFF);
  Run({"embed", photo_, "--probe-gate", "standard"});
  EXPECT_EQ(embedded, v1::QUALITY_GATE_STANDARD);
}

TEST_F(CommandLineTest, WritesTheResponseAsOneLineOfJson) {
  AnswerVerify(false, 1.3);
  const CliRun run = Run({"--json", "verify", "alice", photo_});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 1);
  const json response = json::parse(run.out);
  EXPECT_EQ(response["verified"], false);
  EXPECT_EQ(response["distance"], 1.3);
  EXPECT_EQ(response["threshold"]["source"], "THRESHOLD_SOURCE_OPERATING_POINT");
  EXPECT_EQ(response["threshold"]["false_match_rate"], 0.001);
  EXPECT_EQ(response["reference_id"], "0123");
}

TEST_F(CommandLineTest, WritesTheReasonOfAnErrorAndExitsWithTwo) {
  server_.service.verify = [](const auto&, auto*) {
    return ToGrpcStatus(
        {grpc::StatusCode::INVALID_ARGUMENT, "FACE_NOT_FOUND", "no face was found in the photo", "", {}});
  };
  const CliRun run = Run({"verify", "alice", photo_});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "error: FACE_NOT_FOUND: no face was found in the photo\n");
}

TEST_F(CommandLineTest, WritesAnErrorAsJson) {
  server_.service.verify = [](const auto&, auto*) {
    return ToGrpcStatus({grpc::StatusCode::INVALID_ARGUMENT, "FIELD_INVALID", "is too long", "person_id", {}});
  };
  const CliRun run = Run({"verify", "alice", photo_, "--json"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(json::parse(run.err),
            json::parse(R"({"error": {"reason": "FIELD_INVALID", "message": "is too long", "field": "person_id"}})"));
}

TEST_F(CommandLineTest, GivesUpWhenTheTimeIsUp) {
  server_.service.verify = [](const auto&, auto*) {
    absl::SleepFor(absl::Milliseconds(500));
    return grpc::Status::OK;
  };
  const CliRun run = Run({"verify", "alice", photo_, "--timeout", "0.1"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, StartsWith("error: DEADLINE_EXCEEDED: "));
}

TEST_F(CommandLineTest, TakesTheServerFromTheEnvironment) {
  AnswerVerify(true, 0.5);
  ASSERT_EQ(setenv("LIKENESS_SERVER", server_.address().c_str(), 1), 0);
  const CliRun run = RunCli({"verify", "alice", photo_});
  unsetenv("LIKENESS_SERVER");
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(CommandLineTest, ComparesTwoPhotos) {
  server_.service.compare = [](const v1::CompareRequest& request, v1::CompareResponse* response) {
    response->set_verified(request.photo_a() == "photo bytes" && request.photo_b() == "other" &&
                           request.face_policy() == v1::FACE_POLICY_LARGEST);
    response->mutable_threshold()->set_source(v1::THRESHOLD_SOURCE_HALF_MARGIN);
    return grpc::Status::OK;
  };
  const CliRun run = Run({"compare", photo_, "-", "--face", "largest"}, "other");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("half the margin"));
  EXPECT_EQ(Run({"compare", "-", photo_}, "other").exit_code, 1);
}

TEST_F(CommandLineTest, EmbedsAPhoto) {
  server_.service.embed = [](const v1::EmbedRequest&, v1::EmbedResponse* response) {
    response->add_embedding(0.25F);
    response->add_embedding(-0.5F);
    return grpc::Status::OK;
  };
  EXPECT_THAT(Run({"embed", photo_}).out, HasSubstr("2 numbers"));
  EXPECT_EQ(json::parse(Run({"embed", photo_, "--json"}).out)["embedding"], json({0.25, -0.5}));
}

TEST_F(CommandLineTest, EnrollsPhotosUnderARequestId) {
  v1::EnrollRequest sent;
  server_.service.enroll = [&sent](const v1::EnrollRequest& request, v1::EnrollResponse* response) {
    sent = request;
    response->add_references()->set_reference_id("0123");
    response->add_references()->set_reference_id("4567");
    response->set_reference_count(3);
    return grpc::Status::OK;
  };
  const CliRun run = Run({"enroll", "alice", photo_, "-", "--request-id", "once"}, "second");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "enrolled: alice has 3 references\n  0123\n  4567\n");
  EXPECT_EQ(sent.person_id(), "alice");
  EXPECT_THAT(sent.photos(), ElementsAre("photo bytes", "second"));
  EXPECT_EQ(sent.request_id(), "once");
}

TEST_F(CommandLineTest, ListsThePersonsOfAllPages) {
  server_.service.list_persons = [](const v1::ListPersonsRequest& request, v1::ListPersonsResponse* response) {
    v1::Person* person = response->add_persons();
    person->set_person_id(request.page_token().empty() ? "alice" : "bob");
    person->mutable_create_time()->set_seconds(1700000000);
    person->add_references();
    if (request.page_token().empty()) response->set_next_page_token("next");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"persons", "list"}).out,
            "alice  1 reference  2023-11-14T22:13:20Z\n"
            "bob  1 reference  2023-11-14T22:13:20Z\n");
  const json persons = json::parse(Run({"persons", "list", "--json"}).out)["persons"];
  ASSERT_EQ(persons.size(), 2u);
  EXPECT_EQ(persons[1]["person_id"], "bob");
}

TEST_F(CommandLineTest, ShowsAPerson) {
  server_.service.get_person = [](const v1::GetPersonRequest& request, v1::GetPersonResponse* response) {
    response->mutable_person()->set_person_id(request.person_id());
    v1::Reference* reference = response->mutable_person()->add_references();
    reference->set_reference_id("0123");
    reference->set_model_digest("abcdefabcdefabcdef");
    return grpc::Status::OK;
  };
  const CliRun run = Run({"persons", "get", "alice"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, StartsWith("alice, enrolled "));
  EXPECT_THAT(run.out, HasSubstr("  0123  "));
  EXPECT_THAT(run.out, HasSubstr("model abcdefabcdef\n"));
}

TEST_F(CommandLineTest, DeletesAPerson) {
  server_.service.delete_person = [](const v1::DeletePersonRequest& request, v1::DeletePersonResponse* response) {
    EXPECT_EQ(request.person_id(), "alice");
    response->set_deleted_references(2);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"persons", "delete", "alice"}).out, "deleted: alice and 2 references\n");
}

TEST_F(CommandLineTest, DeletesOneReferenceOnlyEvenWhenItsIdIsEmpty) {
  std::vector<std::string> deleted;
  server_.service.delete_reference = [&](const v1::DeleteReferenceRequest& request,
                                         v1::DeleteReferenceResponse* response) {
    deleted.push_back(request.reference_id());
    response->set_remaining_references(1);
    return grpc::Status::OK;
  };
  server_.service.delete_person = [](const auto&, auto*) {
    ADD_FAILURE() << "deleted the whole person";
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"persons", "delete", "alice", "--reference", "0123"}).out, "deleted: alice has 1 reference left\n");
  Run({"persons", "delete", "alice", "--reference", ""});
  Run({"persons", "delete", "alice", "--reference="});
  EXPECT_THAT(deleted, testing::Contains("0123"));
}

TEST_F(CommandLineTest, ReportsHealthInItsExitCode) {
  EXPECT_EQ(Run({"health"}).exit_code, 0);
  EXPECT_EQ(Run({"health"}).out, "serving\n");
  server_.SetServing(false);
  EXPECT_EQ(Run({"health"}).exit_code, 1);
  EXPECT_EQ(json::parse(Run({"health", "--json"}).out)["status"], "NOT_SERVING");
  EXPECT_EQ(Run({"health", "no.such.Service"}).exit_code, 2);
}

TEST_F(CommandLineTest, TakesAPersonWhoseIdIsTheNameOfACommand) {
  AnswerVerify(true, 0.5);
  EXPECT_EQ(Run({"verify", "health", photo_}).exit_code, 0);
  EXPECT_EQ(verify_request_.person_id(), "health");
}

TEST(CommandLineUsageTest, ExitsWithTwoForBadUsage) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"no-such-command"},
      {"verify", "alice"},
      {"verify", "alice", "photo", "another"},
      {"compare", "a", "b", "--face", "smallest"},
      {"compare", "a", "b", "--max-distance", "0"},
      {"compare", "a", "b", "--max-distance", "inf"},
      {"compare", "a", "b", "--max-distance", "near"},
      {"health", "--timeout", "0"},
      {"persons"},
      {"eval"},
      {"eval", "--images", "/no-such-folder", "--pairs", "/no-such-file"},
  };
  for (const std::vector<std::string>& arguments : cases) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const CliRun run = RunCli(arguments);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, StartsWith("error: USAGE: "));
  }
}

TEST(CommandLineUsageTest, WritesBadUsageAsJson) {
  const CliRun run = RunCli({"verify", "--json"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(json::parse(run.err)["error"]["reason"], "USAGE");
}

TEST(CommandLineUsageTest, ExitsWithZeroForHelpAndVersion) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"--help"}, {"verify", "--help"}, {"persons", "delete", "-h"}}) {
    const CliRun run = RunCli(arguments);
    EXPECT_EQ(run.exit_code, 0);
    EXPECT_THAT(run.out, HasSubstr("Usage: likeness"));
  }
  const CliRun run = RunCli({"--version"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.out, testing::MatchesRegex("likeness [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(CommandLineUsageTest, SaysInTheHelpOfEvalHowFailedPhotosCount) {
  EXPECT_THAT(RunCli({"eval", "--help"}).out, HasSubstr("A photo that fails counts against the score"));
}

TEST(CommandLineErrorsTest, ReportsAServerThatCannotBeReached) {
  const CliRun run = RunCli({"health", "--server", "127.0.0.1:1"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, StartsWith("error: UNAVAILABLE: "));
}

TEST(CommandLineErrorsTest, ReportsAPhotoThatCannotBeRead) {
  const CliRun run = RunCli({"embed", "/no-such-photo.jpg"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.err, "error: NOT_FOUND: cannot read /no-such-photo.jpg: No such file or directory\n");
}

}  // namespace
}  // namespace likeness
