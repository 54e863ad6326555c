#include "server/gallery/sql_store.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/gallery/coordination_rows.h"
#include "server/gallery/gallery_rows.h"
#include "server/gallery/sql_rows.h"
#include "server/hashing/random_id.h"
#include "server/ids/check_id.h"

namespace likeness {
namespace {

constexpr int64_t kRevisionsAtOnce = 1000;
constexpr int kEmbeddingsAtOnce = 1000;
constexpr int kReviewedAtOnce = 1000;
constexpr int kForgettingsAtOnce = 10;

GalleryChange ChangeOf(GalleryChange::Kind kind, absl::string_view person_id, int64_t number = 0,
                       absl::string_view subject = "") {
  return {kind, PersonKeyOf(person_id), std::string(subject), number};
}

GalleryChange ModelsChange(GalleryChange::Kind kind = GalleryChange::Kind::kModels, absl::string_view subject = "") {
  return {.kind = kind, .subject = std::string(subject)};
}

// The last line: what no database could store, or not every one, is the caller's mistake and not the store's.
absl::Status CheckText(absl::string_view field, absl::string_view text) {
  return CheckId(field, text, {.min_bytes = 0, .max_bytes = 256, .printable = false});
}
absl::Status CheckPersonId(absl::string_view person_id) { return CheckText("person_id", person_id); }

absl::Status CheckTexts(const Enrolment& enrolment) {
  absl::Status status = CheckPersonId(enrolment.person_id);
  status.Update(CheckText("request_id", enrolment.request_id));
  status.Update(CheckText("caller", enrolment.enrolled_by));
  for (const ReferenceEmbedding& reference : enrolment.references) {
    status.Update(CheckText("reference_id", reference.reference_id));
  }
  for (const KeptCrop& crop : enrolment.crops) status.Update(CheckText("kind", crop.kind));
  return status;
}

}  // namespace

absl::Status ModelsChanged() { return absl::AbortedError("another model answers, or is about to"); }

bool IsModelsChanged(const absl::Status& status) {
  return absl::IsAborted(status) && ReasonOf(status) == Reason::INTERNAL;
}

template <typename Result>
absl::StatusOr<Result> SqlStore::Read(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status = database_->Read([&](SqlSession& session) { return (result = work(session)).status(); });
  return status.ok() ? std::move(result) : status;
}

template <typename Result>
absl::StatusOr<Result> SqlStore::Write(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status = database_->Write([&](SqlSession& session) -> absl::Status {
    if (absl::Status may = encryption_.CheckMayWrite(session); !may.ok()) return may;
    return (result = work(session)).status();
  });
  return status.ok() ? std::move(result) : status;
}

template <typename Result>
absl::StatusOr<Result> SqlStore::Erase(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status = database_->Erase([&](SqlSession& session) -> absl::Status {
    if (absl::Status may = encryption_.CheckMayWrite(session); !may.ok()) return may;
    return (result = work(session)).status();
  });
  return status.ok() ? std::move(result) : status;
}

template <typename Result>
absl::StatusOr<Result> SqlStore::Survey(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status = database_->Survey([&](SqlSession& session) { return (result = work(session)).status(); });
  return status.ok() ? std::move(result) : status;
}

template <typename Result>
absl::StatusOr<Result> SqlStore::Purge(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status = database_->Purge([&](SqlSession& session) -> absl::Status {
    if (absl::Status may = encryption_.CheckMayWrite(session); !may.ok()) return may;
    return (result = work(session)).status();
  });
  return status.ok() ? std::move(result) : status;
}

absl::StatusOr<std::unique_ptr<SqlStore>> SqlStore::Open(std::unique_ptr<SqlDatabase> database,
                                                         std::shared_ptr<const Protection> protection) {
  std::unique_ptr<SqlStore> store(new SqlStore(std::move(database), std::move(protection)));
  SqlEncryption& encryption = store->encryption_;
  absl::Status status = store->database_->Read([&](SqlSession& session) { return encryption.CheckKeys(session); });
  if (status.ok() && encryption.must_begin()) {
    // Erase(): an earlier version may have encrypted everybody and left plaintext in SQLite's log.
    status = store->database_->Erase([&](SqlSession& session) { return encryption.Begin(session); });
  }
  if (!status.ok()) return status;
  return store;
}

absl::StatusOr<std::optional<EnrolmentResult>> SqlStore::FindEnrolment(absl::string_view request_id,
                                                                       const ContentDigest& content) {
  if (absl::Status status = CheckText("request_id", request_id); !status.ok()) return status;
  return Read<std::optional<EnrolmentResult>>(
      [&](SqlSession& session) { return ReadEnrolment(session, request_id, content); });
}

absl::StatusOr<EnrolmentResult> SqlStore::Enrol(const Enrolment& enrolment, const EnrolmentLimits& limits,
                                                const EnrolmentReview* review) {
  if (absl::Status status = CheckTexts(enrolment); !status.ok()) return status;
  return Write<EnrolmentResult>([&](SqlSession& session) -> absl::StatusOr<EnrolmentResult> {
    if (!enrolment.request_id.empty()) {
      absl::StatusOr<std::optional<EnrolmentResult>> earlier =
          ReadEnrolment(session, enrolment.request_id, enrolment.content);
      if (!earlier.ok()) return earlier.status();
      if (earlier->has_value()) return **std::move(earlier);
    }
    if (absl::Status status = CheckModelsOf(session, enrolment, shared()); !status.ok()) return status;
    EnrolmentResult result;
    std::optional<PersonRow> person = ReadPerson(session, enrolment.person_id);
    result.new_person = !person.has_value();
    if (result.new_person) {
      if (limits.persons_by.has_value() && CountPersonsBy(session, enrolment.enrolled_by) >= *limits.persons_by) {
        return QuotaExceeded(*limits.persons_by);
      }
      absl::StatusOr<std::optional<std::string>> key = encryption_.NewPersonKey(session, enrolment.person_id);
      if (!key.ok()) return key.status();
      person = PersonRow{enrolment.create_time, *std::move(key), enrolment.enrolled_by};
      InsertPerson(session, enrolment.person_id, *person);
    }
    const absl::StatusOr<PersonCipher> cipher = encryption_.CipherToAdd(session, enrolment.person_id, person->key);
    if (!cipher.ok()) return cipher.status();
    const int added = static_cast<int>(enrolment.references.size());
    result.reference_count = CountReferences(session, enrolment.person_id) + added;
    if (result.reference_count > limits.references) {
      return MakeError(Reason::TOO_MANY_REFERENCES,
                       absl::StrCat("the person would have ", result.reference_count, " references; at most ",
                                    limits.references, " are allowed"));
    }
    if (review != nullptr) {
      if (absl::Status status = Review(session, *review, enrolment.person_id, *cipher); !status.ok()) return status;
    }
    for (size_t i = 0; i < enrolment.references.size(); ++i) {
      const ReferenceEmbedding& reference = enrolment.references[i];
      const int64_t number = InsertReference(session, *cipher, enrolment, reference);
      if (!enrolment.crops.empty()) {
        InsertCrop(session, *cipher, reference.reference_id, number, enrolment.crops[i]);
      }
      if (!enrolment.also.empty()) {
        for (const Embedding& embedding : enrolment.also[i]) {
          if (!MayBeWritten(session, embedding.model, shared())) continue;
          InsertEmbedding(session, *cipher, {reference.reference_id, embedding}, number);
        }
      }
      result.references.push_back({reference.reference_id, enrolment.create_time, reference.embedding.model});
    }
    if (!enrolment.request_id.empty()) InsertEnrolment(session, enrolment);
    result.revision = Record(session, {ChangeOf(GalleryChange::Kind::kEnrolled, enrolment.person_id)},
                             result.new_person ? 1 : 0, added);
    return result;
  });
}

absl::Status SqlStore::Review(SqlSession& session, const EnrolmentReview& review, absl::string_view person_id,
                              const PersonCipher& cipher) {
  if (review.own) {
    const absl::StatusOr<std::vector<ReferenceEmbedding>> own = ReadEmbeddings(session, cipher, person_id);
    if (!own.ok()) return own.status();
    if (absl::Status status = own->empty() ? absl::OkStatus() : review.own(*own); !status.ok()) return status;
  }
  if (!review.since) return absl::OkStatus();
  int64_t after = review.seen_number;
  if (shared()) {
    // By another server, of references that were there before.
    const std::optional<int64_t> embedded = ReadFirstEmbedded(session, review.seen_revision, review.model);
    if (embedded.has_value()) after = std::min(after, *embedded - 1);
    if (!LogReachesBackTo(session, review.seen_revision)) after = 0;
  }
  while (true) {
    const auto page = ReadEmbeddingsBy(session, encryption_, review.model, after, kReviewedAtOnce);
    if (!page.ok()) return page.status();
    if (page->empty()) return absl::OkStatus();
    if (absl::Status status = review.since(*page); !status.ok()) return status;
    after = page->back().number;
  }
}

absl::StatusOr<int64_t> SqlStore::PersonsEnrolledBy(absl::string_view caller) {
  if (absl::Status status = CheckText("caller", caller); !status.ok()) return status;
  return Read<int64_t>([&](SqlSession& session) -> absl::StatusOr<int64_t> { return CountPersonsBy(session, caller); });
}

absl::StatusOr<std::vector<ReferenceEmbedding>> SqlStore::References(absl::string_view person_id) {
  if (absl::Status status = CheckPersonId(person_id); !status.ok()) return status;
  using References = std::vector<ReferenceEmbedding>;
  return Read<References>([&](SqlSession& session) -> absl::StatusOr<References> {
    const std::optional<PersonRow> person = ReadPerson(session, person_id);
    if (!person.has_value()) return PersonNotFound();
    const absl::StatusOr<PersonCipher> cipher = encryption_.CipherFor(session, person_id, person->key);
    if (!cipher.ok()) return cipher.status();
    return ReadEmbeddings(session, *cipher, person_id);
  });
}

absl::StatusOr<PersonRecord> SqlStore::GetPerson(absl::string_view person_id) {
  if (absl::Status status = CheckPersonId(person_id); !status.ok()) return status;
  return Read<PersonRecord>([&](SqlSession& session) -> absl::StatusOr<PersonRecord> {
    const std::optional<PersonRow> person = ReadPerson(session, person_id);
    if (!person.has_value()) return PersonNotFound();
    return PersonRecord{std::string(person_id), person->create_time, ReadReferences(session, person_id)};
  });
}

absl::StatusOr<std::vector<PersonRecord>> SqlStore::ListPersons(absl::string_view after, int limit) {
  if (absl::Status status = CheckText("page_token", after); !status.ok()) return status;
  using Persons = std::vector<PersonRecord>;
  return Read<Persons>(
      [&](SqlSession& session) -> absl::StatusOr<Persons> { return ReadPersons(session, after, limit); });
}

absl::StatusOr<DeletionResult> SqlStore::DeletePerson(absl::string_view person_id) {
  if (absl::Status status = CheckPersonId(person_id); !status.ok()) return status;
  return Erase<DeletionResult>([&](SqlSession& session) -> absl::StatusOr<DeletionResult> {
    const int references = CountReferences(session, person_id);
    const int64_t number = ReadLastNumber(session, person_id);
    if (RemovePerson(session, person_id) == 0) return PersonNotFound();
    const GalleryChange change = ChangeOf(GalleryChange::Kind::kPersonDeleted, person_id, number);
    return DeletionResult{references, Record(session, {change}, -1, -references), number};
  });
}

absl::StatusOr<DeletionResult> SqlStore::DeleteReference(absl::string_view person_id, absl::string_view reference_id) {
  if (absl::Status status = CheckText("reference_id", reference_id); !status.ok()) return status;
  if (absl::Status status = CheckPersonId(person_id); !status.ok()) return status;
  return Erase<DeletionResult>([&](SqlSession& session) -> absl::StatusOr<DeletionResult> {
    if (!ReadPerson(session, person_id).has_value()) return PersonNotFound();
    const std::optional<int64_t> number = RemoveReference(session, person_id, reference_id);
    if (!number.has_value()) {
      return MakeError(Reason::REFERENCE_NOT_FOUND, "the person has no reference with this id");
    }
    const GalleryChange change = ChangeOf(GalleryChange::Kind::kReferenceDeleted, person_id, *number, reference_id);
    return DeletionResult{CountReferences(session, person_id), Record(session, {change}, 0, -1), *number};
  });
}

absl::StatusOr<PersonData> SqlStore::ReadPersonData(absl::string_view person_id) {
  if (absl::Status status = CheckPersonId(person_id); !status.ok()) return status;
  return Read<PersonData>([&](SqlSession& session) -> absl::StatusOr<PersonData> {
    const std::optional<PersonRow> person = ReadPerson(session, person_id);
    if (!person.has_value()) return PersonNotFound();
    const absl::StatusOr<PersonCipher> cipher = encryption_.CipherFor(session, person_id, person->key);
    if (!cipher.ok()) return cipher.status();
    absl::StatusOr<std::vector<ReferenceEmbedding>> embeddings = ReadEmbeddings(session, *cipher, person_id);
    if (!embeddings.ok()) return embeddings.status();
    absl::StatusOr<std::vector<ReferenceCrop>> crops = ReadCrops(session, *cipher, person_id);
    if (!crops.ok()) return crops.status();
    return PersonData{{std::string(person_id), person->create_time, ReadReferences(session, person_id)},
                      *std::move(embeddings),
                      *std::move(crops),
                      ReadRequestIds(session, person_id),
                      person->enrolled_by};
  });
}

absl::StatusOr<GallerySize> SqlStore::Size() {
  return Read<GallerySize>(
      [](SqlSession& session) -> absl::StatusOr<GallerySize> { return ReadGallery(session).size; });
}

absl::StatusOr<int64_t> SqlStore::AllowModel(const ModelDigest& model) {
  return Write<int64_t>([&](SqlSession& session) -> absl::StatusOr<int64_t> {
    InsertAllowedModel(session, model);
    return RecordModelsChange(session, shared(), GalleryChange::Kind::kAllowList);
  });
}

absl::StatusOr<bool> SqlStore::IsModelAllowed(const ModelDigest& model) {
  return Read<bool>([&](SqlSession& session) -> absl::StatusOr<bool> { return ReadAllowedModel(session, model); });
}

absl::StatusOr<ModelCoverage> SqlStore::Coverage(const ModelDigest& model, const EmbeddingSources& sources) {
  if (absl::Status status = CheckText("kind", sources.crop_kind); !status.ok()) return status;
  return Survey<ModelCoverage>(
      [&](SqlSession& session) -> absl::StatusOr<ModelCoverage> { return ReadCoverage(session, model, sources); });
}

absl::StatusOr<ModelGap> SqlStore::GapOf(const ModelDigest& model) {
  return Survey<ModelGap>([&](SqlSession& session) -> absl::StatusOr<ModelGap> { return ReadGap(session, model); });
}

absl::StatusOr<std::vector<std::string>> SqlStore::PersonsWithoutCrop(const ModelDigest& model,
                                                                      const EmbeddingSources& sources, int limit) {
  if (absl::Status status = CheckText("kind", sources.crop_kind); !status.ok()) return status;
  using Persons = std::vector<std::string>;
  return Survey<Persons>([&](SqlSession& session) -> absl::StatusOr<Persons> {
    return ReadPersonsWithoutCrop(session, model, sources, limit);
  });
}

absl::StatusOr<std::vector<UnembeddedReference>> SqlStore::Unembedded(const ModelDigest& model,
                                                                      const EmbeddingSources& sources, int64_t after,
                                                                      int limit) {
  if (absl::Status status = CheckText("kind", sources.crop_kind); !status.ok()) return status;
  return Survey<std::vector<UnembeddedReference>>(
      [&](SqlSession& session) { return ReadUnembedded(session, encryption_, model, sources, after, limit); });
}

absl::Status SqlStore::AddEmbeddings(absl::Span<const UnembeddedReference> references,
                                     absl::Span<const Embedding> embeddings) {
  return database_->Maintain([&](SqlSession& session) -> absl::Status {
    if (absl::Status may = encryption_.CheckMayWrite(session); !may.ok()) return may;
    // A person's key is read and unwrapped once.
    std::map<absl::string_view, std::vector<size_t>> places_of;
    for (size_t i = 0; i < references.size(); ++i) places_of[references[i].person_id].push_back(i);
    std::vector<GalleryChange> changes;
    for (const auto& [person_id, places] : places_of) {
      const std::optional<PersonRow> person = ReadPerson(session, person_id);
      if (!person.has_value()) continue;
      const absl::StatusOr<PersonCipher> cipher = encryption_.CipherToAdd(session, person_id, person->key);
      if (!cipher.ok()) return cipher.status();
      std::optional<int64_t> first;
      for (const size_t i : places) {
        const UnembeddedReference& reference = references[i];
        if (InsertEmbedding(session, *cipher, {reference.reference_id, embeddings[i]}, reference.number) == 0) continue;
        first = std::min(first.value_or(reference.number), reference.number);
      }
      if (!first.has_value()) continue;
      changes.push_back(ChangeOf(GalleryChange::Kind::kEmbedded, person_id, *first, embeddings.front().model.Hex()));
    }
    if (!changes.empty()) Record(session, changes, 0, 0);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<NumberedEmbedding>> SqlStore::EmbeddingsBy(const ModelDigest& model, int64_t after,
                                                                      int limit) {
  return Read<std::vector<NumberedEmbedding>>(
      [&](SqlSession& session) { return ReadEmbeddingsBy(session, encryption_, model, after, limit); });
}

absl::StatusOr<EmbeddingDeletion> SqlStore::DeleteEmbeddings(const ModelDigest& model) {
  EmbeddingDeletion deletion;
  int64_t after = 0;
  while (true) {
    const absl::StatusOr<std::optional<int64_t>> last = Survey<std::optional<int64_t>>(
        [&](SqlSession& session) { return LastEmbeddedOf(session, model, after, kEmbeddingsAtOnce); });
    if (!last.ok()) return last.status();
    if (!last->has_value()) break;
    const absl::StatusOr<int64_t> removed =
        Purge<int64_t>([&](SqlSession& session) { return RemoveEmbeddings(session, model, after, **last); });
    if (!removed.ok()) return removed.status();
    deletion.embeddings += *removed;
    after = **last;
  }
  const absl::StatusOr<int64_t> revision = Write<int64_t>([&](SqlSession& session) {
    return Record(session, {ModelsChange(GalleryChange::Kind::kUnembedded, model.Hex())}, 0, 0);
  });
  if (!revision.ok()) return revision.status();
  deletion.revision = *revision;
  return deletion;
}

absl::StatusOr<GalleryChanges> SqlStore::ChangesAfter(const GalleryPosition& seen) {
  absl::StatusOr<GalleryChanges> changes =
      Read<GalleryChanges>([&](SqlSession& session) -> absl::StatusOr<GalleryChanges> {
        if (absl::Status may = encryption_.CheckMayFollow(session); !may.ok()) return may;
        const GalleryRow gallery = ReadGallery(session);
        GalleryChanges result;
        result.position = gallery.position;
        result.size = gallery.size;
        if (!shared() || seen.history.empty() || seen == gallery.position) return result;
        // Whether what follows was made of what the reader has seen. Servers of an older version leave no tags.
        const bool same_history = seen.history == gallery.position.history;
        std::optional<std::string> tag;
        if (same_history && seen.revision < gallery.position.revision) tag = ReadTagBefore(session, seen.revision + 1);
        result.complete = tag.has_value() && !tag->empty() && *tag == seen.tag;
        if (!result.complete) {
          result.restored = !same_history || seen.revision >= gallery.position.revision ||
                            (tag.has_value() && !tag->empty() && !seen.tag.empty());
          return result;
        }
        const int64_t last = std::min(gallery.position.revision, seen.revision + kRevisionsAtOnce);
        result.changes = ReadChanges(session, seen.revision, last);
        result.more = last < gallery.position.revision;
        if (result.more) result.position = {seen.history, last, ReadTagBefore(session, last + 1).value_or("")};
        return result;
      });
  if (!changes.ok() || !changes->restored || changes->position.history != seen.history) return changes;
  // Nobody gave the restored gallery a history of its own: the first server to notice does, for everybody.
  const std::string history = RandomId();
  database_
      ->Write([&](SqlSession& session) -> absl::Status {
        if (absl::Status may = encryption_.CheckMayWrite(session); !may.ok()) return may;
        ReplaceHistory(session, seen.history, history);
        changes->position = ReadGallery(session).position;
        return absl::OkStatus();
      })
      .IgnoreError();  // as where the database takes no writes: what was seen is to be forgotten all the same
  return changes;
}

absl::Status SqlStore::ForgetChanges(absl::Duration age) {
  if (!shared()) return absl::OkStatus();
  // Who follows the changes calls this, and is not to be kept from that for long: so much at a time, under the limits
  // of a call, and no turn among the writers for nothing.
  for (int page = 0; page < kForgettingsAtOnce; ++page) {
    const absl::StatusOr<bool> any = Read<bool>([&](SqlSession& session) -> absl::StatusOr<bool> {
      if (absl::Status may = encryption_.CheckMayWrite(session); !may.ok()) return may;
      return HasChangeOlderThan(session, age);
    });
    if (!any.ok() || !*any) return any.status();
    const absl::Status removed = database_->Write([&](SqlSession& session) -> absl::Status {
      if (absl::Status may = encryption_.CheckMayWrite(session); !may.ok()) return may;
      RemoveChangesOlderThan(session, age, kRevisionsAtOnce);
      return absl::OkStatus();
    });
    if (!removed.ok()) return removed;
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyRotation> SqlStore::RotateKeys(absl::string_view after, int limit) {
  return Purge<KeyRotation>([&](SqlSession& session) { return encryption_.RotateKeys(session, after, limit); });
}

absl::StatusOr<KeyRotation> SqlStore::EncryptPersons(absl::string_view after, int limit) {
  // Purge(): what was written before is overwritten.
  return Purge<KeyRotation>([&](SqlSession& session) { return encryption_.EncryptPersons(session, after, limit); });
}

absl::StatusOr<int64_t> SqlStore::PersonsToEncrypt() {
  return Survey<int64_t>([&](SqlSession& session) { return encryption_.PersonsToEncrypt(session); });
}

int64_t SqlStore::Record(SqlSession& session, const std::vector<GalleryChange>& changes, int64_t persons,
                         int64_t references) {
  const int64_t revision = AdvanceRevision(session, persons, references);
  if (shared()) {
    for (const GalleryChange& change : changes) InsertChange(session, revision, change);
  }
  return revision;
}

}  // namespace likeness
