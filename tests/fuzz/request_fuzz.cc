// Any bytes as calls, one after the other: a byte for the method, two for the length of the request, the request. They
// go through the methods of FaceVerificationService as gRPC's would, to a real gallery; only the network is a fake.
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/hashing/random_id.h"
#include "server/rpc/face_verification.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

absl::Status Wanted() { return absl::OkStatus(); }

Caller Trusted() { return {.name = "", .scores = true, .limits = {}}; }

class Service {
 public:
  Service() {
    GalleryOptions options;
    options.max_references_per_person = 4;
    gallery_ = *Gallery::Open(*OpenSqliteStore(UniquePath("gallery.sqlite"), ProtectionBy(1)), options, metrics_);
    methods_ = std::make_unique<FaceVerification>(
        encoder_, active_, *gallery_, budget_, metrics_,
        FaceVerification::Options{
            .enrolling = {.retain_crops = true, .make_reference_id = RandomId, .now = absl::Now}});
  }

  void Call(int method, const std::string& request) {
    switch (method % 8) {
      case 0:
        return Decide<v1::VerifyRequest, v1::VerifyResponse>(request, [this](const auto& parsed, auto& response) {
          return methods_->Verify(parsed, Trusted(), Wanted, response);
        });
      case 1:
        return Decide<v1::CompareRequest, v1::CompareResponse>(request, [this](const auto& parsed, auto& response) {
          return methods_->Compare(parsed, Wanted, response);
        });
      case 2:
        return Run<v1::EmbedRequest, v1::EmbedResponse>(&FaceVerification::Embed, request);
      case 3:
        return Enroll(request);
      case 4:
        return Run<v1::GetPersonRequest, v1::GetPersonResponse>(&FaceVerification::GetPerson, request);
      case 5:
        return Run<v1::ListPersonsRequest, v1::ListPersonsResponse>(&FaceVerification::ListPersons, request);
      case 6:
        return Run<v1::DeletePersonRequest, v1::DeletePersonResponse>(&FaceVerification::DeletePerson, request);
      default:
        return Run<v1::DeleteReferenceRequest, v1::DeleteReferenceResponse>(&FaceVerification::DeleteReference,
                                                                            request);
    }
  }

 private:
  template <typename Request, typename Response>
  using Method = absl::Status (FaceVerification::*)(const Request&, StillWanted, Response&);

  static void CheckError(const absl::Status& status) {
    Promise(status.ok() || ReasonOf(status) != Reason::INTERNAL, "no request is a fault of the server");
  }

  template <typename Request, typename Response>
  void Run(Method<Request, Response> method, const std::string& bytes) {
    Request request;
    if (!request.ParseFromString(bytes)) return;
    Response response;
    CheckError((*methods_.*method)(request, Wanted, response));
  }

  template <typename Request, typename Response, typename Method>
  void Decide(const std::string& bytes, const Method& method) {
    Request request;
    if (!request.ParseFromString(bytes)) return;
    Response response;
    const absl::Status status = method(request, response);
    CheckError(status);
    Promise(status.ok() || !response.verified(), "an error never says verified");
    Promise(!response.verified() ||
                (std::isfinite(response.distance()) && response.distance() <= response.threshold().distance()),
            "verified is a measured distance within the threshold");
  }

  void Enroll(const std::string& bytes) {
    v1::EnrollRequest request;
    if (!request.ParseFromString(bytes)) return;
    v1::EnrollResponse response;
    const absl::Status status = methods_->Enroll(request, Trusted(), Wanted, response);
    CheckError(status);
    if (status.ok() && !request.validate_only()) {
      Promise(response.references_size() > 0 && response.revision() > 0, "an enrolment makes references");
    }
  }

  static const FaceFinder& Finder() {
    static const auto* finder = new FaceFinder(*FaceFinder::Load(ModelPath("face-finder.pt"), Device{}));
    return *finder;
  }

  FakeEmbedder embedder_;
  Metrics metrics_;
  FaceEncoder encoder_{Finder(), PhotoLimits{.max_bytes = 1 << 16, .max_pixels = 1 << 14, .min_side = 8}, metrics_};
  ActiveGeneration active_{{std::shared_ptr<const Embedder>(std::shared_ptr<void>(), &embedder_),
                            Threshold{.distance = 0.5, .source = ThresholdSource::kHalfMargin, .point = {}}}};
  std::unique_ptr<Gallery> gallery_;
  MismatchBudget budget_;
  std::unique_ptr<FaceVerification> methods_;
};

}  // namespace
}  // namespace likeness

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* service = new likeness::Service();
  size_t at = 0;
  for (int calls = 0; calls < 16 && at + 3 <= size; ++calls) {
    const size_t length = std::min(size - at - 3, size_t{data[at + 1]} | size_t{data[at + 2]} << 8);
    service->Call(data[at], std::string(likeness::TextOf(data + at + 3, length)));
    at += 3 + length;
  }
  return 0;
}
