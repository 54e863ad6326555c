#include "server/gallery/sql_store.h"

#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/errors/errors.h"
#include "server/gallery/coordination_rows.h"
#include "server/gallery/gallery_rows.h"
#include "server/gallery/sql_rows.h"

namespace likeness {
namespace {

constexpr int64_t kRevisionsAtOnce = 1000;
constexpr int kPersonsAtOnce = 100;

GalleryChange ChangeOf(GalleryChange::Kind kind, absl::string_view person_id, absl::string_view subject = "") {
  return {kind, PersonKeyOf(person_id), std::string(subject)};
}

GalleryChange ModelsChange() { return {}; }

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
  const absl::Status status = database_->Write([&](SqlSession& session) { return (result = work(session)).status(); });
  return status.ok() ? std::move(result) : status;
}

template <typename Result>
absl::StatusOr<Result> SqlStore::Erase(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work) {
  absl::StatusOr<Result> result;
  const absl::Status status = database_->Erase([&](SqlSession& session) { return (result = work(session)).status(); });
  return status.ok() ? std::move(result) : status;
}

absl::StatusOr<std::unique_ptr<SqlStore>> SqlStore::Open(std::unique_ptr<SqlDatabase> database,
                                                         std::shared_ptr<const Protection> protection) {
  std::unique_ptr<SqlStore> store(new SqlStore(std::move(database), std::move(protection)));
  const absl::StatusOr<GalleryRow> gallery =
      store->Read<GalleryRow>([](SqlSession& session) -> absl::StatusOr<GalleryRow> { return ReadGallery(session); });
  if (!gallery.ok()) return gallery.status();
  if (gallery->encrypted && !store->protection_->encrypts()) {
    return absl::FailedPreconditionError("the gallery is encrypted: its master keys are needed");
  }
  absl::Status status = absl::OkStatus();
  if (gallery->encrypted) status = store->CheckKeys();
  if (!gallery->encrypted && store->protection_->encrypts()) status = store->Encrypt();
  if (!status.ok()) return status;
  return store;
}

absl::Status SqlStore::CheckKeys() {
  return database_->Read([&](SqlSession& session) -> absl::Status {
    for (const SqlRow& row : session.Run("SELECT DISTINCT substr(data_key, 1, 8) FROM person")) {
      const Blob* name = std::get_if<Blob>(&row[0]);
      if (name != nullptr && !protection_->CanRead(name->bytes)) {
        return absl::FailedPreconditionError(
            "the gallery is encrypted with a master key that this server was not given");
      }
    }
    return absl::OkStatus();
  });
}

absl::Status SqlStore::Encrypt() {
  // First, so that a server that does not encrypt is refused from now on.
  absl::Status status = database_->Write([](SqlSession& session) {
    session.Change("UPDATE gallery SET encrypted = 1", {});
    return absl::OkStatus();
  });
  bool more = true;
  while (status.ok() && more) {
    // Erase(): what was written before is overwritten.
    status = database_->Erase([&](SqlSession& session) -> absl::Status {
      const std::vector<SqlRow> rows =
          session.Run("SELECT person_id FROM person WHERE data_key IS NULL LIMIT $1", {int64_t{kPersonsAtOnce}});
      more = !rows.empty();
      for (const SqlRow& row : rows) {
        if (absl::Status person = EncryptPerson(session, std::get<std::string>(row[0])); !person.ok()) return person;
      }
      return absl::OkStatus();
    });
  }
  return status;
}

absl::Status SqlStore::EncryptPerson(SqlSession& session, absl::string_view person_id) {
  const PersonCipher before(std::string(person_id), std::nullopt);
  const std::optional<std::string> key = protection_->NewPersonKey(person_id);
  const absl::StatusOr<PersonCipher> cipher = protection_->CipherFor(person_id, key);
  if (!cipher.ok()) return cipher.status();
  EncryptContents(session, person_id, before, *cipher);
  SetPersonKey(session, person_id, *key);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<EnrolmentResult>> SqlStore::FindEnrolment(absl::string_view request_id,
                                                                       const ContentDigest& content) {
  return Read<std::optional<EnrolmentResult>>(
      [&](SqlSession& session) { return ReadEnrolment(session, request_id, content); });
}

absl::StatusOr<EnrolmentResult> SqlStore::Enrol(const Enrolment& enrolment, const EnrolmentLimits& limits) {
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
      person = PersonRow{enrolment.create_time, protection_->NewPersonKey(enrolment.person_id), enrolment.enrolled_by};
      InsertPerson(session, enrolment.person_id, *person);
    }
    const absl::StatusOr<PersonCipher> cipher = protection_->CipherFor(enrolment.person_id, person->key);
    if (!cipher.ok()) return cipher.status();
    const int added = static_cast<int>(enrolment.references.size());
    result.reference_count = CountReferences(session, enrolment.person_id) + added;
    if (result.reference_count > limits.references) {
      return MakeError(Reason::TOO_MANY_REFERENCES,
                       absl::StrCat("the person would have ", result.reference_count, " references; at most ",
                                    limits.references, " are allowed"));
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

absl::StatusOr<int64_t> SqlStore::PersonsEnrolledBy(absl::string_view caller) {
  return Read<int64_t>([&](SqlSession& session) -> absl::StatusOr<int64_t> { return CountPersonsBy(session, caller); });
}

absl::StatusOr<std::vector<ReferenceEmbedding>> SqlStore::References(absl::string_view person_id) {
  using References = std::vector<ReferenceEmbedding>;
  return Read<References>([&](SqlSession& session) -> absl::StatusOr<References> {
    const std::optional<PersonRow> person = ReadPerson(session, person_id);
    if (!person.has_value()) return PersonNotFound();
    const absl::StatusOr<PersonCipher> cipher = protection_->CipherFor(person_id, person->key);
    if (!cipher.ok()) return cipher.status();
    return ReadEmbeddings(session, *cipher, person_id);
  });
}

absl::StatusOr<PersonRecord> SqlStore::GetPerson(absl::string_view person_id) {
  return Read<PersonRecord>([&](SqlSession& session) -> absl::StatusOr<PersonRecord> {
    const std::optional<PersonRow> person = ReadPerson(session, person_id);
    if (!person.has_value()) return PersonNotFound();
    return PersonRecord{std::string(person_id), person->create_time, ReadReferences(session, person_id)};
  });
}

absl::StatusOr<std::vector<PersonRecord>> SqlStore::ListPersons(absl::string_view after, int limit) {
  using Persons = std::vector<PersonRecord>;
  return Read<Persons>(
      [&](SqlSession& session) -> absl::StatusOr<Persons> { return ReadPersons(session, after, limit); });
}

absl::StatusOr<DeletionResult> SqlStore::DeletePerson(absl::string_view person_id) {
  return Erase<DeletionResult>([&](SqlSession& session) -> absl::StatusOr<DeletionResult> {
    const int references = CountReferences(session, person_id);
    if (RemovePerson(session, person_id) == 0) return PersonNotFound();
    return DeletionResult{references,
                          Record(session, {ChangeOf(GalleryChange::Kind::kPersonDeleted, person_id)}, -1, -references)};
  });
}

absl::StatusOr<DeletionResult> SqlStore::DeleteReference(absl::string_view person_id, absl::string_view reference_id) {
  return Erase<DeletionResult>([&](SqlSession& session) -> absl::StatusOr<DeletionResult> {
    if (!ReadPerson(session, person_id).has_value()) return PersonNotFound();
    if (RemoveReference(session, person_id, reference_id) == 0) {
      return MakeError(Reason::REFERENCE_NOT_FOUND, "the person has no reference with this id");
    }
    const GalleryChange change = ChangeOf(GalleryChange::Kind::kReferenceDeleted, person_id, reference_id);
    return DeletionResult{CountReferences(session, person_id), Record(session, {change}, 0, -1)};
  });
}

absl::StatusOr<PersonData> SqlStore::ReadPersonData(absl::string_view person_id) {
  return Read<PersonData>([&](SqlSession& session) -> absl::StatusOr<PersonData> {
    const std::optional<PersonRow> person = ReadPerson(session, person_id);
    if (!person.has_value()) return PersonNotFound();
    const absl::StatusOr<PersonCipher> cipher = protection_->CipherFor(person_id, person->key);
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
    return RecordModelsChange(session, shared());
  });
}

absl::StatusOr<bool> SqlStore::IsModelAllowed(const ModelDigest& model) {
  return Read<bool>([&](SqlSession& session) -> absl::StatusOr<bool> { return ReadAllowedModel(session, model); });
}

absl::StatusOr<ModelCoverage> SqlStore::Coverage(const ModelDigest& model, const EmbeddingSources& sources) {
  return Read<ModelCoverage>(
      [&](SqlSession& session) -> absl::StatusOr<ModelCoverage> { return ReadCoverage(session, model, sources); });
}

absl::StatusOr<std::vector<std::string>> SqlStore::PersonsWithoutCrop(const ModelDigest& model,
                                                                      const EmbeddingSources& sources, int limit) {
  using Persons = std::vector<std::string>;
  return Read<Persons>([&](SqlSession& session) -> absl::StatusOr<Persons> {
    return ReadPersonsWithoutCrop(session, model, sources, limit);
  });
}

absl::StatusOr<std::vector<UnembeddedReference>> SqlStore::Unembedded(const ModelDigest& model,
                                                                      const EmbeddingSources& sources, int64_t after,
                                                                      int limit) {
  return Read<std::vector<UnembeddedReference>>(
      [&](SqlSession& session) { return ReadUnembedded(session, *protection_, model, sources, after, limit); });
}

absl::Status SqlStore::AddEmbeddings(absl::Span<const UnembeddedReference> references,
                                     absl::Span<const Embedding> embeddings) {
  return database_->Write([&](SqlSession& session) -> absl::Status {
    // A person's key is read and unwrapped once.
    std::map<absl::string_view, std::vector<size_t>> places_of;
    for (size_t i = 0; i < references.size(); ++i) places_of[references[i].person_id].push_back(i);
    std::vector<GalleryChange> changes;
    for (const auto& [person_id, places] : places_of) {
      const std::optional<PersonRow> person = ReadPerson(session, person_id);
      if (!person.has_value()) continue;
      const absl::StatusOr<PersonCipher> cipher = protection_->CipherFor(person_id, person->key);
      if (!cipher.ok()) return cipher.status();
      int64_t added = 0;
      for (const size_t i : places) {
        added += InsertEmbedding(session, *cipher, {references[i].reference_id, embeddings[i]}, references[i].number);
      }
      if (added == 0) continue;
      changes.push_back(ChangeOf(GalleryChange::Kind::kEmbedded, person_id, embeddings.front().model.Hex()));
    }
    if (!changes.empty()) Record(session, changes, 0, 0);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<NumberedEmbedding>> SqlStore::EmbeddingsBy(const ModelDigest& model, int64_t after,
                                                                      int limit) {
  return Read<std::vector<NumberedEmbedding>>(
      [&](SqlSession& session) { return ReadEmbeddingsBy(session, *protection_, model, after, limit); });
}

absl::StatusOr<EmbeddingDeletion> SqlStore::DeleteEmbeddings(const ModelDigest& model) {
  return Erase<EmbeddingDeletion>([&](SqlSession& session) -> absl::StatusOr<EmbeddingDeletion> {
    const int64_t removed = RemoveEmbeddings(session, model);
    return EmbeddingDeletion{removed, Record(session, {ModelsChange()}, 0, 0)};
  });
}

absl::StatusOr<GalleryChanges> SqlStore::ChangesAfter(int64_t revision) {
  return Read<GalleryChanges>([&](SqlSession& session) -> absl::StatusOr<GalleryChanges> {
    const GalleryRow gallery = ReadGallery(session);
    GalleryChanges result;
    result.revision = gallery.revision;
    result.size = gallery.size;
    if (!shared() || revision == gallery.revision) return result;
    const int64_t last = std::min(gallery.revision, revision + kRevisionsAtOnce);
    int64_t first = 0;
    result.changes = ReadChanges(session, revision, last, first);
    // A revision that has gone back is another gallery's, or a restored one.
    result.complete = revision < gallery.revision && first != 0 && first <= revision + 1;
    if (result.complete) {
      result.revision = last;
      result.more = last < gallery.revision;
    } else {
      result.changes.clear();
    }
    return result;
  });
}

absl::Status SqlStore::ForgetChanges(absl::Duration age) {
  if (!shared()) return absl::OkStatus();
  return database_->Write([&](SqlSession& session) {
    RemoveChangesBefore(session, absl::Now() - age);
    return absl::OkStatus();
  });
}

absl::StatusOr<KeyRotation> SqlStore::RotateKeys(absl::string_view after, int limit) {
  return Erase<KeyRotation>([&](SqlSession& session) -> absl::StatusOr<KeyRotation> {
    KeyRotation rotation;
    for (const auto& [person_id, key] : ReadPersonKeys(session, after, limit)) {
      rotation.last = person_id;
      ++rotation.seen;
      const absl::StatusOr<std::optional<std::string>> rewrapped = protection_->Rewrap(person_id, key);
      if (!rewrapped.ok()) return rewrapped.status();
      if (!rewrapped->has_value()) continue;
      SetPersonKey(session, person_id, **rewrapped);
      ++rotation.changed;
    }
    return rotation;
  });
}

int64_t SqlStore::Record(SqlSession& session, const std::vector<GalleryChange>& changes, int64_t persons,
                         int64_t references) {
  const int64_t revision = AdvanceRevision(session, persons, references);
  if (shared()) {
    const absl::Time now = absl::Now();
    for (const GalleryChange& change : changes) InsertChange(session, revision, change, now);
  }
  return revision;
}

}  // namespace likeness
