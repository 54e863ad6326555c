// The gallery in a database that speaks SQL.
#ifndef LIKENESS_SERVER_GALLERY_SQL_STORE_H_
#define LIKENESS_SERVER_GALLERY_SQL_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "server/gallery/sql.h"
#include "server/gallery/sql_coordination.h"
#include "server/gallery/sql_encryption.h"
#include "server/gallery/sql_mismatches.h"
#include "server/gallery/store.h"
#include "server/protection/protection.h"

namespace likeness {

// Thread-safe, as its database is. What is kept of faces goes through its Protection.
class SqlStore : public Store {
 public:
  // With a Protection that encrypts, a gallery that was not encrypted so far is one that is being encrypted from then
  // on: whoever is in it can be read, and is encrypted by EncryptPersons() or before anything is added.
  // FAILED_PRECONDITION when the gallery is encrypted and the Protection does not, or has not the master keys for it;
  // STORE_FAILED.
  static absl::StatusOr<std::unique_ptr<SqlStore>> Open(std::unique_ptr<SqlDatabase> database,
                                                        std::shared_ptr<const Protection> protection);

  absl::StatusOr<std::optional<EnrolmentResult>> FindEnrolment(absl::string_view request_id,
                                                               const ContentDigest& content) override;
  absl::StatusOr<EnrolmentResult> Enrol(const Enrolment& enrolment, const EnrolmentLimits& limits,
                                        const EnrolmentReview* review = nullptr) override;
  absl::StatusOr<int64_t> PersonsEnrolledBy(absl::string_view caller) override;
  absl::StatusOr<std::vector<ReferenceEmbedding>> References(absl::string_view person_id) override;
  absl::StatusOr<PersonRecord> GetPerson(absl::string_view person_id) override;
  absl::StatusOr<std::vector<PersonRecord>> ListPersons(absl::string_view after, int limit) override;
  absl::StatusOr<DeletionResult> DeletePerson(absl::string_view person_id) override;
  absl::StatusOr<DeletionResult> DeleteReference(absl::string_view person_id, absl::string_view reference_id) override;
  absl::StatusOr<PersonData> ReadPersonData(absl::string_view person_id) override;
  absl::StatusOr<GallerySize> Size() override;
  Coordination& coordination() override { return coordination_; }
  MismatchLedger& mismatches() override { return mismatches_; }
  absl::StatusOr<int64_t> AllowModel(const ModelDigest& model) override;
  absl::StatusOr<bool> IsModelAllowed(const ModelDigest& model) override;
  absl::StatusOr<ModelCoverage> Coverage(const ModelDigest& model, const EmbeddingSources& sources) override;
  absl::StatusOr<ModelGap> GapOf(const ModelDigest& model) override;
  absl::StatusOr<std::vector<std::string>> PersonsWithoutCrop(const ModelDigest& model, const EmbeddingSources& sources,
                                                              int limit) override;
  absl::StatusOr<std::vector<UnembeddedReference>> Unembedded(const ModelDigest& model, const EmbeddingSources& sources,
                                                              int64_t after, int limit) override;
  absl::Status AddEmbeddings(absl::Span<const UnembeddedReference> references,
                             absl::Span<const Embedding> embeddings) override;
  absl::StatusOr<std::vector<NumberedEmbedding>> EmbeddingsBy(const ModelDigest& model, int64_t after,
                                                              int limit) override;
  absl::StatusOr<EmbeddingDeletion> DeleteEmbeddings(const ModelDigest& model) override;
  absl::StatusOr<GalleryChanges> ChangesAfter(const GalleryPosition& seen) override;
  bool intact() const override { return database_->intact(); }
  bool shared() const override { return database_->shared(); }
  void AwaitChange(absl::Duration limit) override { database_->AwaitChange(limit); }
  absl::Status ForgetChanges(absl::Duration age) override;
  absl::StatusOr<KeyRotation> RotateKeys(absl::string_view after, int limit) override;
  absl::StatusOr<KeyRotation> EncryptPersons(absl::string_view after, int limit) override;
  absl::StatusOr<int64_t> PersonsToEncrypt() override;
  UnfinishedProtection found_unfinished() const override { return encryption_.unfinished(); }

 private:
  SqlStore(std::unique_ptr<SqlDatabase> database, std::shared_ptr<const Protection> protection)
      : database_(std::move(database)),
        encryption_(std::move(protection)),
        coordination_(*database_, [this](SqlSession& session) { return encryption_.CheckMayWrite(session); }) {}

  // The database's methods of such names, for work with a result. Those that write ask first whether they may.
  template <typename Result>
  absl::StatusOr<Result> Read(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work);
  template <typename Result>
  absl::StatusOr<Result> Write(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work);
  template <typename Result>
  absl::StatusOr<Result> Erase(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work);
  template <typename Result>
  absl::StatusOr<Result> Survey(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work);
  template <typename Result>
  absl::StatusOr<Result> Purge(absl::FunctionRef<absl::StatusOr<Result>(SqlSession&)> work);

  // Asks the review, in the transaction that writes the enrolment.
  absl::Status Review(SqlSession& session, const EnrolmentReview& review, absl::string_view person_id,
                      const PersonCipher& cipher);
  // Makes a new revision of one or more changes, which differ in persons and references only; returns it.
  int64_t Record(SqlSession& session, const std::vector<GalleryChange>& changes, int64_t persons, int64_t references);

  const std::unique_ptr<SqlDatabase> database_;
  SqlEncryption encryption_;
  SqlCoordination coordination_;
  SqlMismatches mismatches_{*database_};
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQL_STORE_H_
