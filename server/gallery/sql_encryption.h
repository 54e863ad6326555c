// How far a gallery is encrypted, and what follows from that for each transaction. Private to gallery/.
//
// The state is kept in the gallery and read within each transaction that depends on it, because another server may be
// the one that changes it:
//
//   plain ──opened with a master key──▶ being encrypted ──nobody is left in plaintext──▶ encrypted
//
// From "being encrypted" on, who has no master key writes nothing, and nobody writes plaintext. None of the methods
// begins or ends a transaction; all may throw exceptions derived from std::exception.
#ifndef LIKENESS_SERVER_GALLERY_SQL_ENCRYPTION_H_
#define LIKENESS_SERVER_GALLERY_SQL_ENCRYPTION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/gallery/sql.h"
#include "server/gallery/store.h"
#include "server/protection/protection.h"

namespace likeness {

// As gallery.encrypted has it. Versions before kEncrypted wrote 1 for both it and kRunning.
enum class EncryptionState : int64_t { kPlain = 0, kRunning = 1, kEncrypted = 2 };

struct EncryptionRow {
  EncryptionState state = EncryptionState::kPlain;
  std::optional<std::string> key_mark;  // Protection::NewKeyMark(); none where nothing is encrypted
};

// Thread-safe once it is open.
class SqlEncryption {
 public:
  explicit SqlEncryption(std::shared_ptr<const Protection> protection) : protection_(std::move(protection)) {}

  // At the opening, which is not thread-safe. Whether the gallery may be opened: FAILED_PRECONDITION when it is
  // encrypted and the master keys are not there, or when the mark of its key was made by nobody who had it. Sets what
  // is to be done.
  absl::Status CheckKeys(SqlSession& session);
  // Whether Begin() has something to write.
  bool must_begin() const { return must_begin_; }
  // Makes a plain gallery one that is being encrypted, and gives it the mark of its master key. As CheckKeys().
  absl::Status Begin(SqlSession& session);
  // As CheckKeys() and Begin() found it.
  UnfinishedProtection unfinished() const { return unfinished_; }

  // To be asked first by every transaction that writes: MASTER_KEY_MISSING; STORE_FAILED when the gallery was replaced
  // by one that is not encrypted.
  absl::Status CheckMayWrite(SqlSession& session);
  // Whether what others change can be followed: MASTER_KEY_MISSING.
  absl::Status CheckMayFollow(SqlSession& session);

  // The key of a person who is to be inserted; none in a plain gallery.
  absl::StatusOr<std::optional<std::string>> NewPersonKey(SqlSession& session, absl::string_view person_id);
  // To read what is kept of a person, or to add to it, which encrypts the person first where that is still to be done.
  // As Protection::CipherFor(): a person in plaintext is STORE_CORRUPT, unless the gallery is being encrypted.
  absl::StatusOr<PersonCipher> CipherFor(SqlSession& session, absl::string_view person_id,
                                         const std::optional<std::string>& key);
  absl::StatusOr<PersonCipher> CipherToAdd(SqlSession& session, absl::string_view person_id,
                                           const std::optional<std::string>& key);

  // As the methods of Store with such names.
  absl::StatusOr<KeyRotation> EncryptPersons(SqlSession& session, absl::string_view after, int limit);
  absl::StatusOr<KeyRotation> RotateKeys(SqlSession& session, absl::string_view after, int limit);
  absl::StatusOr<int64_t> PersonsToEncrypt(SqlSession& session);

 private:
  EncryptionRow ReadRow(SqlSession& session);
  absl::StatusOr<std::optional<std::string>> NewPersonKey(absl::string_view person_id, const EncryptionRow& row) const;
  absl::StatusOr<PersonCipher> EncryptPerson(SqlSession& session, absl::string_view person_id,
                                             const EncryptionRow& row);

  const std::shared_ptr<const Protection> protection_;
  // A gallery that was seen encrypted has nobody in plaintext any more, whatever it says later.
  std::atomic<bool> seen_encrypted_{false};
  std::atomic<bool> logged_{false};  // that a master key is missing
  // Of the opening.
  bool must_begin_ = false;
  UnfinishedProtection unfinished_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_GALLERY_SQL_ENCRYPTION_H_
