#include "client/client.h"

#include <utility>

#include "absl/time/clock.h"
#include "client/channel.h"
#include "client/unary_call.h"

namespace likeness {
namespace {

using Faces = v1::FaceVerificationService::Stub;

}  // namespace

Client::Client(const Options& options) : Client(Connect(options), options) {}

Client::Client(std::shared_ptr<grpc::Channel> channel, const Options& options)
    : faces_(v1::FaceVerificationService::NewStub(channel)),
      health_(grpc::health::v1::Health::NewStub(std::move(channel))),
      timeout_(options.timeout) {}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Client::Call(Stub& stub, Method<Stub, Request, Response> method,
                                      const Request& request) const {
  return CallUntil(absl::Now() + timeout_, stub, method, request);
}

absl::StatusOr<v1::VerifyResponse> Client::Verify(const v1::VerifyRequest& request) {
  return Call(*faces_, &Faces::Verify, request);
}

absl::StatusOr<v1::CompareResponse> Client::Compare(const v1::CompareRequest& request) {
  return Call(*faces_, &Faces::Compare, request);
}

absl::StatusOr<v1::EmbedResponse> Client::Embed(const v1::EmbedRequest& request) {
  return Call(*faces_, &Faces::Embed, request);
}

absl::StatusOr<v1::EnrollResponse> Client::Enroll(const v1::EnrollRequest& request) {
  return Call(*faces_, &Faces::Enroll, request);
}

absl::StatusOr<v1::GetPersonResponse> Client::GetPerson(const v1::GetPersonRequest& request) {
  return Call(*faces_, &Faces::GetPerson, request);
}

absl::StatusOr<v1::ListPersonsResponse> Client::ListPersons(const v1::ListPersonsRequest& request) {
  return Call(*faces_, &Faces::ListPersons, request);
}

absl::StatusOr<v1::DeletePersonResponse> Client::DeletePerson(const v1::DeletePersonRequest& request) {
  return Call(*faces_, &Faces::DeletePerson, request);
}

absl::StatusOr<v1::DeleteReferenceResponse> Client::DeleteReference(const v1::DeleteReferenceRequest& request) {
  return Call(*faces_, &Faces::DeleteReference, request);
}

absl::StatusOr<grpc::health::v1::HealthCheckResponse> Client::Health(const std::string& service) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  return Call(*health_, &grpc::health::v1::Health::Stub::Check, request);
}

}  // namespace likeness
