// AES-256-GCM (NIST SP 800-38D), by OpenSSL.
#ifndef LIKENESS_SERVER_PROTECTION_AES_GCM_H_
#define LIKENESS_SERVER_PROTECTION_AES_GCM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace likeness {

// 256 bits, overwritten when they are no longer needed.
class SecretKey {
 public:
  static constexpr size_t kBytes = 32;

  // By OpenSSL's randomness. Throws std::runtime_error where the system has none to give.
  static SecretKey Random();
  // Nothing when these are not 32 bytes.
  static std::optional<SecretKey> FromBytes(absl::string_view bytes);

  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();

  absl::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

 private:
  SecretKey() = default;
  std::array<uint8_t, kBytes> bytes_{};
};

// A ciphertext, as long as its plaintext, and what proves it: a random nonce (12 bytes) and the tag (16 bytes).
struct Sealed {
  static constexpr size_t kNonceBytes = 12;
  static constexpr size_t kTagBytes = 16;
  static constexpr size_t kProofBytes = kNonceBytes + kTagBytes;

  std::string ciphertext;
  std::string proof;
};

// Encrypts, and binds the result to `owner`, which is not encrypted. Throws std::runtime_error where the system has no
// randomness or no AES to give. At most 2^32 times with one key (SP 800-38D, 8.3).
Sealed Seal(const SecretKey& key, absl::string_view owner, absl::string_view plaintext);

// The plaintext; nothing when key, owner or a bit of what was sealed is another one.
std::optional<std::string> Unseal(const SecretKey& key, absl::string_view owner, absl::string_view ciphertext,
                                  absl::string_view proof);

}  // namespace likeness

#endif  // LIKENESS_SERVER_PROTECTION_AES_GCM_H_
