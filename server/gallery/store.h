// Where enrolled persons are kept: the interface that every store implements.
//
// Photos are never stored: only embeddings, each stamped with the digest of the model that made it, and, where the
// server is told to keep them, the aligned crops of faces, so that another model can embed them anew.
#ifndef LIKENESS_SERVER_GALLERY_STORE_H_
#define LIKENESS_SERVER_GALLERY_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/access/mismatch_ledger.h"
#include "server/gallery/coordination.h"
#include "server/hashing/person_key.h"
#include "server/hashing/sha256.h"
#include "server/verification/embedding.h"

namespace likeness {

// What is known of a reference without its embedding.
struct ReferenceRecord {
  std::string reference_id;  // 32 lower-case hex digits
  absl::Time create_time;
  ModelDigest model;
};

struct PersonRecord {
  std::string person_id;
  absl::Time create_time;
  std::vector<ReferenceRecord> references;  // oldest first
};

// The aligned crop that a reference was made from.
struct KeptCrop {
  std::string kind;     // which models can embed it, for example "arcface112"; not empty
  std::string picture;  // an image file
};

// SHA-256 over what an enrolment was asked to do: tells a repeated request from another one with the same request_id.
using ContentDigest = Sha256Digest;

struct Enrolment {
  std::string person_id;
  std::string request_id;  // empty: not to be remembered
  ContentDigest content{};
  std::vector<ReferenceEmbedding> references;  // all of one model
  absl::Time create_time;
  std::vector<KeptCrop> crops = {};  // none, or one for each reference
  std::string enrolled_by = {};      // the caller's name; may be empty
  // The references' embeddings by further models, by which other servers answer or will: none, or for each reference
  // one by each of these models.
  std::vector<std::vector<Embedding>> also = {};
  std::vector<ModelDigest> lacking = {};  // models that the server which enrols cannot embed by
};

// How much there may be. An enrolment that would make more of it changes nothing.
struct EnrolmentLimits {
  int references = 64;                     // of the person
  std::optional<int64_t> persons_by = {};  // whom the caller has enrolled
};

struct EnrolmentResult {
  std::vector<ReferenceRecord> references;  // as first answered, when replayed
  int reference_count = 0;                  // of the person, now
  bool replayed = false;
  bool new_person = false;
  int64_t revision = 0;  // of the gallery, with the enrolment in it
};

struct DeletionResult {
  int references = 0;    // of a deleted person; or that the person has left
  int64_t revision = 0;  // of the gallery, after the deletion
  int64_t number = 0;    // of the deleted reference; or the highest of the deleted person's, 0 for none
};

// What the deletion of a model's embeddings did.
struct EmbeddingDeletion {
  int64_t embeddings = 0;
  int64_t revision = 0;  // of the gallery, after the deletion
};

// A reference's kept crop.
struct ReferenceCrop {
  std::string reference_id;
  KeptCrop crop;
};

// All that is held on a person.
struct PersonData {
  PersonRecord person;
  std::vector<ReferenceEmbedding> embeddings;  // oldest reference first, one entry for each model
  std::vector<ReferenceCrop> crops;
  std::vector<std::string> request_ids;  // of remembered enrolments
  std::string enrolled_by;               // the name of the caller who enrolled the person first; may be empty
};

struct GallerySize {
  int64_t persons = 0;
  int64_t references = 0;
};

// What a reference's embedding by a model can be made from.
struct EmbeddingSources {
  std::string crop_kind;                        // of the crops that the model takes
  std::optional<ModelDigest> mapped_from = {};  // whose embeddings become the model's own without a network
};

// A reference without an embedding by some model, and what it can be made from: one of the two. Neither where what is
// stored, or the key of its person, is damaged.
struct UnembeddedReference {
  int64_t number = 0;  // the store's own, ascending in the order of enrolment
  std::string person_id;
  std::string reference_id;
  std::string picture;             // its kept crop
  std::vector<float> values = {};  // its embedding by EmbeddingSources::mapped_from
};

// A reference's embedding by some model.
struct NumberedEmbedding {
  int64_t number = 0;  // of the reference: the store's own, ascending in the order of enrolment, never used again
  std::string person_id;
  std::string reference_id;
  std::vector<float> values;  // empty where what is stored is damaged
};

// What speaks against an enrolment was looked for in memory, which may lag behind. A store asks once more for what has
// changed since, in the transaction that writes the enrolment, and changes nothing where that returns an error. Both
// functions may be called several times, as the transaction may be, and must not use the store.
struct EnrolmentReview {
  ModelDigest model;  // by whose embeddings
  // Up to which reference the embeddings of everybody were looked at, in a gallery that was seen up to which revision.
  int64_t seen_number = 0;
  int64_t seen_revision = 0;
  // Given the person's own references, where there are some; none: they do not matter.
  std::function<absl::Status(const std::vector<ReferenceEmbedding>& own)> own = nullptr;
  // Given references, of anybody, that came since, or were embedded by the model since; none: they do not matter.
  std::function<absl::Status(const std::vector<NumberedEmbedding>& since)> since = nullptr;
};

// How much of the gallery a model can answer for.
struct ModelCoverage {
  int64_t references = 0;  // all
  int64_t embedded = 0;    // with an embedding by the model
  int64_t embeddable = 0;  // without, but with something that one can be made from
  int64_t last = 0;        // the highest number of a reference
};

// Whom a model cannot answer for.
struct ModelGap {
  int64_t persons = 0;                          // who have references, but none with an embedding by the model
  int64_t references = 0;                       // without one, also of other persons
  std::optional<ModelDigest> enrolled_by = {};  // where there are such persons: by which most embeddings are
};

// What a revision of the gallery changed.
struct GalleryChange {
  enum class Kind : int64_t {
    kEnrolled = 1,          // references of a person were added
    kPersonDeleted = 2,     // with all references
    kReferenceDeleted = 3,  // one of a person
    kEmbedded = 4,          // references of a person by another model
    kModels = 5,            // which model answers
    kUnembedded = 6,        // all embeddings by a model were deleted
    kAllowList = 7,         // which models may be activated
  };
  // Where a server of an earlier version made the change.
  static constexpr int64_t kUnknownNumber = -1;

