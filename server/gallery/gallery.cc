#include "server/gallery/gallery.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"

namespace likeness {

absl::StatusOr<std::unique_ptr<Gallery>> Gallery::Open(std::unique_ptr<Store> store, GalleryOptions options,
                                                       Metrics& metrics) {
  const absl::StatusOr<GallerySize> size = store->Size();
  if (!size.ok()) return size.status();
  return std::unique_ptr<Gallery>(new Gallery(std::move(store), options, *size, metrics));
}

Gallery::Gallery(std::unique_ptr<Store> store, GalleryOptions options, GallerySize size, Metrics& metrics)
    : store_(std::move(store)), options_(options), metrics_(metrics), cache_(options.cached_references), size_(size) {
  metrics_.SetGallerySize(size.persons, size.references);
}

absl::StatusOr<References> Gallery::FindReferences(absl::string_view person_id) {
  uint64_t ticket = 0;
  if (References cached = cache_.Find(person_id, &ticket)) {
    metrics_.CountCacheLookup(/*hit=*/true);
    return cached;
  }
  metrics_.CountCacheLookup(/*hit=*/false);
  const StageTimer timer(metrics_, Stage::kStore);
  absl::StatusOr<std::vector<ReferenceEmbedding>> read = store_->References(person_id);
  if (!read.ok()) return read.status();
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

absl::StatusOr<EnrolmentResult> Gallery::Enrol(const Enrolment& enrolment) {
  const StageTimer timer(metrics_, Stage::kStore);
  absl::StatusOr<EnrolmentResult> result = store_->Enrol(enrolment, options_.max_references_per_person);
  const bool added = result.ok() && !result->replayed;
  NoteChange(enrolment.person_id, added && result->new_person ? 1 : 0,
             added ? static_cast<int64_t>(enrolment.references.size()) : 0);
  return result;
}

absl::StatusOr<int> Gallery::CheckRoomFor(int added, absl::string_view person_id) {
  const absl::StatusOr<PersonRecord> person = GetPerson(person_id);
  if (!person.ok() && ReasonOf(person.status()) != Reason::PERSON_NOT_FOUND) return person.status();
  const int references = person.ok() ? static_cast<int>(person->references.size()) : 0;
  if (references + added > options_.max_references_per_person) {
    return MakeError(Reason::TOO_MANY_REFERENCES,
                     absl::StrCat("the person would have ", references + added, " references; at most ",
                                  options_.max_references_per_person, " are allowed"));
  }
  return references;
}

absl::StatusOr<std::optional<NearestPerson>> Gallery::FindNearestOther(const Embedding& probe,
                                                                       absl::string_view person_id) {
  absl::MutexLock lock(&index_mutex_);
  if (absl::Status status = CatchUp(probe.model); !status.ok()) return status;
  const StageTimer timer(metrics_, Stage::kSearch);
  return index_.FindNearest(probe.values, person_id);
}

absl::Status Gallery::CatchUp(const ModelDigest& model) {
  constexpr int kPage = 1000;
  if (index_.model() != model) index_.Reset(model);
  while (true) {
    const absl::StatusOr<std::vector<NumberedEmbedding>> page =
        store_->EmbeddingsBy(model, index_.last_number(), kPage);
    if (!page.ok()) return page.status();
    for (const NumberedEmbedding& embedding : *page) index_.Add(embedding);
    metrics_.SetIndexedReferences(index_.size());
    if (page->size() < kPage) return absl::OkStatus();
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

absl::StatusOr<int> Gallery::DeletePerson(absl::string_view person_id) {
  const StageTimer timer(metrics_, Stage::kStore);
  absl::MutexLock lock(&index_mutex_);
  const absl::StatusOr<int> deleted = store_->DeletePerson(person_id);
  // Also after an error: its outcome may be unknown.
  index_.RemovePerson(person_id);
  if (ReasonOf(deleted.status()) == Reason::STORE_FAILED) index_.Reset(index_.model());
  metrics_.SetIndexedReferences(index_.size());
  NoteChange(person_id, deleted.ok() ? -1 : 0, deleted.ok() ? -*deleted : 0);
  return deleted;
}

absl::StatusOr<int> Gallery::DeleteReference(absl::string_view person_id, absl::string_view reference_id) {
  const StageTimer timer(metrics_, Stage::kStore);
  absl::MutexLock lock(&index_mutex_);
  const absl::StatusOr<int> left = store_->DeleteReference(person_id, reference_id);
  index_.RemoveReference(person_id, reference_id);
  if (ReasonOf(left.status()) == Reason::STORE_FAILED) index_.Reset(index_.model());
  metrics_.SetIndexedReferences(index_.size());
  NoteChange(person_id, 0, left.ok() ? -1 : 0);
  return left;
}

absl::StatusOr<ModelCoverage> Gallery::Coverage(const ModelDigest& model, absl::string_view crop_kind) {
  return store_->Coverage(model, crop_kind);
}

absl::StatusOr<std::vector<std::string>> Gallery::PersonsWithoutCrop(const ModelDigest& model,
                                                                     absl::string_view crop_kind, int limit) {
  return store_->PersonsWithoutCrop(model, crop_kind, limit);
}

absl::StatusOr<std::vector<UnembeddedReference>> Gallery::Unembedded(const ModelDigest& model,
                                                                     absl::string_view crop_kind, int64_t after,
                                                                     int limit) {
  return store_->Unembedded(model, crop_kind, after, limit);
}

absl::Status Gallery::AddEmbeddings(absl::Span<const UnembeddedReference> references,
                                    absl::Span<const Embedding> embeddings) {
  absl::MutexLock lock(&index_mutex_);
  const absl::Status added = store_->AddEmbeddings(references, embeddings);
  // Their references' numbers are ones that the index has gone past.
  if (!embeddings.empty() && embeddings.front().model == index_.model()) index_.Reset(index_.model());
  // Also after an error: its outcome may be unknown.
  for (const UnembeddedReference& reference : references) cache_.Invalidate(reference.person_id);
  return added;
}

absl::StatusOr<int64_t> Gallery::DeleteEmbeddings(const ModelDigest& model) {
  absl::MutexLock lock(&index_mutex_);
  const absl::StatusOr<int64_t> deleted = store_->DeleteEmbeddings(model);
  if (model == index_.model()) index_.Reset(model);
  cache_.InvalidateAll();
  return deleted;
}

void Gallery::NoteChange(absl::string_view person_id, int64_t persons, int64_t references) {
  // Also after an error: its outcome may be unknown.
  cache_.Invalidate(person_id);
  metrics_.SetCachedReferences(cache_.size());
  absl::MutexLock lock(&size_mutex_);
  size_.persons += persons;
  size_.references += references;
  metrics_.SetGallerySize(size_.persons, size_.references);
}

}  // namespace likeness
