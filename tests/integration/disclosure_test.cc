// What each token opens, and what it tells: every method of the contract with a token of each scope, and every field of
// a response by which an enrolled face could be found.
#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "client/client.h"
#include "likeness/v1/gallery_service.pb.h"
#include "likeness/v1/model_service.pb.h"
#include "likeness/v1/operation_service.pb.h"
#include "likeness/v1/training_service.grpc.pb.h"
#include "server/access/token_file.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// As docs/security.md has them.
const std::map<std::string, Scope> kScopes = {
    {"Verify", Scope::kVerify},         {"Compare", Scope::kVerify},         {"Embed", Scope::kEmbed},
    {"Enroll", Scope::kEnroll},         {"GetPerson", Scope::kEnroll},       {"ListPersons", Scope::kEnroll},
    {"DeletePerson", Scope::kEnroll},   {"DeleteReference", Scope::kEnroll}, {"Train", Scope::kTrain},
    {"GetTraining", Scope::kTrain},     {"ListTrainings", Scope::kTrain},    {"WatchTraining", Scope::kTrain},
    {"CancelTraining", Scope::kTrain},  {"ListModels", Scope::kAdmin},       {"GetModel", Scope::kAdmin},
    {"ActivateModel", Scope::kAdmin},   {"DeleteModel", Scope::kAdmin},      {"ExportModel", Scope::kAdmin},
    {"AllowModel", Scope::kAdmin},      {"AddMeasurements", Scope::kAdmin},  {"ExportPerson", Scope::kAdmin},
    {"RotateKeys", Scope::kAdmin},      {"GetOperation", Scope::kAdmin},     {"ListOperations", Scope::kAdmin},
    {"CancelOperation", Scope::kAdmin}, {"WaitOperation", Scope::kAdmin},
};

// What depends on a reference, beyond yes and no.
const std::set<std::string> kTelling = {
    "likeness.v1.VerifyResponse.distance",      "likeness.v1.VerifyResponse.normalized_distance",
    "likeness.v1.VerifyResponse.reference_id",  "likeness.v1.VerifyResponse.log_likelihood_ratio",
    "likeness.v1.VerifyResponse.probability",   "likeness.v1.Threshold.probe_crowding",
    "likeness.v1.Threshold.reference_crowding", "likeness.v1.Threshold.crowding_cap",
    "likeness.v1.Duplicate.distance",           "likeness.v1.Duplicate.log_likelihood_ratio",
};

// The names of all fields that are set, at any depth.
void AddFieldsOf(const Message& message, std::set<std::string>& names) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    names.insert(std::string(field->full_name()));
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      AddFieldsOf(message.GetReflection()->GetMessage(message, field), names);
      continue;
    }
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      AddFieldsOf(message.GetReflection()->GetRepeatedMessage(message, field, i), names);
    }
  }
}

std::set<std::string> TellingFieldsOf(const Message& message) {
  std::set<std::string> names, telling;
  AddFieldsOf(message, names);
  std::set_intersection(names.begin(), names.end(), kTelling.begin(), kTelling.end(),
                        std::inserter(telling, telling.end()));
  return telling;
}

class DisclosureTest : public testing::Test {
 protected:
  std::string MakeTokenFor(const std::string& name, std::set<Scope> scopes) {
    const std::string token = MakeToken();
    std::ofstream(tokens_, std::ios::app) << FormatTokenEntry(
        {.name = name, .scopes = std::move(scopes), .expires = absl::Now() + absl::Hours(1), .hash = Sha256(token)});
    std::filesystem::permissions(tokens_, std::filesystem::perms(0600));
    return token;
  }

