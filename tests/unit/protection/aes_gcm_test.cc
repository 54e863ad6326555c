#include "server/protection/aes_gcm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/escaping.h"

namespace likeness {
namespace {

using testing::Eq;
using testing::HasSubstr;
using testing::Not;

// "The GCM mode of operation", McGrew and Viega, test case 16 (AES-256, associated data, a nonce of 96 bits).
TEST(AesGcmTest, OpensWhatTheStandardSealed) {
  const auto bytes = [](const char* hex) { return absl::HexStringToBytes(hex); };
  const auto key = SecretKey::FromBytes(bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  ASSERT_TRUE(key.has_value());
  const std::string plaintext = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0d"
      "e657ba637b39");
  const std::string ciphertext = bytes(
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba"
      "7a0abcc9f662");
  const std::string owner = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string proof = bytes("cafebabefacedbaddecaf888") + bytes("76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_THAT(Unseal(*key, owner, ciphertext, proof), Eq(plaintext));
}

TEST(AesGcmTest, OpensWhatItSealedAndNothingElse) {
  const SecretKey key = SecretKey::Random();
  for (const std::string& plaintext : {std::string(), std::string("a face"), std::string(100'000, '\0')}) {
    const Sealed sealed = Seal(key, "owner", plaintext);
    EXPECT_EQ(sealed.ciphertext.size(), plaintext.size());
    EXPECT_THAT(Unseal(key, "owner", sealed.ciphertext, sealed.proof), Eq(plaintext));
    EXPECT_THAT(Unseal(SecretKey::Random(), "owner", sealed.ciphertext, sealed.proof), Eq(std::nullopt));
    EXPECT_THAT(Unseal(key, "another", sealed.ciphertext, sealed.proof), Eq(std::nullopt));
    EXPECT_THAT(Unseal(key, "owner", sealed.ciphertext + "x", sealed.proof), Eq(std::nullopt));
    EXPECT_THAT(Unseal(key, "owner", sealed.ciphertext, ""), Eq(std::nullopt));
  }
}

TEST(AesGcmTest, NoticesEveryBitThatWasTurned) {
  const SecretKey key = SecretKey::Random();
  const Sealed sealed = Seal(key, "owner", "face");
  const auto turned = [](std::string bytes, size_t bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    return bytes;
  };
  for (size_t bit = 0; bit < 8 * sealed.ciphertext.size(); ++bit) {
    EXPECT_THAT(Unseal(key, "owner", turned(sealed.ciphertext, bit), sealed.proof), Eq(std::nullopt)) << bit;
  }
  for (size_t bit = 0; bit < 8 * sealed.proof.size(); ++bit) {
    EXPECT_THAT(Unseal(key, "owner", sealed.ciphertext, turned(sealed.proof, bit)), Eq(std::nullopt)) << bit;
  }
}

TEST(AesGcmTest, NeverSealsAlike) {
  const SecretKey key = SecretKey::Random();
  std::set<std::string> ciphertexts, nonces;
  for (int i = 0; i < 100; ++i) {
    const Sealed sealed = Seal(key, "owner", "always the same face");
    ciphertexts.insert(sealed.ciphertext);
    nonces.insert(sealed.proof.substr(0, Sealed::kNonceBytes));
  }
  EXPECT_EQ(ciphertexts.size(), 100u);
  EXPECT_EQ(nonces.size(), 100u);
}

}  // namespace
}  // namespace likeness
