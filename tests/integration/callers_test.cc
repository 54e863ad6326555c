// What callers may do, and what is written down of it.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "client/gallery_client.h"
#include "client/operation_client.h"
#include "likeness/v1/face_verification_service.grpc.pb.h"
#include "server/access/token_file.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using Stub = v1::FaceVerificationService::Stub;

class CallersTest : public testing::Test {
 protected:
  void Start(std::vector<std::string> flags) {
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    stub_ = server_->Stub();
  }

  // A token of the server's file.
  std::string MakeTokenFor(const std::string& name, std::set<Scope> scopes, const CallerLimits& limits = {}) {
    const std::string token = MakeToken();
    std::ofstream(token_file_, std::ios::app) << FormatTokenEntry({.name = name,
                                                                   .scopes = std::move(scopes),
                                                                   .expires = absl::Now() + absl::Hours(1),
                                                                   .hash = Sha256(token),
                                                                   .limits = limits});
    std::filesystem::permissions(token_file_, std::filesystem::perms(0600));
    return token;
  }

  // One call without the client's own repetitions.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, const std::string& token = "") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    Response response;
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    if (!status.ok()) return ToAbslStatus(status);
    return response;
  }

  absl::Status List(const std::string& token = "") {
    return Call(&Stub::ListPersons, v1::ListPersonsRequest(), token).status();
  }
  absl::StatusOr<v1::EnrollResponse> Enrol(const std::string& person, const std::string& photo,
                                           const std::string& token = "", bool validate_only = false) {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.add_photos(Photo(photo));
    request.set_validate_only(validate_only);
    return Call(&Stub::Enroll, request, token);
  }
  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& person, const std::string& photo,
                                            const std::string& token = "") {
    v1::VerifyRequest request;
    request.set_person_id(person);
    request.set_photo(Photo(photo));
    return Call(&Stub::Verify, request, token);
  }
  absl::Status Delete(const std::string& person, const std::string& token = "") {
    v1::DeletePersonRequest request;
    request.set_person_id(person);
    return Call(&Stub::DeletePerson, request, token).status();
  }

  TemporaryFolder folder_;
  const std::string token_file_ = folder_.path() + "/tokens";
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(CallersTest, ACallerWhoCallsTooOftenIsToldWhenToComeBackAndNobodyElseIs) {
  const std::string slow = MakeTokenFor("slow", {Scope::kEnroll}, {.calls_per_second = 0.5, .max_persons = {}});
  const std::string other = MakeTokenFor("other", {Scope::kEnroll});
  Start({"--tokens=" + token_file_});
  EXPECT_TRUE(List(slow).ok());
  const absl::Status refused = List(slow);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrorReasonOf(refused), "RATE_LIMITED");
  const std::optional<absl::Duration> delay = RetryDelayOf(refused);
  ASSERT_TRUE(delay.has_value());
  EXPECT_GT(*delay, absl::ZeroDuration());
  EXPECT_LE(*delay, absl::Seconds(2));
  for (int call = 0; call < 20; ++call) EXPECT_TRUE(List(other).ok());
  absl::SleepFor(*delay);
  EXPECT_TRUE(List(slow).ok());
}

TEST_F(CallersTest, WithoutTokensTheAddressIsTheCaller) {
  Start({"--caller-rate=0.01"});
  EXPECT_TRUE(List().ok());
  stub_ = server_->Stub();  // another connection, from another port
  EXPECT_EQ(ErrorReasonOf(List()), "RATE_LIMITED");
}

TEST_F(CallersTest, ACallerEnrolsNoMorePeopleThanItsQuota) {
  const std::string desk = MakeTokenFor("desk", {Scope::kEnroll}, {.calls_per_second = {}, .max_persons = 1});
  const std::string other = MakeTokenFor("other", {Scope::kEnroll});
  Start({"--tokens=" + token_file_});
  ASSERT_TRUE(Enrol("ada", "cage.jpg", desk).ok());
  for (const bool validate_only : {true, false}) {
    const absl::Status refused = Enrol("bob", "audrey.jpg", desk, validate_only).status();
    EXPECT_EQ(ErrorReasonOf(refused), "QUOTA_EXCEEDED");
    EXPECT_FALSE(RetryDelayOf(refused).has_value()) << "waiting does not help";
  }
  EXPECT_TRUE(Enrol("ada", "cage2_crop.jpg", desk).ok()) << "more references are no more people";
  EXPECT_TRUE(Enrol("eve", "audrey.jpg", other).ok());
  ASSERT_TRUE(Delete("ada", other).ok());
  EXPECT_TRUE(Enrol("bob", "cage.jpg", desk).ok());
}

// It was in the memory of one server, and gone with it.
TEST_F(CallersTest, FacesTriedAtAPersonAreBoundedAcrossARestart) {
  const std::vector<std::string> flags = {"--mismatch-budget=on", "--caller-person-mismatches=2"};
  Start(flags);
  ASSERT_TRUE(Enrol("ada", "cage.jpg").ok());
  ASSERT_TRUE(Enrol("eve", "audrey.jpg").ok());
  for (int guess = 0; guess < 2; ++guess) {
    const auto response = Verify("ada", "audrey.jpg");
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_FALSE(response->verified());
  }
  for (const bool restarted : {false, true}) {
    if (restarted) {
      server_->Kill();
      Start(flags);
    }
    const auto refused = Verify("ada", "cage2_crop.jpg");
    EXPECT_EQ(ErrorReasonOf(refused.status()), "TOO_MANY_MISMATCHES");
    const std::optional<absl::Duration> delay = RetryDelayOf(refused.status());
    ASSERT_TRUE(delay.has_value());
    EXPECT_GT(*delay, absl::Minutes(25));
    EXPECT_LE(*delay, absl::Minutes(30));
    const auto other = Verify("eve", "audrey.jpg");
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_TRUE(other->verified());
  }
}

