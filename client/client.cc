#include "client/client.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace likeness {
namespace {

using Faces = v1::FaceVerificationService::Stub;

constexpr int kMaxReceivedBytes = 64 << 20;  // a page of 1000 persons with many references passes gRPC's 4 MiB
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(20);
constexpr absl::Duration kMaxBackoff = absl::Seconds(2);

std::shared_ptr<grpc::Channel> Connect(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceivedBytes);
  arguments.SetMaxSendMessageSize(-1);  // the server says what is too large
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

// Lengthens a wait by up to half, so that callers who were refused together do not come back together.
absl::Duration WithJitter(absl::Duration wait) {
  thread_local std::minstd_rand random(std::random_device{}());
  return wait * std::uniform_real_distribution<double>(1, 1.5)(random);
}

}  // namespace

Client::Client(const Options& options) : Client(Connect(options.target), options) {}

Client::Client(std::shared_ptr<grpc::Channel> channel, const Options& options)
    : faces_(v1::FaceVerificationService::NewStub(channel)),
      health_(grpc::health::v1::Health::NewStub(std::move(channel))),
      timeout_(options.timeout) {}

// gRPC's own retry policy is not used: it does not read RetryInfo, it would repeat messages that are too large, and it
// gives up a call whose request is larger than its buffer, as photos are.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Client::Call(Stub& stub, Method<Stub, Request, Response> method,
                                      const Request& request) const {
  const absl::Time deadline = absl::Now() + timeout_;
  for (absl::Duration backoff = kFirstBackoff;; backoff = std::min(2 * backoff, kMaxBackoff)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    Response response;
    absl::Status status = ToAbslStatus((stub.*method)(&context, request, &response));
    if (status.ok()) return response;
    const std::optional<absl::Duration> delay = RetryDelayOf(status);
    if (!delay.has_value()) return status;
    const absl::Duration wait = WithJitter(std::max(*delay, backoff));
    if (absl::Now() + wait >= deadline) return status;
    absl::SleepFor(wait);
  }
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
