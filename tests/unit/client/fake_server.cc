#include "tests/unit/client/fake_server.h"

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/ext/health_check_service_server_builder_option.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"

namespace likeness {
namespace {

template <typename Handler, typename Request, typename Response>
grpc::Status Handle(const Handler& handler, const Request* request, Response* response) {
  return handler ? handler(*request, response) : grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "");
}

}  // namespace

grpc::Status FakeFaceVerificationService::Verify(grpc::ServerContext*, const v1::VerifyRequest* request,
                                                 v1::VerifyResponse* response) {
  return Handle(verify, request, response);
}

grpc::Status FakeFaceVerificationService::Compare(grpc::ServerContext*, const v1::CompareRequest* request,
                                                  v1::CompareResponse* response) {
  return Handle(compare, request, response);
}

grpc::Status FakeFaceVerificationService::Embed(grpc::ServerContext*, const v1::EmbedRequest* request,
                                                v1::EmbedResponse* response) {
  return Handle(embed, request, response);
}

grpc::Status FakeFaceVerificationService::Enroll(grpc::ServerContext*, const v1::EnrollRequest* request,
                                                 v1::EnrollResponse* response) {
  return Handle(enroll, request, response);
}

grpc::Status FakeFaceVerificationService::GetPerson(grpc::ServerContext*, const v1::GetPersonRequest* request,
                                                    v1::GetPersonResponse* response) {
  return Handle(get_person, request, response);
}

grpc::Status FakeFaceVerificationService::ListPersons(grpc::ServerContext*, const v1::ListPersonsRequest* request,
                                                      v1::ListPersonsResponse* response) {
  return Handle(list_persons, request, response);
}

grpc::Status FakeFaceVerificationService::DeletePerson(grpc::ServerContext*, const v1::DeletePersonRequest* request,
                                                       v1::DeletePersonResponse* response) {
  return Handle(delete_person, request, response);
}

grpc::Status FakeFaceVerificationService::DeleteReference(grpc::ServerContext*,
                                                          const v1::DeleteReferenceRequest* request,
                                                          v1::DeleteReferenceResponse* response) {
  return Handle(delete_reference, request, response);
}

FakeServer::FakeServer() {
  grpc::EnableDefaultHealthCheckService(true);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  builder.RegisterService(&trainings);
  builder.RegisterService(&models);
  builder.RegisterService(&operations);
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeServer::~FakeServer() { server_->Shutdown(); }

void FakeServer::SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

grpc::Status ToGrpcStatus(const FakeError& error) {
  google::rpc::Status details;
  details.set_code(error.code);
  details.set_message(error.message);
  google::rpc::ErrorInfo info;
  info.set_domain("likeness");
  info.set_reason(error.reason);
  details.add_details()->PackFrom(info);
  if (!error.field.empty()) {
    google::rpc::BadRequest request;
    request.add_field_violations()->set_field(error.field);
    details.add_details()->PackFrom(request);
  }
  if (error.retry_delay.has_value()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(*error.retry_delay));
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(*error.retry_delay % absl::Seconds(1))));
    details.add_details()->PackFrom(retry);
  }
  return grpc::Status(error.code, error.message, details.SerializeAsString());
}

}  // namespace likeness
