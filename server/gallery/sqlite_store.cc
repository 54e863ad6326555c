#include "server/gallery/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/gallery/sqlite_connection.h"
#include "server/gallery/sqlite_rows.h"

namespace likeness {
namespace {

// SQLite would let everybody read a new file. Its -wal and -shm files get the same permissions as the gallery.
void CreateForOwnerOnly(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor >= 0) close(descriptor);
}

}  // namespace

// Held as long as the store: two servers on one file would each answer from a cache that the other makes stale. The
// kernel lets go of it when the process ends, however it ends.
class SqliteStore::FileLock {
 public:
  explicit FileLock(const std::string& path) : descriptor_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {}
  ~FileLock() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool Exists() const { return descriptor_ >= 0; }
  bool Acquire() const { return flock(descriptor_, LOCK_EX | LOCK_NB) == 0; }

 private:
  const int descriptor_;
};

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::string& path) {
  const auto wrong = [&path](absl::string_view why) {
    return absl::FailedPreconditionError(absl::StrCat("gallery ", path, ": ", why));
  };
  try {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    // Beside the file itself, whatever symbolic link led here.
    auto lock = std::make_unique<FileLock>(std::filesystem::weakly_canonical(path).string() + ".lock");
    if (!lock->Exists()) return wrong("its folder cannot be written to");
    if (!lock->Acquire()) return wrong("another server has it open");
    CreateForOwnerOnly(path);
    auto writer = std::make_unique<SqliteConnection>(path);
    Migrate(writer->database());
    return std::unique_ptr<SqliteStore>(new SqliteStore(path, std::move(lock), std::move(writer)));
  } catch (const std::exception& error) {
    return wrong(error.what());
  }
}

SqliteStore::SqliteStore(std::string path, std::unique_ptr<FileLock> lock, std::unique_ptr<SqliteConnection> writer)
    : path_(std::move(path)), lock_(std::move(lock)), writer_(std::move(writer)) {}

SqliteStore::~SqliteStore() = default;

std::unique_ptr<SqliteConnection> SqliteStore::TakeReader() {
  {
    absl::MutexLock lock(&readers_mutex_);
    if (!idle_readers_.empty()) {
      std::unique_ptr<SqliteConnection> reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return reader;
    }
  }
  return std::make_unique<SqliteConnection>(path_);
}

void SqliteStore::ReturnReader(std::unique_ptr<SqliteConnection> reader) {
  reader->ResetStatements();
  absl::MutexLock lock(&readers_mutex_);
  idle_readers_.push_back(std::move(reader));
}

template <typename Result, typename Work>
absl::StatusOr<Result> SqliteStore::Read(Work work) {
  try {
    std::unique_ptr<SqliteConnection> reader = TakeReader();
    absl::StatusOr<Result> result = [&]() -> absl::StatusOr<Result> {
      // One transaction, so that several statements see one state of the gallery.
      SQLite::Transaction transaction(reader->database(), SQLite::TransactionBehavior::DEFERRED);
      absl::StatusOr<Result> read = work(*reader);
      reader->ResetStatements();
      transaction.commit();
      return read;
    }();
    ReturnReader(std::move(reader));
    return result;
  } catch (const std::exception& error) {
    return MakeError(Reason::STORE_FAILED, absl::StrCat("the gallery cannot be read: ", error.what()));
  }
}

template <typename Result, typename Work>
absl::StatusOr<Result> SqliteStore::Write(Work work) {
  absl::MutexLock lock(&writer_mutex_);
  try {
    SQLite::Transaction transaction(writer_->database(), SQLite::TransactionBehavior::IMMEDIATE);
    absl::StatusOr<Result> result = work(*writer_);
    writer_->ResetStatements();
    if (result.ok()) transaction.commit();
    return result;
  } catch (const std::exception& error) {
    writer_->ResetStatements();
    return MakeError(Reason::STORE_FAILED, absl::StrCat("the gallery cannot be written: ", error.what()));
  }
}

template <typename Result, typename Work>
absl::StatusOr<Result> SqliteStore::Erase(Work work) {
  absl::StatusOr<Result> result = Write<Result>(std::move(work));
  if (!result.ok()) return result;
  absl::MutexLock lock(&writer_mutex_);
  try {
    // secure_delete overwrites the rows' pages in the file itself, but the log still has the pages as they were
    // written. Waits for readers, which take milliseconds; where it fails, the next deletion or the end of the server
    // does it.
    SQLite::Statement truncate(writer_->database(), "PRAGMA wal_checkpoint(TRUNCATE)");
    truncate.executeStep();
  } catch (const std::exception&) {
    // The deletion itself is on disk.
  }
  return result;
}