TEST_F(CallersTest, OnlyAnAdminIsToldUnderWhichIdAFaceIsEnrolledAlready) {
  const std::string desk = MakeTokenFor("desk", {Scope::kEnroll});
  const std::string chief = MakeTokenFor("chief", {Scope::kEnroll, Scope::kAdmin});
  Start({"--tokens=" + token_file_});
  ASSERT_TRUE(Enrol("ada", "cage.jpg", desk).ok());
  for (const auto& [token, shown] : {std::pair(desk, ""), std::pair(chief, "ada")}) {
    const auto checked = Enrol("somebody", "cage.jpg", token, /*validate_only=*/true);
    ASSERT_TRUE(checked.ok()) << checked.status();
    ASSERT_EQ(checked->duplicates_size(), 1);
    EXPECT_EQ(checked->duplicates(0).person_id(), shown);
  }
}

TEST_F(CallersTest, TheAuditTrailSaysWhoDidWhatButNotToWhom) {
  const std::string desk = MakeTokenFor("desk", {Scope::kEnroll, Scope::kVerify});
  const std::string audit = folder_.path() + "/audit.log";
  Start({"--tokens=" + token_file_, "--audit=" + audit});
  ASSERT_TRUE(Enrol("ada-lovelace", "cage.jpg", desk).ok());
  ASSERT_TRUE(Verify("ada-lovelace", "cage2_crop.jpg", desk).ok());
  ASSERT_TRUE(Verify("ada-lovelace", "audrey.jpg", desk).ok());
  EXPECT_FALSE(Verify("nobody", "audrey.jpg", desk).ok());
  ASSERT_TRUE(List(desk).ok());
  ASSERT_TRUE(Delete("ada-lovelace", desk).ok());
  std::vector<std::string> lines;
  const std::string text = ReadFile(audit);
  EXPECT_THAT(text, Not(HasSubstr("lovelace")));
  std::set<std::string> persons;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const nlohmann::json entry = nlohmann::json::parse(line);
    lines.push_back(absl::StrCat(std::string(entry["caller"]), " ", std::string(entry["method"]), " ",
                                 std::string(entry["result"])));
    persons.insert(entry["person"]);
    if (entry["result"] == "same") {
      EXPECT_EQ(std::string(entry["model"]).size(), 64u);
    }
  }
  EXPECT_THAT(lines, ElementsAre("desk Enroll OK", "desk Verify same", "desk Verify different",
                                 "desk Verify PERSON_NOT_FOUND", "desk DeletePerson OK"));
  EXPECT_THAT(persons, SizeIs(2));
}

TEST_F(CallersTest, APersonIsGivenAllThatIsHeldOnThem) {
  Start({});
  ASSERT_TRUE(Enrol("ada", "cage.jpg").ok());
  v1::ExportPersonRequest request;
  request.set_person_id("ada");
  GalleryClient client({.target = server_->target()});
  const auto exported = client.ExportPerson(request);
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_EQ(exported->person().person_id(), "ada");
  ASSERT_EQ(exported->embeddings_size(), 1);
  EXPECT_EQ(exported->embeddings(0).embedding_size(), 192);
  ASSERT_EQ(exported->crops_size(), 1);
  EXPECT_THAT(exported->crops(0).picture(), HasSubstr("WEBP"));
  request.set_person_id("nobody");
  EXPECT_EQ(ErrorReasonOf(client.ExportPerson(request).status()), "PERSON_NOT_FOUND");
}

TEST_F(CallersTest, MasterKeysChangeWithoutAnEndOfService) {
  Start({});
  ASSERT_TRUE(Enrol("ada", "cage.jpg").ok());
  const std::string keys = folder_.path() + "/master.keys";
  const std::string old_key = ReadFile(keys);
  const auto run = [&](const std::string& arguments) {
    const std::string command =
        std::string(LIKENESS_BIN_DIR "/likeness --server ") + server_->target() + " " + arguments;
    return std::system((command + " >/dev/null 2>&1").c_str());
  };
  ASSERT_EQ(run("keys add " + keys), 0);
  ASSERT_EQ(run("keys use-last " + keys), 0);
  EXPECT_THAT(ReadFile(keys), HasSubstr(old_key)) << "the old one is still there, behind the new one";
  absl::SleepFor(absl::Seconds(1.1));  // files are read again within a second
  GalleryClient client({.target = server_->target()});
  const auto rotated = client.RotateKeys({});
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  OperationClient operations({.target = server_->target()});
  auto done = operations.Await(rotated->operation().name(), nullptr);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->response().rewrapped_keys(), 1);
  done = operations.Await(client.RotateKeys({})->operation().name(), nullptr);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->response().rewrapped_keys(), 0);
  EXPECT_TRUE(Verify("ada", "cage2_crop.jpg")->verified());
}

TEST_F(CallersTest, ChannelzAnswersOnlyWhereItIsSwitchedOn) {
  for (const bool on : {false, true}) {
    Start({absl::StrCat("--channelz=", on ? "true" : "false")});
    grpc::GenericStub stub(server_->Connect());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    grpc::CompletionQueue queue;
    const grpc::Slice nothing("");
    const auto call =
        stub.PrepareUnaryCall(&context, "/grpc.channelz.v1.Channelz/GetServers", grpc::ByteBuffer(&nothing, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer response;
    grpc::Status status;
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(status.error_code(), on ? grpc::StatusCode::OK : grpc::StatusCode::UNIMPLEMENTED);
    server_.reset();
  }
}

}  // namespace
}  // namespace likeness
