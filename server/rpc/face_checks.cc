#include "server/rpc/face_checks.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/gallery/reference_index.h"
#include "server/rpc/reference_match.h"

namespace likeness {

FaceChecks::FaceChecks(Gallery& gallery, Metrics& metrics, const Enrolment& enrolment, const Generation& generation,
                       FaceCheckOptions options)
    : gallery_(gallery), metrics_(metrics), enrolment_(enrolment), generation_(generation), options_(options) {
  for (const ReferenceEmbedding& reference : enrolment.references) probes_.push_back(reference.embedding);
  others_.nearest.resize(probes_.size());
}

absl::Status FaceChecks::Check(StillWanted still_wanted) {
  if (!generation_.threshold.has_value()) return absl::OkStatus();
  const absl::Status status = CheckOnce(still_wanted);
  const Reason::Value reason = ReasonOf(status);
  if (reason != Reason::REFERENCE_MISMATCH && reason != Reason::DUPLICATE_OF) return status;
  // Perhaps because of somebody whom another server has deleted.
  if (!gallery_.shared() || !gallery_.Sync().ok()) return status;
  return CheckOnce(still_wanted);
}

absl::Status FaceChecks::CheckOnce(StillWanted still_wanted) {
  if (options_.person) {
    const absl::StatusOr<References> own = gallery_.FindReferences(enrolment_.person_id);
    if (!own.ok() && ReasonOf(own.status()) != Reason::PERSON_NOT_FOUND) return own.status();
    const absl::Status status = own.ok() ? CheckOwn(**own) : CheckOwn({});
    if (!status.ok()) return status;
  }
  if (options_.duplicates == DuplicatePolicy::kOff) return absl::OkStatus();
  absl::StatusOr<NearestOthers> others = gallery_.FindNearestOthers(
      probes_, enrolment_.person_id, generation_.embedder->manifest().cohort.get(), still_wanted);
  if (!others.ok()) return others.status();
  others_ = *std::move(others);
  people_ = std::max<int64_t>(1, gallery_.size().persons);
  return CheckOthers();
}

EnrolmentReview FaceChecks::Review() {
  EnrolmentReview review{
      .model = probes_.front().model, .seen_number = others_.number, .seen_revision = others_.revision};
  if (!generation_.threshold.has_value()) return review;
  if (options_.person) {
    review.own = [this](const std::vector<ReferenceEmbedding>& own) {
      std::vector<ReferenceEmbedding> measured = own;
      if (const auto& cohort = generation_.embedder->manifest().cohort; cohort != nullptr) {
        for (ReferenceEmbedding& reference : measured) {
          if (reference.embedding.model == probes_.front().model) {
            reference.crowding = cohort->Crowding(reference.embedding.values);
          }
        }
      }
      return CheckOwn(measured);
    };
  }
  if (options_.duplicates != DuplicatePolicy::kOff) {
    review.since = [this](const std::vector<NumberedEmbedding>& since) { return CheckSince(since); };
  }
  return review;
}

absl::Status FaceChecks::CheckOwn(absl::Span<const ReferenceEmbedding> own) const {
  return CheckReferencesMatch(enrolment_.references, own, *generation_.threshold, generation_.embedder->manifest(),
                              options_.scores);
}

absl::Status FaceChecks::CheckSince(const std::vector<NumberedEmbedding>& since) {
  const Cohort* cohort = generation_.embedder->manifest().cohort.get();
  ReferenceIndex index;
  index.Reset(probes_.front().model);
  for (const NumberedEmbedding& reference : since) index.Add(reference);
  for (size_t face = 0; face < probes_.size(); ++face) {
    std::optional<NearestPerson> nearest = index.FindNearest(probes_[face].values, enrolment_.person_id, cohort);
    std::optional<NearestPerson>& before = others_.nearest[face];
    if (nearest.has_value() && (!before.has_value() || nearest->rank() < before->rank())) before = std::move(nearest);
  }
  return CheckOthers();
}

absl::Status FaceChecks::CheckOthers() const {
  if (options_.duplicates != DuplicatePolicy::kRefuse) return absl::OkStatus();
  for (size_t face = 0; face < probes_.size(); ++face) {
    if (!DuplicateOf(face).has_value()) continue;
    metrics_.CountDuplicate();
    const absl::Status refusal =
        WithField(MakeError(Reason::DUPLICATE_OF, "the face is enrolled under another id already"),
                  absl::StrCat("photos[", face, "]"));
    return options_.reveal ? WithPerson(refusal, others_.nearest[face]->person_id) : refusal;
  }
  return absl::OkStatus();
}

std::optional<Decision> FaceChecks::DuplicateOf(size_t face) const {
  const std::optional<NearestPerson>& nearest = others_.nearest[face];
  if (!nearest.has_value()) return std::nullopt;
  const BundleManifest& manifest = generation_.embedder->manifest();
  const Decision decision = Decide(nearest->distance, *generation_.threshold,
                                   CrowdingOfPair(manifest, enrolment_.references[face].crowding, nearest->crowding));
  if (!IsDuplicate(decision, people_, manifest.calibration)) return std::nullopt;
  return decision;
}

void FaceChecks::Report(v1::EnrollResponse& response) const {
  response.clear_duplicates();
  response.set_unchecked(!generation_.threshold.has_value());
  if (!generation_.threshold.has_value()) return;
  const std::optional<Calibration>& calibration = generation_.embedder->manifest().calibration;
  for (size_t face = 0; face < probes_.size(); ++face) {
    const std::optional<Decision> decision = DuplicateOf(face);
    if (!decision.has_value()) continue;
    metrics_.CountDuplicate();
    v1::Duplicate& duplicate = *response.add_duplicates();
    duplicate.set_photo(static_cast<int>(face));
    if (options_.reveal) duplicate.set_person_id(others_.nearest[face]->person_id);
    if (!options_.scores) continue;
    duplicate.set_distance(decision->distance);
    if (calibration.has_value()) {
      duplicate.set_log_likelihood_ratio(LogLikelihoodRatio(*calibration, decision->normalized_distance));
    }
  }
}

}  // namespace likeness