absl::StatusOr<std::optional<EnrolmentResult>> SqliteStore::FindEnrolment(absl::string_view request_id,
                                                                          const ContentDigest& content) {
  return Read<std::optional<EnrolmentResult>>(
      [&](SqliteConnection& connection) { return ReadEnrolment(connection, request_id, content); });
}

absl::StatusOr<EnrolmentResult> SqliteStore::Enrol(const Enrolment& enrolment, int max_references) {
  return Write<EnrolmentResult>([&](SqliteConnection& connection) -> absl::StatusOr<EnrolmentResult> {
    if (!enrolment.request_id.empty()) {
      absl::StatusOr<std::optional<EnrolmentResult>> earlier =
          ReadEnrolment(connection, enrolment.request_id, enrolment.content);
      if (!earlier.ok()) return earlier.status();
      if (earlier->has_value()) return **std::move(earlier);
    }
    EnrolmentResult result;
    result.new_person = !PersonExists(connection, enrolment.person_id);
    if (result.new_person) InsertPerson(connection, enrolment);
    result.reference_count =
        CountReferences(connection, enrolment.person_id) + static_cast<int>(enrolment.references.size());
    if (result.reference_count > max_references) {
      return MakeError(Reason::TOO_MANY_REFERENCES,
                       absl::StrCat("the person would have ", result.reference_count, " references; at most ",
                                    max_references, " are allowed"));
    }
    for (size_t i = 0; i < enrolment.references.size(); ++i) {
      const ReferenceEmbedding& reference = enrolment.references[i];
      const int64_t number = InsertReference(connection, enrolment, reference);
      if (!enrolment.crops.empty()) InsertCrop(connection, enrolment, reference, number, enrolment.crops[i]);
      result.references.push_back({reference.reference_id, enrolment.create_time, reference.embedding.model});
    }
    if (!enrolment.request_id.empty()) InsertEnrolment(connection, enrolment);
    return result;
  });
}

absl::StatusOr<std::vector<ReferenceEmbedding>> SqliteStore::References(absl::string_view person_id) {
  using References = std::vector<ReferenceEmbedding>;
  return Read<References>([&](SqliteConnection& connection) -> absl::StatusOr<References> {
    if (!PersonExists(connection, person_id)) return PersonNotFound();
    return ReadEmbeddings(connection, person_id);
  });
}

absl::StatusOr<PersonRecord> SqliteStore::GetPerson(absl::string_view person_id) {
  return Read<PersonRecord>([&](SqliteConnection& connection) -> absl::StatusOr<PersonRecord> {
    SQLite::Statement& select = connection.Prepared("SELECT create_time FROM person WHERE person_id = ?");
    BindText(select, 1, person_id);
    if (!select.executeStep()) return PersonNotFound();
    return PersonRecord{std::string(person_id), TimeColumn(select, 0), ReadReferences(connection, person_id)};
  });
}

absl::StatusOr<std::vector<PersonRecord>> SqliteStore::ListPersons(absl::string_view after, int limit) {
  using Persons = std::vector<PersonRecord>;
  return Read<Persons>([&](SqliteConnection& connection) -> absl::StatusOr<Persons> {
    SQLite::Statement& select =
        connection.Prepared("SELECT person_id, create_time FROM person WHERE person_id > ? ORDER BY person_id LIMIT ?");
    BindText(select, 1, after);
    select.bind(2, limit);
    Persons persons;
    while (select.executeStep()) persons.push_back({select.getColumn(0).getString(), TimeColumn(select, 1), {}});
    for (PersonRecord& person : persons) person.references = ReadReferences(connection, person.person_id);
    return persons;
  });
}

absl::StatusOr<int> SqliteStore::DeletePerson(absl::string_view person_id) {
  return Erase<int>([&](SqliteConnection& connection) -> absl::StatusOr<int> {
    const int references = CountReferences(connection, person_id);
    SQLite::Statement& remove = connection.Prepared("DELETE FROM person WHERE person_id = ?");
    BindText(remove, 1, person_id);
    if (remove.exec() == 0) return PersonNotFound();
    return references;
  });
}

