#include "server/gallery/gallery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/telemetry/log.h"

namespace likeness {

absl::StatusOr<std::unique_ptr<Gallery>> Gallery::Open(std::unique_ptr<Store> store, GalleryOptions options,
                                                       Metrics& metrics) {
  const absl::StatusOr<GallerySize> size = store->Size();
  if (!size.ok()) return size.status();
  std::unique_ptr<Gallery> gallery(new Gallery(std::move(store), options, *size, metrics));
  if (absl::Status status = gallery->Sync(); !status.ok()) return status;
  return gallery;
}

Gallery::Gallery(std::unique_ptr<Store> store, GalleryOptions options, GallerySize size, Metrics& metrics)
    : store_(std::move(store)),
      options_(options),
      metrics_(metrics),
      cache_(options.cached_references),
      index_(*store_, metrics),
      size_(size),
      upkeep_(*store_, metrics_) {
  metrics_.SetGallerySize(size.persons, size.references);
}

absl::StatusOr<References> Gallery::FindReferences(absl::string_view person_id) {
  uint64_t ticket = 0;
  // Asked also when it may not answer, for the ticket.
  if (References cached = cache_.Find(person_id, &ticket); cached != nullptr && !IsStale()) {
    metrics_.CountCacheLookup(/*hit=*/true);
    return cached;
  }
  metrics_.CountCacheLookup(/*hit=*/false);
  const StageTimer timer(metrics_, Stage::kStore);
  absl::StatusOr<std::vector<ReferenceEmbedding>> read = store_->References(person_id);
  if (!read.ok()) return read.status();
  for (ReferenceEmbedding& reference : *read) reference.crowding = measure_crowding_(reference.embedding);
  auto references = std::make_shared<const std::vector<ReferenceEmbedding>>(*std::move(read));
  cache_.Insert(person_id, references, ticket);
  metrics_.SetCachedReferences(cache_.size());
  return references;
}

absl::StatusOr<std::optional<EnrolmentResult>> Gallery::FindEnrolment(absl::string_view request_id,
                                                                      const ContentDigest& content) {
  const StageTimer timer(metrics_, Stage::kStore);
  return store_->FindEnrolment(request_id, content);
}

absl::StatusOr<EnrolmentResult> Gallery::Enrol(const Enrolment& enrolment, std::optional<int64_t> max_persons_by_caller,
                                               const EnrolmentReview* review) {
  const StageTimer timer(metrics_, Stage::kStore);
  absl::StatusOr<EnrolmentResult> result =
      store_->Enrol(enrolment, {options_.max_references_per_person, max_persons_by_caller}, review);
  const bool added = result.ok() && !result->replayed;
  NoteChange(enrolment.person_id, added && result->new_person ? 1 : 0,
             added ? static_cast<int64_t>(enrolment.references.size()) : 0);
  return result;
}

absl::StatusOr<int> Gallery::CheckRoomFor(int added, absl::string_view person_id, absl::string_view caller,
                                          std::optional<int64_t> max_persons_by_caller) {
  const absl::StatusOr<PersonRecord> person = GetPerson(person_id);
  if (!person.ok() && ReasonOf(person.status()) != Reason::PERSON_NOT_FOUND) return person.status();
  if (!person.ok() && max_persons_by_caller.has_value()) {
    const absl::StatusOr<int64_t> persons = store_->PersonsEnrolledBy(caller);
    if (!persons.ok()) return persons.status();
    if (*persons >= *max_persons_by_caller) return QuotaExceeded(*max_persons_by_caller);
  }
  const int references = person.ok() ? static_cast<int>(person->references.size()) : 0;
  if (references + added > options_.max_references_per_person) {
    return MakeError(Reason::TOO_MANY_REFERENCES,
                     absl::StrCat("the person would have ", references + added, " references; at most ",
                                  options_.max_references_per_person, " are allowed"));
  }
  return references;
}

absl::StatusOr<std::optional<NearestPerson>> Gallery::FindNearestOther(const Embedding& probe,
                                                                       absl::string_view person_id,
                                                                       const Cohort* cohort) {
  absl::StatusOr<NearestOthers> found =
      FindNearestOthers({&probe, 1}, person_id, cohort, [] { return absl::OkStatus(); });
  if (!found.ok()) return found.status();
  std::optional<NearestPerson> nearest = std::move(found->nearest.front());
  return nearest;
}

absl::StatusOr<NearestOthers> Gallery::FindNearestOthers(absl::Span<const Embedding> probes,
                                                         absl::string_view person_id, const Cohort* cohort,
                                                         StillWanted still_wanted) {
  while (true) {
    int64_t revision;
    {
      // Before the store is read: what is read has all that was changed up to there.
      absl::MutexLock lock(&synced_mutex_);
      revision = position_.revision;
    }
    const absl::StatusOr<int64_t> number = index_.CatchUp(probes.front().model, still_wanted);
    if (!number.ok()) return number.status();
    const StageTimer timer(metrics_, Stage::kSearch);
    std::optional<IndexSearch> search = index_.Search(probes, person_id, cohort, *number);
    if (search.has_value()) return NearestOthers{std::move(search->nearest), search->number, revision};
    // It was made to begin anew in between.
  }
}

GallerySize Gallery::size() const {
  absl::MutexLock lock(&size_mutex_);
  return size_;
}

absl::StatusOr<PersonRecord> Gallery::GetPerson(absl::string_view person_id) {
  const StageTimer timer(metrics_, Stage::kStore);
  return store_->GetPerson(person_id);
}

absl::StatusOr<std::vector<PersonRecord>> Gallery::ListPersons(absl::string_view after, int limit) {
  const StageTimer timer(metrics_, Stage::kStore);
  return store_->ListPersons(after, limit);
}

absl::StatusOr<DeletionResult> Gallery::DeletePerson(absl::string_view person_id) {
  const StageTimer timer(metrics_, Stage::kStore);
  const absl::StatusOr<DeletionResult> deleted = store_->DeletePerson(person_id);
  if (deleted.ok()) index_.Remove(PersonKeyOf(person_id), 0, deleted->number);
  NoteDeletion(person_id, deleted.status());
  NoteChange(person_id, deleted.ok() ? -1 : 0, deleted.ok() ? -deleted->references : 0);
  return deleted;
}

absl::StatusOr<DeletionResult> Gallery::DeleteReference(absl::string_view person_id, absl::string_view reference_id) {
  const StageTimer timer(metrics_, Stage::kStore);
  const absl::StatusOr<DeletionResult> left = store_->DeleteReference(person_id, reference_id);
  if (left.ok()) index_.Remove(PersonKeyOf(person_id), left->number, left->number);
  NoteDeletion(person_id, left.status());
  NoteChange(person_id, 0, left.ok() ? -1 : 0);
  return left;
}

absl::StatusOr<PersonData> Gallery::ReadPersonData(absl::string_view person_id) {
  const StageTimer timer(metrics_, Stage::kStore);
  return store_->ReadPersonData(person_id);
}

absl::Status Gallery::Sync() {
  absl::MutexLock lock(&sync_mutex_);
  while (true) {
    const auto asked = std::chrono::steady_clock::now();
    const absl::Time time = absl::Now();
    GalleryPosition position;
    {
      absl::MutexLock synced(&synced_mutex_);
      position = position_;
    }
    const absl::StatusOr<GalleryChanges> changes = store_->ChangesAfter(position);
    if (!changes.ok()) return changes.status();
    if (changes->restored) {
      Log(LogLevel::kWarning, "gallery_restored",
          {{"revision_before", position.revision}, {"revision", changes->position.revision}});
    }
    Apply(*changes);
    // Also where a model may be activated that could not be followed to so far.
    const bool models = !changes->complete ||
                        std::any_of(changes->changes.begin(), changes->changes.end(),
                                    [](const auto& change) { return change.kind >= GalleryChange::Kind::kModels; });
    absl::MutexLock synced(&synced_mutex_);
    position_ = changes->position;
    if (models) ++model_changes_;
    if (changes->more) continue;
    synced_ = asked;
    if (shared()) metrics_.SetGallerySynced(time);
    return absl::OkStatus();
  }
}

int64_t Gallery::model_changes() const {
  absl::MutexLock lock(&synced_mutex_);
  return model_changes_;
}

void Gallery::Apply(const GalleryChanges& changes) {
  if (!changes.complete) {
    index_.ForgetAll();
    cache_.InvalidateAll();
  }
  for (const GalleryChange& change : changes.changes) Apply(change);
  if (!changes.changes.empty()) index_.NoteNews();
  metrics_.SetCachedReferences(cache_.size());
  if (!shared()) return;  // NoteChange() counts
  absl::MutexLock lock(&size_mutex_);
  size_ = changes.size;
  metrics_.SetGallerySize(size_.persons, size_.references);
}

void Gallery::Apply(const GalleryChange& change) {
  using Kind = GalleryChange::Kind;
  const auto remove = [&](int64_t first) {
    if (change.number == GalleryChange::kUnknownNumber) return index_.ReadAgain(change.person);
    index_.Remove(change.person, first, change.number);
  };
  switch (change.kind) {
    case Kind::kEnrolled:
      cache_.Invalidate(change.person);  // the index asks for what is new
      break;
    case Kind::kPersonDeleted:
      cache_.Invalidate(change.person);
      // Whoever was enrolled again under this id since has higher numbers.
      remove(0);
      break;
    case Kind::kReferenceDeleted:
      cache_.Invalidate(change.person);
      remove(change.number);
      break;
    case Kind::kEmbedded:
      cache_.Invalidate(change.person);
      // The index may have gone past their references' numbers.
      if (const auto model = ModelDigest::FromHex(change.subject)) index_.NoteEmbedded(*model, change.number);
      break;
    case Kind::kUnembedded:
      if (const auto model = ModelDigest::FromHex(change.subject)) index_.Forget(*model);
      cache_.InvalidateAll();
      break;
    case Kind::kModels:
      cache_.InvalidateAll();
      break;
    case Kind::kAllowList:
      break;
  }
}

bool Gallery::IsStale() const {
  if (!store_->intact()) return true;
  if (!shared()) return false;
  absl::MutexLock lock(&synced_mutex_);
  return absl::FromChrono(std::chrono::steady_clock::now() - synced_) > options_.max_staleness;
}

absl::Status Gallery::AwaitRevision(int64_t revision) {
  const auto seen = [&] {
    absl::MutexLock lock(&synced_mutex_);
    return position_.revision >= revision;
  };
  if (seen()) return absl::OkStatus();
  // What a caller knows of is in the store already, so that nobody needs to wait for it.
  if (absl::Status status = Sync(); !status.ok()) return status;
  if (seen()) return absl::OkStatus();
  return MakeError(Reason::REVISION_UNKNOWN, absl::StrCat("the gallery has not come to revision ", revision,
                                                          "; was it restored, or is it another one?"));
}

absl::StatusOr<ModelCoverage> Gallery::Coverage(const ModelDigest& model, const EmbeddingSources& sources) {
  return store_->Coverage(model, sources);
}

absl::StatusOr<std::vector<std::string>> Gallery::PersonsWithoutCrop(const ModelDigest& model,
                                                                     const EmbeddingSources& sources, int limit) {
  return store_->PersonsWithoutCrop(model, sources, limit);
}

absl::StatusOr<std::vector<UnembeddedReference>> Gallery::Unembedded(const ModelDigest& model,
                                                                     const EmbeddingSources& sources, int64_t after,
                                                                     int limit) {
  return store_->Unembedded(model, sources, after, limit);
}

absl::Status Gallery::AddEmbeddings(absl::Span<const UnembeddedReference> references,
                                    absl::Span<const Embedding> embeddings) {
  // Without a lock: maintenance may wait long for the store, and searches are not to.
  const absl::Status added = store_->AddEmbeddings(references, embeddings);
  // Also after an error: its outcome may be unknown.
  if (!embeddings.empty()) {
    const auto first = std::min_element(references.begin(), references.end(),
                                        [](const auto& a, const auto& b) { return a.number < b.number; });
    // The index may have gone past their numbers.
    index_.NoteEmbedded(embeddings.front().model, first->number);
  }
  for (const UnembeddedReference& reference : references) cache_.Invalidate(reference.person_id);
  return added;
}

absl::StatusOr<EmbeddingDeletion> Gallery::DeleteEmbeddings(const ModelDigest& model) {
  const absl::StatusOr<EmbeddingDeletion> deleted = store_->DeleteEmbeddings(model);
  index_.Forget(model);
  cache_.InvalidateAll();
  return deleted;
}

void Gallery::NoteDeletion(absl::string_view person_id, const absl::Status& deletion) {
  if (ReasonOf(deletion) == Reason::STORE_FAILED) index_.ReadAgain(PersonKeyOf(person_id));  // its outcome is unknown
}

void Gallery::NoteChange(absl::string_view person_id, int64_t persons, int64_t references) {
  // Also after an error: its outcome may be unknown.
  cache_.Invalidate(person_id);
  index_.NoteNews();
  metrics_.SetCachedReferences(cache_.size());
  if (shared()) return;  // Sync() counts, also what others change
  absl::MutexLock lock(&size_mutex_);
  size_.persons += persons;
  size_.references += references;
  metrics_.SetGallerySize(size_.persons, size_.references);
}

}  // namespace likeness
