// Where enrolled persons are kept: the interface that every store implements.
//
// Photos are never stored: only embeddings, each stamped with the digest of the model that made it.
#ifndef LIKENESS_SERVER_GALLERY_STORE_H_
#define LIKENESS_SERVER_GALLERY_STORE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
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

// SHA-256 over what an enrolment was asked to do: tells a repeated request from another one with the same request_id.
using ContentDigest = Sha256Digest;

struct Enrolment {
  std::string person_id;
  std::string request_id;  // empty: not to be remembered
  ContentDigest content{};
  std::vector<ReferenceEmbedding> references;  // all of one model
  absl::Time create_time;
};

struct EnrolmentResult {
  std::vector<ReferenceRecord> references;  // as first answered, when replayed
  int reference_count = 0;                  // of the person, now
  bool replayed = false;
  bool new_person = false;
};

struct GallerySize {
  int64_t persons = 0;
  int64_t references = 0;
};

// Thread-safe. A mutation that returned OK is on disk; one that returned an error changed nothing, except that after
// STORE_FAILED its outcome may be unknown. All methods may return STORE_FAILED.
class Store {
 public:
  virtual ~Store() = default;

  // The result of the enrolment with this request_id, replayed; nothing when there was none. REQUEST_ID_REUSED when it
  // had other content.
  virtual absl::StatusOr<std::optional<EnrolmentResult>> FindEnrolment(absl::string_view request_id,
                                                                       const ContentDigest& content) = 0;

  // Adds the references, and the person where necessary; all or none. Repeated request_ids are answered as
  // FindEnrolment() does. TOO_MANY_REFERENCES when the person would have more than `max_references`.
  virtual absl::StatusOr<EnrolmentResult> Enrol(const Enrolment& enrolment, int max_references) = 0;

  // The person's references with their embeddings, oldest first; may be empty. PERSON_NOT_FOUND; STORE_CORRUPT when a
  // stored embedding is damaged.
  virtual absl::StatusOr<std::vector<ReferenceEmbedding>> References(absl::string_view person_id) = 0;

  // PERSON_NOT_FOUND.
  virtual absl::StatusOr<PersonRecord> GetPerson(absl::string_view person_id) = 0;

  // At most `limit` persons whose id comes after `after` in byte order, in that order.
  virtual absl::StatusOr<std::vector<PersonRecord>> ListPersons(absl::string_view after, int limit) = 0;

  // Deletes the person, the references and the memory of the person's enrolments; returns how many references there
  // were. PERSON_NOT_FOUND.
  virtual absl::StatusOr<int> DeletePerson(absl::string_view person_id) = 0;

  // Deletes one reference and returns how many the person has left. PERSON_NOT_FOUND, REFERENCE_NOT_FOUND.
  virtual absl::StatusOr<int> DeleteReference(absl::string_view person_id, absl::string_view reference_id) = 0;

  virtual absl::StatusOr<GallerySize> Size() = 0;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_STORE_H_
