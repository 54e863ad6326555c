// How faces are kept where others may read the disk: encrypted, each person under a key of the person's own.
//
// A person's key is random, encrypts the person's embeddings and crops (AES-256-GCM), and is kept with the person,
// itself encrypted by a master key that is not in the gallery. With the row that has it, all that it encrypted is gone
// for good. What is stored is bound to its owner: moved to another person, reference or model it cannot be read.
#ifndef LIKENESS_SERVER_PROTECTION_PROTECTION_H_
#define LIKENESS_SERVER_PROTECTION_PROTECTION_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/protection/master_keys.h"

namespace likeness {

// An embedding or a crop as it is stored.
struct StoredContent {
  std::string bytes;
  std::string proof;  // that the bytes are whole and belong where they are: nonce and tag, or a checksum
};

// Stores and restores the content of one person. Thread-safe.
class PersonCipher {
 public:
  // Without a key, content stays readable, with a checksum of 16 bytes.
  PersonCipher(std::string person_id, std::optional<SecretKey> key)
      : person_id_(std::move(person_id)), key_(std::move(key)) {}

  // `maker` is what made the content: a model's digest, or a crop's kind.
  StoredContent Store(absl::string_view reference_id, absl::string_view maker, absl::string_view content) const;
  // Nothing where it was damaged, or is another's.
  std::optional<std::string> Restore(absl::string_view reference_id, absl::string_view maker,
                                     const StoredContent& stored) const;

 private:
  const std::string person_id_;
  const std::optional<SecretKey> key_;
};

// Thread-safe.
class Protection {
 public:
  // Encrypts nothing.
  static std::shared_ptr<Protection> Plaintext() { return std::make_shared<Protection>(nullptr); }

  // Without keys it encrypts nothing.
  explicit Protection(std::unique_ptr<MasterKeys> keys) : keys_(std::move(keys)) {}

  bool encrypts() const { return keys_ != nullptr; }

  // What to keep with a new person; nothing where nothing is encrypted.
  std::optional<std::string> NewPersonKey(absl::string_view person_id) const;
  // The same, wrapped by the gallery's master key instead of the one that wraps now. MASTER_KEY_MISSING.
  absl::StatusOr<std::string> NewPersonKey(absl::string_view person_id, absl::string_view key_mark) const;

  // What a gallery keeps to tell by which master key its persons' keys are wrapped: nobody makes one without that key.
  // By the one that wraps now; only where something is encrypted.
  std::string NewKeyMark() const;
  // MASTER_KEY_MISSING when its master key is not there; STORE_CORRUPT when it was not made by it.
  absl::Status CheckKeyMark(absl::string_view key_mark) const;
  // Whether it was made by the master key that wraps now.
  bool IsCurrent(absl::string_view key_mark) const { return encrypts() && keys_->IsCurrent(key_mark); }

  // By what is kept with the person. MASTER_KEY_MISSING; STORE_CORRUPT, also for a person without a key where
  // everything is encrypted.
  absl::StatusOr<PersonCipher> CipherFor(absl::string_view person_id,
                                         const std::optional<std::string>& wrapped_key) const;
  // Of a person whom nothing is encrypted of.
  static PersonCipher PlaintextCipherFor(absl::string_view person_id) {
    return PersonCipher(std::string(person_id), std::nullopt);
  }
  // The same key, wrapped by the gallery's master key; nothing when it is so already. MASTER_KEY_MISSING;
  // STORE_CORRUPT.
  absl::StatusOr<std::optional<std::string>> Rewrap(absl::string_view person_id, absl::string_view wrapped_key,
                                                    absl::string_view key_mark) const;
  // Whether its master key is there.
  bool CanRead(absl::string_view wrapped_key) const { return encrypts() && keys_->Knows(wrapped_key); }

 private:
  const std::unique_ptr<MasterKeys> keys_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_PROTECTION_PROTECTION_H_
