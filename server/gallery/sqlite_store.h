// The gallery in one SQLite file.
#ifndef LIKENESS_SERVER_GALLERY_SQLITE_STORE_H_
#define LIKENESS_SERVER_GALLERY_SQLITE_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/gallery/store.h"

namespace likeness {

class SqliteConnection;

// Thread-safe. Writers take turns on one connection; readers have connections of their own and never wait for a writer.
// The schema is documented in sqlite_connection.cc.
class SqliteStore : public Store {
 public:
  // Opens or creates the file, with its folder. A gallery belongs to one server at a time: FAILED_PRECONDITION when
  // another one has it open, when the file is not a gallery, or when it comes from a newer version.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const std::string& path);
  ~SqliteStore() override;

  absl::StatusOr<std::optional<EnrolmentResult>> FindEnrolment(absl::string_view request_id,
                                                               const ContentDigest& content) override;
  absl::StatusOr<EnrolmentResult> Enrol(const Enrolment& enrolment, int max_references) override;
  absl::StatusOr<std::vector<ReferenceEmbedding>> References(absl::string_view person_id) override;
  absl::StatusOr<PersonRecord> GetPerson(absl::string_view person_id) override;
  absl::StatusOr<std::vector<PersonRecord>> ListPersons(absl::string_view after, int limit) override;
  absl::StatusOr<int> DeletePerson(absl::string_view person_id) override;
  absl::StatusOr<int> DeleteReference(absl::string_view person_id, absl::string_view reference_id) override;
  absl::StatusOr<GallerySize> Size() override;
  absl::StatusOr<ModelChoice> ReadModelChoice() override;
  absl::Status SetModelChoice(const ModelChoice& choice) override;
  absl::StatusOr<ModelCoverage> Coverage(const ModelDigest& model, absl::string_view crop_kind) override;
  absl::StatusOr<std::vector<std::string>> PersonsWithoutCrop(const ModelDigest& model, absl::string_view crop_kind,
                                                              int limit) override;
  absl::StatusOr<std::vector<UnembeddedReference>> Unembedded(const ModelDigest& model, absl::string_view crop_kind,
                                                              int64_t after, int limit) override;
  absl::Status AddEmbeddings(absl::Span<const UnembeddedReference> references,
                             absl::Span<const Embedding> embeddings) override;
  absl::StatusOr<std::vector<NumberedEmbedding>> EmbeddingsBy(const ModelDigest& model, int64_t after,
                                                              int limit) override;
  absl::StatusOr<int64_t> DeleteEmbeddings(const ModelDigest& model) override;

 private:
  class FileLock;

  SqliteStore(std::string path, std::unique_ptr<FileLock> lock, std::unique_ptr<SqliteConnection> writer);

  // Runs `work` on a reader's connection, or on the writer's inside a transaction that is committed when `work` returns
  // OK. Exceptions become STORE_FAILED.
  template <typename Result, typename Work>
  absl::StatusOr<Result> Read(Work work);
  template <typename Result, typename Work>
  absl::StatusOr<Result> Write(Work work);
  // As Write(), for work that deletes: what is deleted is gone from the write-ahead log too.
  template <typename Result, typename Work>
  absl::StatusOr<Result> Erase(Work work);

  std::unique_ptr<SqliteConnection> TakeReader();
  void ReturnReader(std::unique_ptr<SqliteConnection> reader);

  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
  absl::Mutex writer_mutex_;
  std::unique_ptr<SqliteConnection> writer_ ABSL_GUARDED_BY(writer_mutex_);
  absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_readers_ ABSL_GUARDED_BY(readers_mutex_);
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQLITE_STORE_H_
