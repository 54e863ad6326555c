// The C++ client of likeness: one method for each call of the service.
#ifndef LIKENESS_CLIENT_CLIENT_H_
#define LIKENESS_CLIENT_CLIENT_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/call_status.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "likeness/v1/face_verification_service.grpc.pb.h"

namespace likeness {

// Thread-safe: any number of calls may be in flight at once; they share one connection. Each method blocks until it has
// the answer, the call has failed or its time is up.
//
//   Client client({.target = "localhost:50051"});
//   v1::VerifyRequest request;
//   request.set_person_id("alice");
//   request.set_photo(jpeg_bytes);
//   absl::StatusOr<v1::VerifyResponse> response = client.Verify(request);
//   if (!response.ok()) return ErrorReasonOf(response.status()) == "FACE_NOT_FOUND" ? AskForAnotherPhoto() : GiveUp();
//   if (response->verified()) ...
//
// A failed call's status has the code and the message that the server sent and, as payloads under their type URLs, the
// details: google.rpc.ErrorInfo, BadRequest, RetryInfo. client/call_status.h reads them.
//
// A server that is overloaded refuses calls and says when to come again. The client then waits that long, a little
// longer each time, and repeats the call until its time is up.
class Client {
 public:
  // How to be sure of the server, and it of the caller. All are PEM texts.
  struct Tls {
    std::string root_certificates;  // of the authorities that decide; empty: this machine's
    std::string certificate;        // the caller's; empty: none
    std::string key;                // of that certificate
  };
  struct Options {
    // gRPC's name of the server, for example "localhost:50051" or "dns:///likeness.example:50051".
    std::string target = "localhost:50051";
    // How long one call may take, its repetitions included.
    absl::Duration timeout = absl::Seconds(30);
    // Nothing: connects without TLS.
    std::optional<Tls> tls = std::nullopt;
    // Bearer token to come with; empty: none. It is a secret, so without TLS every call fails.
    std::string token = "";
  };

  // Connects at the first call.
  explicit Client(const Options& options);
  // Uses a channel of the caller's making, for example one with credentials. Ignores options.target.
  Client(std::shared_ptr<grpc::Channel> channel, const Options& options);

  absl::StatusOr<v1::VerifyResponse> Verify(const v1::VerifyRequest& request);
  absl::StatusOr<v1::CompareResponse> Compare(const v1::CompareRequest& request);
  absl::StatusOr<v1::EmbedResponse> Embed(const v1::EmbedRequest& request);
  absl::StatusOr<v1::EnrollResponse> Enroll(const v1::EnrollRequest& request);
  absl::StatusOr<v1::GetPersonResponse> GetPerson(const v1::GetPersonRequest& request);
  absl::StatusOr<v1::ListPersonsResponse> ListPersons(const v1::ListPersonsRequest& request);
  absl::StatusOr<v1::DeletePersonResponse> DeletePerson(const v1::DeletePersonRequest& request);
  absl::StatusOr<v1::DeleteReferenceResponse> DeleteReference(const v1::DeleteReferenceRequest& request);

  // Whether a service is serving; an empty name asks for the server as a whole. NOT_FOUND: the server does not know it.
  absl::StatusOr<grpc::health::v1::HealthCheckResponse> Health(const std::string& service);

 private:
  template <typename Stub, typename Request, typename Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

  // Makes the call, again while the server is overloaded and time is left.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub, Method<Stub, Request, Response> method, const Request& request) const;

  std::unique_ptr<v1::FaceVerificationService::Stub> faces_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
  absl::Duration timeout_;
};

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLIENT_H_
