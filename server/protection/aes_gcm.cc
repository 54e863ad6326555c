#include "server/protection/aes_gcm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace likeness {
namespace {

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* Bytes(absl::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void Check(int result) {
  if (result != 1) throw std::runtime_error("AES-256-GCM is not available");
}

void FillRandomly(unsigned char* bytes, size_t size) {
  if (RAND_bytes(bytes, static_cast<int>(size)) != 1) throw std::runtime_error("the system has no randomness to give");
}

// Looked up once: OpenSSL would search its providers for it at each use, which takes as long as the cipher itself.
const EVP_CIPHER* Cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  Check(cipher != nullptr ? 1 : 0);
  return cipher;
}

Context NewContext() {
  Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  if (context == nullptr) throw std::runtime_error("AES-256-GCM is not available");
  return context;
}

}  // namespace

SecretKey SecretKey::Random() {
  SecretKey key;
  FillRandomly(key.bytes_.data(), key.bytes_.size());
  return key;
}

std::optional<SecretKey> SecretKey::FromBytes(absl::string_view bytes) {
  if (bytes.size() != kBytes) return std::nullopt;
  SecretKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

Sealed Seal(const SecretKey& key, absl::string_view owner, absl::string_view plaintext) {
  Sealed sealed{std::string(plaintext.size(), '\0'), std::string(Sealed::kProofBytes, '\0')};
  unsigned char* const nonce = Bytes(sealed.proof);
  FillRandomly(nonce, Sealed::kNonceBytes);
  const Context context = NewContext();
  int size = 0;
  Check(EVP_EncryptInit_ex(context.get(), Cipher(), nullptr, Bytes(key.bytes()), nonce));
  Check(EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(owner), static_cast<int>(owner.size())));
  Check(EVP_EncryptUpdate(context.get(), Bytes(sealed.ciphertext), &size, Bytes(plaintext),
                          static_cast<int>(plaintext.size())));
  Check(EVP_EncryptFinal_ex(context.get(), Bytes(sealed.ciphertext) + size, &size));
  Check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, Sealed::kTagBytes, nonce + Sealed::kNonceBytes));
  return sealed;
}

std::optional<std::string> Unseal(const SecretKey& key, absl::string_view owner, absl::string_view ciphertext,
                                  absl::string_view proof) {
  if (proof.size() != Sealed::kProofBytes) return std::nullopt;
  std::string tag(proof.substr(Sealed::kNonceBytes));
  std::string plaintext(ciphertext.size(), '\0');
  const Context context = NewContext();
  int size = 0;
  Check(EVP_DecryptInit_ex(context.get(), Cipher(), nullptr, Bytes(key.bytes()), Bytes(proof)));
  Check(EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(owner), static_cast<int>(owner.size())));
  Check(EVP_DecryptUpdate(context.get(), Bytes(plaintext), &size, Bytes(ciphertext),
                          static_cast<int>(ciphertext.size())));
  Check(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, Sealed::kTagBytes, tag.data()));
  if (EVP_DecryptFinal_ex(context.get(), Bytes(plaintext) + size, &size) != 1) {
    OPENSSL_cleanse(plaintext.data(), plaintext.size());
    return std::nullopt;
  }
  return plaintext;
}

}  // namespace likeness