  Kind kind = Kind::kModels;
  PersonKey person{};   // of the first four
  std::string subject;  // kReferenceDeleted: the reference_id. kEmbedded and kUnembedded: the model's digest, as Hex()
  // Of references: kPersonDeleted: the highest that the person had, 0 for none, so that one who was enrolled again is
  // told from the one before. kReferenceDeleted: its own. kEmbedded: the lowest.
  int64_t number = 0;

  friend bool operator==(const GalleryChange&, const GalleryChange&) = default;
};

// A state of the gallery. A revision's number alone does not name it: where a backup is put back, the same numbers are
// gone through again with other people.
struct GalleryPosition {
  std::string history;  // a new one for each gallery, each restore, and wherever the line of revisions breaks
  int64_t revision = 0;
  std::string tag;  // random, of this revision

  friend bool operator==(const GalleryPosition&, const GalleryPosition&) = default;
};

// The changes up to a position.
struct GalleryChanges {
  GalleryPosition position;
  bool more = false;  // whether there are later revisions
  GallerySize size;   // at the last of them
  // Whether the log leads from where the reader was to the position. The reader must forget everything otherwise.
  bool complete = true;
  // Whether that is because the gallery is another one than the reader had seen: a backup was put back.
  bool restored = false;
  std::vector<GalleryChange> changes;  // in their order; empty when not complete
};

// What a page of RotateKeys() or EncryptPersons() did.
struct KeyRotation {
  std::string last;     // the last person looked at; empty when none was left
  int64_t seen = 0;     // persons looked at
  int64_t changed = 0;  // persons who were encrypted, or whose key was wrapped anew
  int64_t damaged = 0;  // persons whose key cannot be read, and was left as it was
};

// What had not come to its end when a store was opened.
struct UnfinishedProtection {
  bool encryption = false;  // EncryptPersons() finishes it
  bool rotation = false;    // RotateKeys() does, by the master key that was begun with
};

// An enrolment lacks embeddings by a model that a server answers by since: it is to be made again by the models of now.
// absl::StatusCode::kAborted without a reason.
absl::Status ModelsChanged();
bool IsModelsChanged(const absl::Status& status);

// QUOTA_EXCEEDED, for a caller who may have enrolled so many.
absl::Status QuotaExceeded(int64_t persons);

// Thread-safe. A mutation that returned OK is on disk; one that returned an error changed nothing, except that after
// STORE_FAILED its outcome may be unknown. All methods may return STORE_FAILED, and FIELD_INVALID for an id that is not
// UTF-8, has a NUL in it or more than 256 bytes; mutations MASTER_KEY_MISSING, and ChangesAfter(), once another server
// has begun to encrypt the gallery and this one cannot.
class Store {
 public:
  virtual ~Store() = default;

