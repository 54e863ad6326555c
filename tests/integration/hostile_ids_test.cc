// Ids, tokens and names that no database could store, or that would change a page, in every call that takes one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/call_status.h"
#include "likeness/v1/gallery_service.grpc.pb.h"
#include "likeness/v1/training_service.grpc.pb.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"
#include "tests/support/postgres_server.h"

namespace likeness {
namespace {

using Channel = std::shared_ptr<grpc::Channel>;

template <typename Service, typename Request, typename Response>
grpc::Status Call(const Channel& channel,
                  grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request) {
  grpc::ClientContext context;
  Response response;
  return (Service::NewStub(channel).get()->*method)(&context, request, &response);
}

// A call with the text in one field.
struct HostileCall {
  std::string method;
  std::string field;
  bool brings_in = false;  // the text would be kept, so that it must be printable too
  std::function<grpc::Status(const Channel&, const std::string&)> call;
};

std::vector<HostileCall> Calls() {
  using Faces = v1::FaceVerificationService;
  const auto enroll = [](const Channel& channel, const std::string& person, const std::string& request_id) {
    v1::EnrollRequest request;
    request.set_person_id(person);
    request.set_request_id(request_id);
    request.add_photos(Photo("cage.jpg"));
    return Call<Faces>(channel, &Faces::Stub::Enroll, request);
  };
  return {
      {"Verify", "person_id", false,
       [](const Channel& channel, const std::string& text) {
         v1::VerifyRequest request;
         request.set_person_id(text);
         request.set_photo(Photo("cage.jpg"));
         return Call<Faces>(channel, &Faces::Stub::Verify, request);
       }},
      {"Enroll", "person_id", true,
       [=](const Channel& channel, const std::string& text) { return enroll(channel, text, ""); }},
      {"Enroll", "request_id", true,
       [=](const Channel& channel, const std::string& text) { return enroll(channel, "ada", text); }},
      {"GetPerson", "person_id", false,
       [](const Channel& channel, const std::string& text) {
         v1::GetPersonRequest request;
         request.set_person_id(text);
         return Call<Faces>(channel, &Faces::Stub::GetPerson, request);
       }},
      {"ListPersons", "page_token", false,
       [](const Channel& channel, const std::string& text) {
         v1::ListPersonsRequest request;
         request.set_page_token(absl::WebSafeBase64Escape(text));
         return Call<Faces>(channel, &Faces::Stub::ListPersons, request);
       }},
      {"DeletePerson", "person_id", false,
       [](const Channel& channel, const std::string& text) {
         v1::DeletePersonRequest request;
         request.set_person_id(text);
         return Call<Faces>(channel, &Faces::Stub::DeletePerson, request);
       }},
      {"DeleteReference", "person_id", false,
       [](const Channel& channel, const std::string& text) {
         v1::DeleteReferenceRequest request;
         request.set_person_id(text);
         request.set_reference_id("r1");
         return Call<Faces>(channel, &Faces::Stub::DeleteReference, request);
       }},
      {"DeleteReference", "reference_id", false,
       [](const Channel& channel, const std::string& text) {
         v1::DeleteReferenceRequest request;
         request.set_person_id("ada");
         request.set_reference_id(text);
         return Call<Faces>(channel, &Faces::Stub::DeleteReference, request);
       }},
      {"ExportPerson", "person_id", false,
       [](const Channel& channel, const std::string& text) {
         v1::ExportPersonRequest request;
         request.set_person_id(text);
         return Call<v1::GalleryService>(channel, &v1::GalleryService::Stub::ExportPerson, request);
       }},
      {"GetTraining", "training_id", true,
       [](const Channel& channel, const std::string& text) {
         v1::GetTrainingRequest request;
         request.set_training_id(text);
         return Call<v1::TrainingService>(channel, &v1::TrainingService::Stub::GetTraining, request);
       }},
      {"CancelTraining", "training_id", true,
       [](const Channel& channel, const std::string& text) {
         v1::CancelTrainingRequest request;
         request.set_training_id(text);
         return Call<v1::TrainingService>(channel, &v1::TrainingService::Stub::CancelTraining, request);
       }},
      {"WatchTraining", "training_id", true,
       [](const Channel& channel, const std::string& text) {
         v1::WatchTrainingRequest request;
         request.set_training_id(text);
         grpc::ClientContext context;
         const auto stub = v1::TrainingService::NewStub(channel);
         const auto reader = stub->WatchTraining(&context, request);
         v1::WatchTrainingResponse response;
         while (reader->Read(&response)) {
         }
         return reader->Finish();
       }},
      {"Train", "config.held_out_people", true,
       [](const Channel& channel, const std::string& text) {
         v1::TrainRequest request;
         request.mutable_config()->add_held_out_people(text);
         grpc::ClientContext context;
         const auto stub = v1::TrainingService::NewStub(channel);
         const auto stream = stub->Train(&context);
         stream->Write(request);
         stream->WritesDone();
         return stream->Finish();
       }},
      {"Train", "photo.person", true,
       [](const Channel& channel, const std::string& text) {
         v1::TrainRequest request;
         request.mutable_config();
         grpc::ClientContext context;
         const auto stub = v1::TrainingService::NewStub(channel);
         const auto stream = stub->Train(&context);
         stream->Write(request);
         request.mutable_photo()->set_person(text);
         request.mutable_photo()->set_photo(Photo("cage.jpg"));
         stream->Write(request);
         stream->WritesDone();
         return stream->Finish();
       }},
  };
}

// In either database: "" is SQLite.
void ExpectClearErrors(const std::string& gallery) {
  const TemporaryFolder folder;
  std::vector<std::string> flags = {"--models-folder=" + folder.path() + "/models"};
  if (!gallery.empty()) flags.push_back("--gallery=" + gallery);
  const auto server = ServerProcess::Start({.folder = folder.path(), .flags = flags});
  ASSERT_TRUE(server.ok()) << server.status();
  const Channel channel = (*server)->Connect();
  const std::string nul("a\0b", 3), not_utf8 = "\xFF", escape = "\x1B[31m", c1 = "a\xC2\x9B",
                                    turned =
                                        "\xE2\x80\xAE"
                                        "a";
  for (const HostileCall& call : Calls()) {
    for (const std::string& text : {nul, std::string(1000, 'x'), not_utf8, escape, c1, turned}) {
      SCOPED_TRACE(absl::StrCat(call.method, " ", call.field, " ", absl::CHexEscape(text.substr(0, 10))));
      const absl::Status status = ToAbslStatus(call.call(channel, text));
      EXPECT_EQ(RetryDelayOf(status), std::nullopt) << status;
      // gRPC itself answers for a message that is none: text in Protocol Buffers is UTF-8. A token is not text.
      if (text == not_utf8 && call.field != "page_token") {
        EXPECT_FALSE(status.ok());
        EXPECT_NE(status.code(), absl::StatusCode::kUnavailable) << status;
        continue;
      }
      const bool unprintable_only = text == escape || text == c1 || text == turned;
      if (unprintable_only && !call.brings_in) {
        EXPECT_NE(status.code(), absl::StatusCode::kUnavailable) << status;
        continue;
      }
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_EQ(ErrorReasonOf(status), "FIELD_INVALID");
      EXPECT_EQ(ErrorFieldOf(status), call.field);
    }
  }
}

TEST(HostileIdsTest, GetClearErrorsFromAGalleryInSqlite) { ExpectClearErrors(""); }

TEST(HostileIdsTest, GetClearErrorsFromAGalleryInPostgres) {
  const auto postgres = PostgresServer::Start();
  if (postgres == nullptr) GTEST_SKIP() << "PostgreSQL is not installed";
  ExpectClearErrors(postgres->NewGallery());
}

}  // namespace
}  // namespace likeness
