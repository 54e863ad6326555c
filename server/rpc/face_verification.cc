#include "server/rpc/face_verification.h"

#include <optional>
#include <utility>
#include <vector>

#include "server/errors/errors.h"
#include "server/ids/check_id.h"
#include "server/rpc/conversions.h"
#include "server/rpc/disclosure.h"
#include "server/rpc/validation.h"

namespace likeness {
namespace {

// The threshold that the request asks for, or the server's own.
template <typename Request>
absl::StatusOr<Threshold> ThresholdFor(const Request& request, const Generation& generation) {
  ThresholdRequest wish;
  if (request.has_max_distance()) wish.max_distance = request.max_distance();
  if (request.has_target_fmr()) wish.target_fmr = request.target_fmr();
  return RequestThreshold(generation.threshold, generation.embedder->manifest().operating_points, wish);
}

// The verdict on a measured distance, with what the model knows about it.
template <typename Response>
void SetVerdict(const Decision& decision, const Generation& generation, Response& response) {
  response.set_verified(decision.same_person);
  response.set_distance(decision.distance);
  response.set_normalized_distance(decision.normalized_distance);
  *response.mutable_threshold() = ToProto(decision);
  *response.mutable_model() = ModelOf(*generation.embedder);
  if (const auto& calibration = generation.embedder->manifest().calibration; calibration.has_value()) {
    const double ratio = LogLikelihoodRatio(*calibration, decision.normalized_distance);
    response.set_log_likelihood_ratio(ratio);
    response.set_probability(ProbabilityOfSamePerson(ratio, /*prior=*/0.5));
  }
}

}  // namespace

FaceVerification::FaceVerification(const FaceEncoder& encoder, const ActiveGeneration& active, Gallery& gallery,
                                   MismatchBudget& budget, Metrics& metrics, Options options)
    : encoder_(encoder),
      active_(active),
      gallery_(gallery),
      metrics_(metrics),
      budget_(budget),
      options_(std::move(options)),
      enroller_(encoder, active, gallery, budget, metrics, options_.enrolling) {}

absl::StatusOr<EncodedFace> FaceVerification::EncodeProbe(absl::string_view method, absl::string_view field,
                                                          const Embedder& embedder, absl::string_view photo,
                                                          FacePolicy policy, QualityGate gate,
                                                          StillWanted still_wanted) {
  absl::StatusOr<EncodedFace> encoded =
      encoder_.Encode(embedder, photo, policy, still_wanted,
                      [gate](const FaceQuality& quality) { return CheckQuality(quality, gate, FaceRole::kProbe); });
  if (encoded.ok()) return encoded;
  metrics_.CountQualityRefusal(method, IssuesOf(encoded.status()));
  return AtField(encoded.status(), field);
}

absl::Status FaceVerification::Verify(const v1::VerifyRequest& request, const Caller& caller, StillWanted still_wanted,
                                      v1::VerifyResponse& response) {
  // Before the references: they hold embeddings by every model that may be active from now on.
  const std::shared_ptr<const Generation> generation = active_.Get();
  if (absl::Status status = CheckId("person_id", request.person_id(), kKnownId); !status.ok()) return status;
  const absl::StatusOr<FacePolicy> policy = ReadFacePolicy(request.face_policy());
  if (!policy.ok()) return policy.status();
  const absl::StatusOr<QualityGate> gate = ReadQualityGate(request.probe_gate(), options_.probe_gate, "probe_gate");
  if (!gate.ok()) return gate.status();
  if (absl::Status status = CheckMayChooseThreshold(request, caller, options_.target_fmr); !status.ok()) return status;
  const absl::StatusOr<Threshold> threshold = ThresholdFor(request, *generation);
  if (!threshold.ok()) return threshold.status();
  if (absl::Status status = AwaitRevision(request.min_revision()); !status.ok()) return status;
  // Before the photo: an unknown person costs no network.
  const absl::StatusOr<References> references = gallery_.FindReferences(request.person_id());
  if (!references.ok()) return references.status();
  absl::StatusOr<MismatchBudget::Look> look = budget_.Begin(caller, request.person_id());
  if (!look.ok()) return look.status();

  const absl::StatusOr<EncodedFace> probe =
      EncodeProbe("Verify", "photo", *generation->embedder, request.photo(), *policy, *gate, still_wanted);
  if (!probe.ok()) return probe.status();
  const BundleManifest& manifest = generation->embedder->manifest();
  const absl::StatusOr<ReferenceMatch> match = [&] {
    const StageTimer timer(metrics_, Stage::kCompare);
    return MatchReferences(probe->embedding, **references, options_.reference_policy, manifest.unit_length,
                           manifest.cohort.get());
  }();
  if (!match.ok()) return match.status();

  const std::optional<PairCrowding> crowding = CrowdingOfPair(manifest, probe->crowding, match->crowding);
  const Decision decision = Decide(match->distance, *threshold, crowding);
  // By the server's own threshold: a lenient request must not make guesses cheap.
  const bool matched = generation->threshold.has_value()
                           ? Decide(match->distance, *generation->threshold, crowding).same_person
                           : decision.same_person;
  if (!matched) look->Count();
  SetVerdict(decision, *generation, response);
  response.set_reference_id((**references)[match->nearest].reference_id);
  *response.mutable_face() = ToProto(*probe);
  Withhold(caller, response);
  metrics_.CountVerdict("Verify", decision.same_person, match->distance);
  return absl::OkStatus();
}

absl::Status FaceVerification::Compare(const v1::CompareRequest& request, StillWanted still_wanted,
                                       v1::CompareResponse& response) {
  const std::shared_ptr<const Generation> generation = active_.Get();
  const absl::StatusOr<FacePolicy> policy = ReadFacePolicy(request.face_policy());
  if (!policy.ok()) return policy.status();
  const absl::StatusOr<QualityGate> gate = ReadQualityGate(request.probe_gate(), options_.probe_gate, "probe_gate");
  if (!gate.ok()) return gate.status();
  const absl::StatusOr<Threshold> threshold = ThresholdFor(request, *generation);
  if (!threshold.ok()) return threshold.status();
  const absl::StatusOr<EncodedFace> a =
      EncodeProbe("Compare", "photo_a", *generation->embedder, request.photo_a(), *policy, *gate, still_wanted);
  if (!a.ok()) return a.status();
  const absl::StatusOr<EncodedFace> b =
      EncodeProbe("Compare", "photo_b", *generation->embedder, request.photo_b(), *policy, *gate, still_wanted);
  if (!b.ok()) return b.status();
  const absl::StatusOr<double> distance = [&] {
    const StageTimer timer(metrics_, Stage::kCompare);
    return MeasureDistance(a->embedding, b->embedding);
  }();
  if (!distance.ok()) return distance.status();

  SetVerdict(Decide(*distance, *threshold, CrowdingOfPair(generation->embedder->manifest(), a->crowding, b->crowding)),
             *generation, response);
  *response.mutable_face_a() = ToProto(*a);
  *response.mutable_face_b() = ToProto(*b);
  metrics_.CountVerdict("Compare", response.verified(), *distance);
  return absl::OkStatus();
}

absl::Status FaceVerification::Embed(const v1::EmbedRequest& request, StillWanted still_wanted,
                                     v1::EmbedResponse& response) {
  const std::shared_ptr<const Generation> generation = active_.Get();
  const absl::StatusOr<FacePolicy> policy = ReadFacePolicy(request.face_policy());
  if (!policy.ok()) return policy.status();
  const absl::StatusOr<QualityGate> gate = ReadQualityGate(request.probe_gate(), QualityGate::kOff, "probe_gate");
  if (!gate.ok()) return gate.status();
  const absl::StatusOr<EncodedFace> encoded =
      EncodeProbe("Embed", "photo", *generation->embedder, request.photo(), *policy, *gate, still_wanted);
  if (!encoded.ok()) return encoded.status();
  const std::vector<float>& values = encoded->embedding.values;
  response.mutable_embedding()->Assign(values.begin(), values.end());
  *response.mutable_face() = ToProto(*encoded);
  *response.mutable_model() = ModelOf(*generation->embedder);
  *response.mutable_threshold() = ToProto(generation->threshold);
  if (encoded->crowding.has_value()) {
    response.set_crowding(*encoded->crowding);
    response.mutable_threshold()->set_crowding_cap(generation->embedder->manifest().cohort->cap());
  }
  if (const auto& calibration = generation->embedder->manifest().calibration; calibration.has_value()) {
    *response.mutable_calibration() = ToProto(*calibration);
  }
  return absl::OkStatus();
}

absl::Status FaceVerification::Enroll(const v1::EnrollRequest& request, const Caller& caller, StillWanted still_wanted,
                                      v1::EnrollResponse& response) {
  return enroller_.Enroll(request, caller, still_wanted, response);
}

absl::Status FaceVerification::GetPerson(const v1::GetPersonRequest& request, StillWanted,
                                         v1::GetPersonResponse& response) {
  if (absl::Status status = CheckId("person_id", request.person_id(), kKnownId); !status.ok()) return status;
  if (absl::Status status = AwaitRevision(request.min_revision()); !status.ok()) return status;
  const absl::StatusOr<PersonRecord> person = gallery_.GetPerson(request.person_id());
  if (!person.ok()) return person.status();
  *response.mutable_person() = ToProto(*person);
  return absl::OkStatus();
}

absl::Status FaceVerification::ListPersons(const v1::ListPersonsRequest& request, StillWanted,
                                           v1::ListPersonsResponse& response) {
  const absl::StatusOr<int> page_size = ReadPageSize(request.page_size());
  if (!page_size.ok()) return page_size.status();
  const absl::StatusOr<std::string> after = ReadPageToken(request.page_token());
  if (!after.ok()) return after.status();
  // One more than the page holds tells whether another page follows.
  absl::StatusOr<std::vector<PersonRecord>> persons = gallery_.ListPersons(*after, *page_size + 1);
  if (!persons.ok()) return persons.status();
  const bool more = persons->size() > static_cast<size_t>(*page_size);
  if (more) persons->pop_back();
  for (const PersonRecord& person : *persons) *response.add_persons() = ToProto(person);
  if (more) response.set_next_page_token(MakePageToken(persons->back().person_id));
  return absl::OkStatus();
}

absl::Status FaceVerification::AwaitRevision(int64_t min_revision) {
  if (min_revision < 0) return InvalidField("min_revision", "min_revision must not be negative");
  return gallery_.AwaitRevision(min_revision);
}

absl::Status FaceVerification::DeletePerson(const v1::DeletePersonRequest& request, StillWanted,
                                            v1::DeletePersonResponse& response) {
  if (absl::Status status = CheckId("person_id", request.person_id(), kKnownId); !status.ok()) return status;
  const absl::StatusOr<DeletionResult> deleted = gallery_.DeletePerson(request.person_id());
  if (!deleted.ok()) return deleted.status();
  response.set_deleted_references(deleted->references);
  response.set_revision(deleted->revision);
  return absl::OkStatus();
}

absl::Status FaceVerification::DeleteReference(const v1::DeleteReferenceRequest& request, StillWanted,
                                               v1::DeleteReferenceResponse& response) {
  if (absl::Status status = CheckId("person_id", request.person_id(), kKnownId); !status.ok()) return status;
  if (absl::Status status = CheckId("reference_id", request.reference_id(), kKnownId); !status.ok()) return status;
  const absl::StatusOr<DeletionResult> left = gallery_.DeleteReference(request.person_id(), request.reference_id());
  if (!left.ok()) return left.status();
  response.set_remaining_references(left->references);
  response.set_revision(left->revision);
  return absl::OkStatus();
}

}  // namespace likeness