  // The result of the enrolment with this request_id, replayed; nothing when there was none. REQUEST_ID_REUSED when it
  // had other content.
  virtual absl::StatusOr<std::optional<EnrolmentResult>> FindEnrolment(absl::string_view request_id,
                                                                       const ContentDigest& content) = 0;

  // Adds the references, and the person where necessary; all or none. Repeated request_ids are answered as
  // FindEnrolment() does. TOO_MANY_REFERENCES, QUOTA_EXCEEDED; IsModelsChanged(), and MODEL_MISSING where one of
  // `lacking` is the active model; with a review its errors. Enrolments of all servers take turns, so that of two that
  // must not both be written one is refused. Embeddings of `also` by models that were deleted are left out.
  virtual absl::StatusOr<EnrolmentResult> Enrol(const Enrolment& enrolment, const EnrolmentLimits& limits,
                                                const EnrolmentReview* review = nullptr) = 0;

  // Whom the caller of this name has enrolled and nobody has deleted.
  virtual absl::StatusOr<int64_t> PersonsEnrolledBy(absl::string_view caller) = 0;

  // The person's references with their embeddings, oldest first, one entry for each model; may be empty.
  // PERSON_NOT_FOUND; STORE_CORRUPT when a stored embedding is damaged.
  virtual absl::StatusOr<std::vector<ReferenceEmbedding>> References(absl::string_view person_id) = 0;

  // PERSON_NOT_FOUND.
  virtual absl::StatusOr<PersonRecord> GetPerson(absl::string_view person_id) = 0;

  // At most `limit` persons whose id comes after `after` in byte order, in that order.
  virtual absl::StatusOr<std::vector<PersonRecord>> ListPersons(absl::string_view after, int limit) = 0;

  // Deletes the person, with the person's key, the references and the memory of the person's enrolments.
  // PERSON_NOT_FOUND.
  virtual absl::StatusOr<DeletionResult> DeletePerson(absl::string_view person_id) = 0;

  // Deletes one reference. PERSON_NOT_FOUND, REFERENCE_NOT_FOUND.
  virtual absl::StatusOr<DeletionResult> DeleteReference(absl::string_view person_id,
                                                         absl::string_view reference_id) = 0;

  // PERSON_NOT_FOUND; STORE_CORRUPT when something stored is damaged.
  virtual absl::StatusOr<PersonData> ReadPersonData(absl::string_view person_id) = 0;

  virtual absl::StatusOr<GallerySize> Size() = 0;

  // What its servers agree on.
  virtual Coordination& coordination() = 0;
  // What is kept of faces that were not the person's. As long as the store.
  virtual MismatchLedger& mismatches() = 0;

  // Which models may be activated: those that were trained with this gallery, and those that somebody has allowed.
  // Returns the gallery's revision after it.
  // Coordination::RetireModel() takes that back.
  virtual absl::StatusOr<int64_t> AllowModel(const ModelDigest& model) = 0;
  virtual absl::StatusOr<bool> IsModelAllowed(const ModelDigest& model) = 0;

