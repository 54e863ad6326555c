#include "server/hashing/sha256.h"

#include <openssl/evp.h>

#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

void Check(int result) {
  if (result != 1) throw std::runtime_error("SHA-256 is not available");
}

}  // namespace

struct FieldHasher::State {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256Digest Sha256(absl::string_view bytes) {
  Sha256Digest digest;
  Check(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr));
  return digest;
}

FieldHasher::FieldHasher() : state_(std::make_unique<State>()) {
  Check(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}

FieldHasher::~FieldHasher() = default;

void FieldHasher::Add(absl::string_view field) {
  const std::string length = absl::StrCat(field.size(), ":");
  Check(EVP_DigestUpdate(state_->context.get(), length.data(), length.size()));
  Check(EVP_DigestUpdate(state_->context.get(), field.data(), field.size()));
}

Sha256Digest FieldHasher::Finish() {
  Sha256Digest digest;
  Check(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr));
  return digest;
}

}  // namespace likeness