  void Start(std::vector<std::string> flags = {}) {
    flags.push_back("--tokens=" + tokens_);
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = std::move(flags)});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    stub_ = server_->Stub();
  }

  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::FaceVerificationService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                              Response*),
                    const Request& request, const std::string& token, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    context.AddMetadata("authorization", "Bearer " + token);
    return (stub_.get()->*method)(&context, request, &response);
  }

  v1::VerifyResponse Verify(const std::string& token, const std::string& photo) {
    v1::VerifyRequest request;
    request.set_person_id("cage");
    request.set_photo(Photo(photo));
    v1::VerifyResponse response;
    const grpc::Status status = Call(&v1::FaceVerificationService::Stub::Verify, request, token, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::EnrollResponse Enroll(const std::string& token, const std::string& person, const std::string& photo) {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.add_photos(Photo(photo));
    v1::EnrollResponse response;
    const grpc::Status status = Call(&v1::FaceVerificationService::Stub::Enroll, request, token, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  TemporaryFolder folder_;
  const std::string tokens_ = folder_.path() + "/tokens";
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<v1::FaceVerificationService::Stub> stub_;
};

TEST_F(DisclosureTest, EveryMethodOpensToItsOwnScopeAndToNoOther) {
  std::map<Scope, std::string> tokens;
  for (const Scope scope :
       {Scope::kVerify, Scope::kScores, Scope::kEmbed, Scope::kEnroll, Scope::kTrain, Scope::kAdmin}) {
    tokens[scope] = MakeTokenFor(ScopeName(scope), {scope});
  }
  Start();
  grpc::TemplatedGenericStub<v1::GetPersonRequest, v1::GetPersonResponse> stub(server_->Connect());
  size_t methods = 0;
  const google::protobuf::FileDescriptor* const files[] = {
      v1::VerifyRequest::descriptor()->file(), v1::ListTrainingsRequest::descriptor()->file(),
      v1::ListModelsRequest::descriptor()->file(), v1::RotateKeysRequest::descriptor()->file(),
      v1::ListOperationsRequest::descriptor()->file()};
  for (const google::protobuf::FileDescriptor* file : files) {
    ASSERT_EQ(file->service_count(), 1);
    const google::protobuf::ServiceDescriptor* const descriptor = file->service(0);
    for (int i = 0; i < descriptor->method_count(); ++i, ++methods) {
      const std::string name(descriptor->method(i)->name());
      ASSERT_TRUE(kScopes.contains(name)) << name << " has no scope in the table";
      for (const auto& [scope, token] : tokens) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
        context.AddMetadata("authorization", "Bearer " + token);
        // An empty request: what it is answered says whether it got in.
        const v1::GetPersonRequest empty;
        v1::GetPersonResponse response;
        grpc::Status status;
        absl::Notification answered;
        stub.UnaryCall(&context, absl::StrCat("/", descriptor->full_name(), "/", name), grpc::StubOptions(), &empty,
                       &response, [&](const grpc::Status& answer) {
                         status = answer;
                         answered.Notify();
                       });
        answered.WaitForNotification();
        const std::string reason = ErrorReasonOf(ToAbslStatus(status));
        if (scope == kScopes.at(name)) {
          EXPECT_NE(reason, "SCOPE_MISSING") << name;
        } else {
          EXPECT_EQ(reason, "SCOPE_MISSING") << name << " with " << ScopeName(scope);
        }
      }
    }
  }
  EXPECT_EQ(methods, kScopes.size()) << "the table has a method that the contract does not have";
}

TEST_F(DisclosureTest, OnlyScoresTellHowNearAFaceIs) {
  const std::string desk = MakeTokenFor("desk", {Scope::kEnroll});
  const std::string door = MakeTokenFor("door", {Scope::kVerify});
  const std::string everything_else =
      MakeTokenFor("everything-else", {Scope::kVerify, Scope::kEmbed, Scope::kEnroll, Scope::kTrain, Scope::kAdmin});
  const std::string lab = MakeTokenFor("lab", {Scope::kVerify, Scope::kEnroll, Scope::kScores});
  Start();
  Enroll(desk, "cage", "cage.jpg");
  for (const std::string& token : {door, everything_else}) {
    for (const auto& [photo, same] : {std::pair("cage2_crop.jpg", true), std::pair("audrey.jpg", false)}) {
      const v1::VerifyResponse response = Verify(token, photo);
      EXPECT_EQ(response.verified(), same);
      EXPECT_EQ(TellingFieldsOf(response), std::set<std::string>());
      EXPECT_EQ(response.threshold().distance(), -1);
      EXPECT_EQ(response.threshold().base_distance(), -1);
      EXPECT_EQ(response.threshold().false_match_rate(), 1e-3);
    }
  }
  EXPECT_EQ(TellingFieldsOf(Enroll(desk, "somebody", "cage.jpg")), std::set<std::string>());
  const v1::VerifyResponse told = Verify(lab, "cage2_crop.jpg");
  std::set<std::string> all = TellingFieldsOf(told);
  EXPECT_GT(told.threshold().distance(), 0);
  const v1::EnrollResponse twice = Enroll(lab, "somebody-else", "cage.jpg");
  AddFieldsOf(twice, all);
  for (const std::string& field : kTelling) EXPECT_TRUE(all.contains(field)) << field << ": the test would miss it";
}

// A token with the scope train once made the service accept everybody as everybody, by PROMOTION_RULE_ALWAYS and photos
// of its own choice.
TEST_F(DisclosureTest, WhoMayTrainMayNotMakeTheModelAnswer) {
  const std::string lab = MakeTokenFor("lab", {Scope::kTrain});
  const std::string chief = MakeTokenFor("chief", {Scope::kTrain, Scope::kAdmin});
  Start();
  const auto stub = v1::TrainingService::NewStub(server_->Connect());
  const auto train = [&](const std::string& token, v1::PromotionRule rule) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    context.AddMetadata("authorization", "Bearer " + token);
    const auto stream = stub->Train(&context);
    v1::TrainRequest request;
    request.mutable_config()->set_promotion_rule(rule);
    stream->Write(request);
    stream->WritesDone();
    v1::TrainResponse response;
    while (stream->Read(&response)) {
    }
    return ErrorReasonOf(ToAbslStatus(stream->Finish()));
  };
  for (const v1::PromotionRule rule : {v1::PROMOTION_RULE_IF_NOT_WORSE, v1::PROMOTION_RULE_ALWAYS}) {
    EXPECT_EQ(train(lab, rule), "SCOPE_MISSING") << rule;
    EXPECT_EQ(train(chief, rule), "TRAINING_DATA_TOO_SMALL") << "there are no photos";
  }
  for (const v1::PromotionRule rule : {v1::PROMOTION_RULE_UNSPECIFIED, v1::PROMOTION_RULE_NEVER}) {
    EXPECT_EQ(train(lab, rule), "TRAINING_DATA_TOO_SMALL") << rule;
  }
}

}  // namespace
}  // namespace likeness