  // Looks at every reference.
  virtual absl::StatusOr<ModelCoverage> Coverage(const ModelDigest& model, const EmbeddingSources& sources) = 0;
  // Looks at all of the gallery.
  virtual absl::StatusOr<ModelGap> GapOf(const ModelDigest& model) = 0;
  // At most `limit` persons, in the byte order of their ids, with a reference that has no embedding by `model` and
  // nothing that one can be made from.
  virtual absl::StatusOr<std::vector<std::string>> PersonsWithoutCrop(const ModelDigest& model,
                                                                      const EmbeddingSources& sources, int limit) = 0;
  // At most `limit` references, with numbers above `after` and ascending, that have no embedding by `model` but
  // something that one can be made from: the other embedding where there is one, so that no crop is read then.
  virtual absl::StatusOr<std::vector<UnembeddedReference>> Unembedded(const ModelDigest& model,
                                                                      const EmbeddingSources& sources, int64_t after,
                                                                      int limit) = 0;
  // Adds the embeddings of references that Unembedded() returned, in the same order; those deleted since, or embedded
  // by somebody else, are passed over.
  virtual absl::Status AddEmbeddings(absl::Span<const UnembeddedReference> references,
                                     absl::Span<const Embedding> embeddings) = 0;
  // At most `limit` embeddings by `model`, with numbers above `after` and ascending.
  virtual absl::StatusOr<std::vector<NumberedEmbedding>> EmbeddingsBy(const ModelDigest& model, int64_t after,
                                                                      int limit) = 0;
  // Deletes all embeddings by `model`, some thousand at a time, so that others can write meanwhile. After an error some
  // may be left; repeat it.
  virtual absl::StatusOr<EmbeddingDeletion> DeleteEmbeddings(const ModelDigest& model) = 0;

  // Every mutation makes the gallery's revision one higher; a new gallery has revision 0. In the order of revisions,
  // what was changed after `seen`, some thousand revisions at most. Who has seen nothing, and whose position has no
  // history, is told where the gallery is now.
  virtual absl::StatusOr<GalleryChanges> ChangesAfter(const GalleryPosition& seen) = 0;
  // False once what the store is kept in was taken away, which lasts: all methods return STORE_FAILED from then on.
  virtual bool intact() const { return true; }
  // Whether others may change the gallery too. Where they may not, the log says nothing but the revision and the size.
  virtual bool shared() const = 0;
  // Waits until somebody else may have changed something, or `limit` has passed.
  virtual void AwaitChange(absl::Duration limit) = 0;
  // Makes the log forget what is older than `age`, by the clock of the database: some thousand revisions at most, so it
  // is to be called often.
  virtual absl::Status ForgetChanges(absl::Duration age) = 0;

  // Wraps the keys of at most `limit` persons whose id comes after `after`, in byte order, with the gallery's master
  // key. Where `after` is empty, the one that wraps now becomes the gallery's: nobody, on any server, is enrolled under
  // another one from then on. Repeated from the beginning, it goes on where it was interrupted.
  virtual absl::StatusOr<KeyRotation> RotateKeys(absl::string_view after, int limit) = 0;

  // Encrypts at most `limit` persons whose id comes after `after`, in byte order, who were enrolled before the gallery
  // had a master key. Where `after` is empty and nobody is left, the gallery counts as encrypted: a person in plaintext
  // is STORE_CORRUPT from then on. Any number of servers may do so at once; it goes on where it was interrupted.
  virtual absl::StatusOr<KeyRotation> EncryptPersons(absl::string_view after, int limit) = 0;
  // Persons who are still to be encrypted; 0 where nothing is.
  virtual absl::StatusOr<int64_t> PersonsToEncrypt() = 0;
  virtual UnfinishedProtection found_unfinished() const = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_STORE_H_
