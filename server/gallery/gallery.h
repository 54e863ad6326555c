// The enrolled persons: a store with a cache of reference embeddings in front of it.
#ifndef LIKENESS_SERVER_GALLERY_GALLERY_H_
#define LIKENESS_SERVER_GALLERY_GALLERY_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/errors/still_wanted.h"
#include "server/gallery/live_index.h"
#include "server/gallery/protection_upkeep.h"
#include "server/gallery/reference_cache.h"
#include "server/gallery/store.h"
#include "server/telemetry/metrics.h"
#include "server/verification/cohort.h"

namespace likeness {

struct GalleryOptions {
  int64_t cached_references = 100'000;
  int max_references_per_person = 64;
  // In a shared gallery, how long what is in memory is relied on while nobody can say what others have changed.
  absl::Duration max_staleness = absl::Seconds(30);
};

// Who of a gallery is nearest to each of some probes, as far as was looked: what an EnrolmentReview goes on from.
struct NearestOthers {
  std::vector<std::optional<NearestPerson>> nearest;  // nothing where there is nobody
  int64_t number = 0;
  int64_t revision = 0;
};

// Thread-safe. Errors are the store's. A change that was answered is seen by every later call to this object; one that
// another server answered, by every call after Sync().
class Gallery {
 public:
  // Reads the size and the revision of the gallery once; STORE_FAILED when it cannot.
  static absl::StatusOr<std::unique_ptr<Gallery>> Open(std::unique_ptr<Store> store, GalleryOptions options,
                                                       Metrics& metrics);

  // From now on, what the place of a reference's embedding is crowded by is kept beside it in memory. `measure` gives
  // nothing for an embedding by a model that it does not know or that has no cohort. To be called before the first look
  // at a person; `measure` must be thread-safe, and may be called with a lock held.
  using MeasureCrowding = std::function<std::optional<double>(const Embedding&)>;
  void KeepCrowding(MeasureCrowding measure) { measure_crowding_ = std::move(measure); }

  // The person's references; touches no disk when they are in memory.
  absl::StatusOr<References> FindReferences(absl::string_view person_id);

  absl::StatusOr<std::optional<EnrolmentResult>> FindEnrolment(absl::string_view request_id,
                                                               const ContentDigest& content);
  absl::StatusOr<EnrolmentResult> Enrol(const Enrolment& enrolment, std::optional<int64_t> max_persons_by_caller = {},
                                        const EnrolmentReview* review = nullptr);
  // How many references the person has, 0 for one who is not enrolled. TOO_MANY_REFERENCES and QUOTA_EXCEEDED, when
  // Enrol() would return them now for `added` more.
  absl::StatusOr<int> CheckRoomFor(int added, absl::string_view person_id, absl::string_view caller = "",
                                   std::optional<int64_t> max_persons_by_caller = {});
  // Of all persons but this one, the one with the reference nearest to the probe, by the probe's model and by its
  // cohort, if it has one; nothing where there is none. Looks at every reference of the gallery, in memory: what was
  // not read so far (FillIndex()) is read from the store, while somebody still waits for the answer.
  absl::StatusOr<std::optional<NearestPerson>> FindNearestOther(const Embedding& probe, absl::string_view person_id,
                                                                const Cohort* cohort = nullptr);
  // The same for several probes of one model, at least one.
  absl::StatusOr<NearestOthers> FindNearestOthers(absl::Span<const Embedding> probes, absl::string_view person_id,
                                                  const Cohort* cohort, StillWanted still_wanted);
  // Reads what FindNearestOther() by this model would have to read, a page at a time: for a thread in the background.
  absl::StatusOr<LiveIndex::Ahead> FillIndex(const ModelDigest& model) { return index_.ReadAhead(model); }
  // As counted at the start and since.
  GallerySize size() const;
  absl::StatusOr<PersonRecord> GetPerson(absl::string_view person_id);
  absl::StatusOr<std::vector<PersonRecord>> ListPersons(absl::string_view after, int limit);
  absl::StatusOr<DeletionResult> DeletePerson(absl::string_view person_id);
  absl::StatusOr<DeletionResult> DeleteReference(absl::string_view person_id, absl::string_view reference_id);
  absl::StatusOr<PersonData> ReadPersonData(absl::string_view person_id);