absl::StatusOr<int> SqliteStore::DeleteReference(absl::string_view person_id, absl::string_view reference_id) {
  return Erase<int>([&](SqliteConnection& connection) -> absl::StatusOr<int> {
    if (!PersonExists(connection, person_id)) return PersonNotFound();
    SQLite::Statement& remove =
        connection.Prepared("DELETE FROM face_reference WHERE person_id = ? AND reference_id = ?");
    BindText(remove, 1, person_id);
    BindText(remove, 2, reference_id);
    if (remove.exec() == 0) {
      return MakeError(Reason::REFERENCE_NOT_FOUND, "the person has no reference with this id");
    }
    return CountReferences(connection, person_id);
  });
}

absl::StatusOr<GallerySize> SqliteStore::Size() {
  return Read<GallerySize>([&](SqliteConnection& connection) -> absl::StatusOr<GallerySize> {
    SQLite::Statement& select = connection.Prepared("SELECT persons, face_references FROM gallery_size");
    select.executeStep();
    return GallerySize{select.getColumn(0).getInt64(), select.getColumn(1).getInt64()};
  });
}

absl::StatusOr<ModelChoice> SqliteStore::ReadModelChoice() {
  return Read<ModelChoice>([&](SqliteConnection& connection) -> absl::StatusOr<ModelChoice> {
    SQLite::Statement& select = connection.Prepared("SELECT active, target, leave_behind FROM model_choice");
    select.executeStep();
    return ModelChoice{OptionalDigestColumn(select, 0), OptionalDigestColumn(select, 1),
                       select.getColumn(2).getInt() != 0};
  });
}

absl::Status SqliteStore::SetModelChoice(const ModelChoice& choice) {
  return Write<int>([&](SqliteConnection& connection) -> absl::StatusOr<int> {
           SQLite::Statement& update =
               connection.Prepared("UPDATE model_choice SET active = ?, target = ?, leave_behind = ?");
           BindDigest(update, 1, choice.active);
           BindDigest(update, 2, choice.target);
           update.bind(3, choice.leave_behind ? 1 : 0);
           return update.exec();
         })
      .status();
}

absl::StatusOr<ModelCoverage> SqliteStore::Coverage(const ModelDigest& model, absl::string_view crop_kind) {
  return Read<ModelCoverage>([&](SqliteConnection& connection) { return ReadCoverage(connection, model, crop_kind); });
}

absl::StatusOr<std::vector<std::string>> SqliteStore::PersonsWithoutCrop(const ModelDigest& model,
                                                                         absl::string_view crop_kind, int limit) {
  return Read<std::vector<std::string>>(
      [&](SqliteConnection& connection) { return ReadPersonsWithoutCrop(connection, model, crop_kind, limit); });
}

absl::StatusOr<std::vector<UnembeddedReference>> SqliteStore::Unembedded(const ModelDigest& model,
                                                                         absl::string_view crop_kind, int64_t after,
                                                                         int limit) {
  return Read<std::vector<UnembeddedReference>>(
      [&](SqliteConnection& connection) { return ReadUnembedded(connection, model, crop_kind, after, limit); });
}

absl::Status SqliteStore::AddEmbeddings(absl::Span<const UnembeddedReference> references,
                                        absl::Span<const Embedding> embeddings) {
  return Write<int>([&](SqliteConnection& connection) -> absl::StatusOr<int> {
           for (size_t i = 0; i < references.size(); ++i) {
             InsertEmbedding(connection, references[i].person_id, {references[i].reference_id, embeddings[i]},
                             references[i].number);
           }
           return 0;
         })
      .status();
}

absl::StatusOr<std::vector<NumberedEmbedding>> SqliteStore::EmbeddingsBy(const ModelDigest& model, int64_t after,
                                                                         int limit) {
  return Read<std::vector<NumberedEmbedding>>(
      [&](SqliteConnection& connection) { return ReadEmbeddingsBy(connection, model, after, limit); });
}

absl::StatusOr<int64_t> SqliteStore::DeleteEmbeddings(const ModelDigest& model) {
  return Erase<int64_t>([&](SqliteConnection& connection) -> absl::StatusOr<int64_t> {
    SQLite::Statement& remove = connection.Prepared("DELETE FROM embedding WHERE model_digest = ?");
    BindDigest(remove, 1, model);
    return remove.exec();
  });
}

}  // namespace likeness
