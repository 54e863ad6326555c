// A server of the likeness API that answers as a test tells it to.
#ifndef LIKENESS_TESTS_UNIT_CLIENT_FAKE_SERVER_H_
#define LIKENESS_TESTS_UNIT_CLIENT_FAKE_SERVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "likeness/v1/face_verification_service.grpc.pb.h"
#include "tests/unit/client/fake_training_services.h"

namespace likeness {

// Each call goes to the function of its name, or fails with UNIMPLEMENTED where the test has set none. Set them before
// the first call.
class FakeFaceVerificationService : public v1::FaceVerificationService::Service {
 public:
  template <typename Request, typename Response>
  using Handler = std::function<grpc::Status(const Request&, Response*)>;

  Handler<v1::VerifyRequest, v1::VerifyResponse> verify;
  Handler<v1::CompareRequest, v1::CompareResponse> compare;
  Handler<v1::EmbedRequest, v1::EmbedResponse> embed;
  Handler<v1::EnrollRequest, v1::EnrollResponse> enroll;
  Handler<v1::GetPersonRequest, v1::GetPersonResponse> get_person;
  Handler<v1::ListPersonsRequest, v1::ListPersonsResponse> list_persons;
  Handler<v1::DeletePersonRequest, v1::DeletePersonResponse> delete_person;
  Handler<v1::DeleteReferenceRequest, v1::DeleteReferenceResponse> delete_reference;

 private:
  grpc::Status Verify(grpc::ServerContext*, const v1::VerifyRequest*, v1::VerifyResponse*) override;
  grpc::Status Compare(grpc::ServerContext*, const v1::CompareRequest*, v1::CompareResponse*) override;
  grpc::Status Embed(grpc::ServerContext*, const v1::EmbedRequest*, v1::EmbedResponse*) override;
  grpc::Status Enroll(grpc::ServerContext*, const v1::EnrollRequest*, v1::EnrollResponse*) override;
  grpc::Status GetPerson(grpc::ServerContext*, const v1::GetPersonRequest*, v1::GetPersonResponse*) override;
  grpc::Status ListPersons(grpc::ServerContext*, const v1::ListPersonsRequest*, v1::ListPersonsResponse*) override;
  grpc::Status DeletePerson(grpc::ServerContext*, const v1::DeletePersonRequest*, v1::DeletePersonResponse*) override;
  grpc::Status DeleteReference(grpc::ServerContext*, const v1::DeleteReferenceRequest*,
                               v1::DeleteReferenceResponse*) override;
};

// The services on a port of their own on this machine, with gRPC's health service.
class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  // "127.0.0.1:PORT".
  const std::string& address() const { return address_; }
  void SetServing(bool serving);

  FakeFaceVerificationService service;
  FakeTrainingService trainings;
  FakeModelService models;
  FakeOperationService operations;

 private:
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

// An error as the real server sends it.
struct FakeError {
  grpc::StatusCode code;
  std::string reason;
  std::string message;
  std::string field;
  std::optional<absl::Duration> retry_delay;
};
grpc::Status ToGrpcStatus(const FakeError& error);

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_CLIENT_FAKE_SERVER_H_