  // False once what the gallery is kept in was taken away, which lasts: every call fails from then on.
  bool intact() const { return store_->intact(); }
  // Whether other servers change the gallery too; ChangeFollower keeps up with them.
  bool shared() const { return store_->shared(); }
  // Takes note of what others have changed.
  absl::Status Sync();
  // How often a change of models was among what was taken note of.
  int64_t model_changes() const;
  void AwaitChange(absl::Duration limit) { store_->AwaitChange(limit); }
  absl::Status ForgetChanges(absl::Duration age) { return store_->ForgetChanges(age); }
  // Returns when every change up to this revision is seen. REVISION_UNKNOWN when there is no such revision.
  absl::Status AwaitRevision(int64_t revision);

  // A page of them: Store::RotateKeys().
  absl::StatusOr<KeyRotation> RotateKeys(absl::string_view after, int limit) {
    return store_->RotateKeys(after, limit);
  }

  Coordination& coordination() { return store_->coordination(); }
  MismatchLedger& mismatches() { return store_->mismatches(); }
  absl::StatusOr<int64_t> AllowModel(const ModelDigest& model) { return store_->AllowModel(model); }
  absl::StatusOr<bool> IsModelAllowed(const ModelDigest& model) { return store_->IsModelAllowed(model); }
  absl::StatusOr<ModelCoverage> Coverage(const ModelDigest& model, const EmbeddingSources& sources);
  absl::StatusOr<ModelGap> GapOf(const ModelDigest& model) { return store_->GapOf(model); }
  absl::StatusOr<std::vector<std::string>> PersonsWithoutCrop(const ModelDigest& model, const EmbeddingSources& sources,
                                                              int limit);
  absl::StatusOr<std::vector<UnembeddedReference>> Unembedded(const ModelDigest& model, const EmbeddingSources& sources,
                                                              int64_t after, int limit);
  absl::Status AddEmbeddings(absl::Span<const UnembeddedReference> references, absl::Span<const Embedding> embeddings);
  absl::StatusOr<EmbeddingDeletion> DeleteEmbeddings(const ModelDigest& model);

 private:
  Gallery(std::unique_ptr<Store> store, GalleryOptions options, GallerySize size, Metrics& metrics);
  // Forgets what is in memory of a person whose rows may have changed, and counts the change.
  void NoteChange(absl::string_view person_id, int64_t persons, int64_t references);

  // Doubts what the index has of the person, after a deletion whose outcome is unknown.
  void NoteDeletion(absl::string_view person_id, const absl::Status& deletion);

  // Takes note of changes that others may have made.
  void Apply(const GalleryChanges& changes);
  void Apply(const GalleryChange& change);
  // Whether what is in memory may be older than is allowed.
  bool IsStale() const;

  const std::unique_ptr<Store> store_;
  const GalleryOptions options_;
  Metrics& metrics_;
  MeasureCrowding measure_crowding_ = [](const Embedding&) { return std::nullopt; };
  ReferenceCache cache_;
  LiveIndex index_;
  // Held while changes are fetched and taken note of, so that this happens in their order.
  absl::Mutex sync_mutex_;
  mutable absl::Mutex synced_mutex_;
  GalleryPosition position_ ABSL_GUARDED_BY(synced_mutex_);  // up to which everything is seen
  int64_t model_changes_ ABSL_GUARDED_BY(synced_mutex_) = 0;
  std::chrono::steady_clock::time_point synced_ ABSL_GUARDED_BY(synced_mutex_);  // when that was the last one
  mutable absl::Mutex size_mutex_;  // held while the metric is set, so that the last change is what it shows
  GallerySize size_ ABSL_GUARDED_BY(size_mutex_);
  ProtectionUpkeep upkeep_;  // last: its thread uses the store
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_GALLERY_H_
