#include "server/rpc/enroller.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/encoding/crop_kind.h"
#include "server/errors/errors.h"
#include "server/hashing/sha256.h"
#include "server/ids/check_id.h"
#include "server/image/crop_file.h"
#include "server/rpc/companion_embeddings.h"
#include "server/rpc/conversions.h"
#include "server/rpc/validation.h"

namespace likeness {
namespace {

// How long an enrolment waits until this server knows by which models the others answer.
constexpr int kModelTries = 40;
constexpr absl::Duration kBetweenModelTries = absl::Milliseconds(100);

// Over every field that changes what an enrolment does. What is left out adds nothing, so that a request that an
// earlier version carried out is still known.
ContentDigest DigestOf(const v1::EnrollRequest& request) {
  FieldHasher hasher;
  hasher.Add(request.person_id());
  const bool names_gate = request.quality_gate() != v1::QUALITY_GATE_UNSPECIFIED;
  hasher.Add(absl::StrCat(request.face_policy(), names_gate ? absl::StrCat(" gate ", request.quality_gate()) : "",
                          request.allow_mismatch() ? " mismatch" : "", request.allow_duplicate() ? " duplicate" : ""));
  for (const std::string& photo : request.photos()) hasher.Add(photo);
  return hasher.Finish();
}

// A face that is not the person's costs the caller what it would in Verify.
void CountIfMismatch(const absl::Status& status, MismatchBudget::Look& look) {
  if (ReasonOf(status) == Reason::REFERENCE_MISMATCH) look.Count();
}

}  // namespace

Enroller::Enroller(const FaceEncoder& encoder, const ActiveGeneration& active, Gallery& gallery, MismatchBudget& budget,
                   Metrics& metrics, EnrollerOptions options)
    : encoder_(encoder),
      active_(active),
      gallery_(gallery),
      budget_(budget),
      metrics_(metrics),
      options_(std::move(options)) {}

absl::Status Enroller::Enroll(const v1::EnrollRequest& request, const Caller& caller, StillWanted still_wanted,
                              v1::EnrollResponse& response) {
  if (absl::Status status = CheckId("person_id", request.person_id(), kNewId); !status.ok()) return status;
  if (absl::Status status = CheckId("request_id", request.request_id(), {.min_bytes = 0}); !status.ok()) return status;
  if (absl::Status status = ValidatePhotoCount(request.photos_size()); !status.ok()) return status;
  const ContentDigest content = DigestOf(request);
  std::optional<EnrolmentResult> result;
  if (!request.request_id().empty()) {
    // A repeated request costs no network.
    absl::StatusOr<std::optional<EnrolmentResult>> earlier = gallery_.FindEnrolment(request.request_id(), content);
    if (!earlier.ok()) return earlier.status();
    result = *std::move(earlier);
  }
  if (request.validate_only()) return CheckPhotos(request, caller, content, still_wanted, response);
  if (!result.has_value()) {
    absl::StatusOr<EnrolmentResult> enrolled = EnrolPhotos(request, caller, content, still_wanted, response);
    if (!enrolled.ok()) return enrolled.status();
    result = *std::move(enrolled);
  }
  for (const ReferenceRecord& reference : result->references) *response.add_references() = ToProto(reference);
  response.set_reference_count(result->reference_count);
  response.set_replayed(result->replayed);
  response.set_revision(result->revision);
  if (result->replayed) {
    response.clear_faces();
    response.clear_duplicates();
    response.clear_unchecked();
  }
  if (!response.has_model()) *response.mutable_model() = ModelOf(*active_.Get()->embedder);
  return absl::OkStatus();
}

absl::Status Enroller::CheckPromises(const v1::EnrollRequest& request, const Generation& generation) const {
  const bool refuses = options_.duplicates == DuplicatePolicy::kRefuse && !request.allow_duplicate();
  return refuses && !generation.threshold.has_value() ? ThresholdNotMeasured() : absl::OkStatus();
}

absl::StatusOr<EnrolmentResult> Enroller::EnrolPhotos(const v1::EnrollRequest& request, const Caller& caller,
                                                      const ContentDigest& content, StillWanted still_wanted,
                                                      v1::EnrollResponse& response) {
  for (int behind = 0; behind < kModelTries;) {
    const std::shared_ptr<const Generation> generation = active_.Get();
    const Companions companions = active_.companions();
    if (absl::Status status = CheckPromises(request, *generation); !status.ok()) return status;
    absl::StatusOr<Enrolment> enrolment =
        EncodePhotos(*generation->embedder, companions, request, content, still_wanted, response);
    if (!enrolment.ok()) return enrolment.status();
    enrolment->enrolled_by = caller.name;
    FaceChecks checks(gallery_, metrics_, *enrolment, *generation, ChecksOf(request, caller));
    absl::StatusOr<MismatchBudget::Look> look = budget_.Begin(caller, request.person_id());
    if (!look.ok()) return look.status();
    if (absl::Status status = checks.Check(still_wanted); !status.ok()) {
      CountIfMismatch(status, *look);
      return EarlierOr(*enrolment, status);
    }
    // The last moment at which the caller's going away can leave the gallery untouched.
    if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
    absl::StatusOr<EnrolmentResult> result;
    const EnrolmentReview review = checks.Review();
    if (active_.WriteIfActive(generation,
                              [&] { result = gallery_.Enrol(*enrolment, caller.limits.max_persons, &review); })) {
      if (result.ok()) {
        if (!result->replayed) checks.Report(response);
        *response.mutable_model() = ModelOf(*generation->embedder);
        return result;
      }
      CountIfMismatch(result.status(), *look);
      if (!IsModelsChanged(result.status())) return result;
      // As a rule the models of now are known by now.
      if (++behind > 1) absl::SleepFor(kBetweenModelTries);
    }
    // Another model became the active one meanwhile, here or elsewhere, and could not compare with these embeddings.
    response.clear_faces();
  }
  return MakeError(Reason::MODEL_MISSING, "another server answers by a model that this one has not loaded yet");
}

absl::Status Enroller::CheckPhotos(const v1::EnrollRequest& request, const Caller& caller, const ContentDigest& content,
                                   StillWanted still_wanted, v1::EnrollResponse& response) {
  const std::shared_ptr<const Generation> generation = active_.Get();
  if (absl::Status status = CheckPromises(request, *generation); !status.ok()) return status;
  const absl::StatusOr<Enrolment> enrolment =
      EncodePhotos(*generation->embedder, /*companions=*/{}, request, content, still_wanted, response);
  if (!enrolment.ok()) return enrolment.status();
  FaceChecks checks(gallery_, metrics_, *enrolment, *generation, ChecksOf(request, caller));
  absl::StatusOr<MismatchBudget::Look> look = budget_.Begin(caller, request.person_id());
  if (!look.ok()) return look.status();
  // Whose face is nobody's was tried at everybody, and nothing is enrolled that would bound how often.
  absl::StatusOr<MismatchBudget::Look> look_at_all = budget_.Begin(caller);
  if (!look_at_all.ok()) return look_at_all.status();
  if (absl::Status status = checks.Check(still_wanted); !status.ok()) {
    CountIfMismatch(status, *look);
    return status;
  }
  checks.Report(response);
  if (options_.duplicates != DuplicatePolicy::kOff && response.duplicates().empty()) look_at_all->Count();
  const absl::StatusOr<int> references =
      gallery_.CheckRoomFor(request.photos_size(), request.person_id(), caller.name, caller.limits.max_persons);
  if (!references.ok()) return references.status();
  response.set_reference_count(*references);
  *response.mutable_model() = ModelOf(*generation->embedder);
  return absl::OkStatus();
}

absl::StatusOr<Enrolment> Enroller::EncodePhotos(const Embedder& embedder, const Companions& companions,
                                                 const v1::EnrollRequest& request, const ContentDigest& content,
                                                 StillWanted still_wanted, v1::EnrollResponse& response) const {
  const absl::StatusOr<FacePolicy> policy = ReadFacePolicy(request.face_policy());
  if (!policy.ok()) return policy.status();
  const absl::StatusOr<QualityGate> gate = ReadQualityGate(request.quality_gate(), options_.quality_gate);
  if (!gate.ok()) return gate.status();
  Enrolment enrolment{.person_id = request.person_id(),
                      .request_id = request.request_id(),
                      .content = content,
                      .references = {},
                      .create_time = options_.now()};
  enrolment.lacking = companions.lacking;
  const std::string crop_kind = CropKindOf(embedder.manifest());
  for (int i = 0; i < request.photos_size(); ++i) {
    absl::StatusOr<EncodedFace> encoded = encoder_.Encode(
        embedder, request.photos(i), *policy, still_wanted,
        [&gate](const FaceQuality& quality) { return CheckQuality(quality, *gate, FaceRole::kReference); });
    if (!encoded.ok()) {
      metrics_.CountQualityRefusal("Enroll", IssuesOf(encoded.status()));
      return AtField(encoded.status(), absl::StrCat("photos[", i, "]"));
    }
    if (options_.retain_crops) {
      absl::StatusOr<std::string> picture = EncodeCropFile(encoded->crop);
      if (!picture.ok()) return picture.status();
      enrolment.crops.push_back({crop_kind, *std::move(picture)});
    }
    if (!companions.models.empty()) {
      absl::StatusOr<std::vector<Embedding>> also =
          EmbedByCompanions(encoder_, companions, embedder, *encoded, request.photos(i), *policy, still_wanted);
      if (!also.ok()) return AtField(also.status(), absl::StrCat("photos[", i, "]"));
      enrolment.also.push_back(*std::move(also));
    }
    *response.add_faces() = ToProto(*encoded);
    enrolment.references.push_back({options_.make_reference_id(), std::move(encoded->embedding), encoded->crowding});
  }
  return enrolment;
}

FaceCheckOptions Enroller::ChecksOf(const v1::EnrollRequest& request, const Caller& caller) const {
  const bool allowed = options_.duplicates == DuplicatePolicy::kRefuse && request.allow_duplicate();
  return {.person = !request.allow_mismatch(),
          .duplicates = allowed ? DuplicatePolicy::kReport : options_.duplicates,
          .reveal = options_.reveal_duplicates || caller.admin,
          .scores = caller.scores};
}

absl::StatusOr<EnrolmentResult> Enroller::EarlierOr(const Enrolment& enrolment, const absl::Status& status) {
  if (enrolment.request_id.empty()) return status;
  absl::StatusOr<std::optional<EnrolmentResult>> earlier =
      gallery_.FindEnrolment(enrolment.request_id, enrolment.content);
  if (!earlier.ok() || !earlier->has_value()) return status;
  return **std::move(earlier);
}

}  // namespace likeness
