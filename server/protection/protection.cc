#include "server/protection/protection.h"

#include "server/errors/errors.h"
#include "server/hashing/sha256.h"

namespace likeness {
namespace {

constexpr size_t kChecksumBytes = 16;

// SHA-256 over the fields, each with its length.
std::string DigestOf(std::initializer_list<absl::string_view> fields) {
  FieldHasher hasher;
  for (const absl::string_view field : fields) hasher.Add(field);
  const Sha256Digest digest = hasher.Finish();
  return std::string(digest.begin(), digest.end());
}

}  // namespace

StoredContent PersonCipher::Store(absl::string_view reference_id, absl::string_view maker,
                                  absl::string_view content) const {
  if (!key_.has_value()) {
    return {std::string(content), DigestOf({person_id_, reference_id, maker, content}).substr(0, kChecksumBytes)};
  }
  Sealed sealed = Seal(*key_, DigestOf({person_id_, reference_id, maker}), content);
  return {std::move(sealed.ciphertext), std::move(sealed.proof)};
}

std::optional<std::string> PersonCipher::Restore(absl::string_view reference_id, absl::string_view maker,
                                                 const StoredContent& stored) const {
  if (key_.has_value()) return Unseal(*key_, DigestOf({person_id_, reference_id, maker}), stored.bytes, stored.proof);
  if (Store(reference_id, maker, stored.bytes).proof != stored.proof) return std::nullopt;
  return stored.bytes;
}

std::optional<std::string> Protection::NewPersonKey(absl::string_view person_id) const {
  if (!encrypts()) return std::nullopt;
  return keys_->Wrap(SecretKey::Random(), person_id);
}

absl::StatusOr<std::string> Protection::NewPersonKey(absl::string_view person_id, absl::string_view key_mark) const {
  return keys_->WrapLike(key_mark, SecretKey::Random(), person_id);
}

// A wrapped key that encrypts nothing, of nobody: no person has an empty id.
std::string Protection::NewKeyMark() const { return keys_->Wrap(SecretKey::Random(), /*person_id=*/""); }

absl::Status Protection::CheckKeyMark(absl::string_view key_mark) const {
  return keys_->Unwrap(key_mark, /*person_id=*/"").status();
}

absl::StatusOr<PersonCipher> Protection::CipherFor(absl::string_view person_id,
                                                   const std::optional<std::string>& wrapped_key) const {
  if (!wrapped_key.has_value()) {
    if (encrypts()) return MakeError(Reason::STORE_CORRUPT, "a person's stored key is missing");
    return PlaintextCipherFor(person_id);
  }
  if (!encrypts()) {
    return MakeError(Reason::MASTER_KEY_MISSING, "the gallery is encrypted, and this server was given no master key");
  }
  const absl::StatusOr<SecretKey> key = keys_->Unwrap(*wrapped_key, person_id);
  if (!key.ok()) return key.status();
  return PersonCipher(std::string(person_id), *key);
}

absl::StatusOr<std::optional<std::string>> Protection::Rewrap(absl::string_view person_id,
                                                              absl::string_view wrapped_key,
                                                              absl::string_view key_mark) const {
  if (MasterKeys::IdIn(wrapped_key) == MasterKeys::IdIn(key_mark)) return std::nullopt;
  const absl::StatusOr<SecretKey> key = keys_->Unwrap(wrapped_key, person_id);
  if (!key.ok()) return key.status();
  return keys_->WrapLike(key_mark, *key, person_id);
}

}  // namespace likeness
