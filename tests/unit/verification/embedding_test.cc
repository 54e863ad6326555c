#include "server/verification/embedding.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace likeness {
namespace {

TEST(ModelDigestTest, IsWrittenAsLowerCaseHex) {
  ModelDigest digest;
  digest.bytes[0] = 0xAB;
  digest.bytes[31] = 0x01;
  EXPECT_EQ(digest.Hex(), "ab" + std::string(60, '0') + "01");
}

TEST(ModelDigestTest, IsReadBackFromWhatItWrote) {
  ModelDigest digest;
  for (size_t i = 0; i < digest.bytes.size(); ++i) digest.bytes[i] = static_cast<uint8_t>(7 * i + 200);
  EXPECT_EQ(ModelDigest::FromHex(digest.Hex()), digest);
}

TEST(ModelDigestTest, IsNotReadFromAnythingElse) {
  EXPECT_EQ(ModelDigest::FromHex(""), std::nullopt);
  EXPECT_EQ(ModelDigest::FromHex(std::string(63, 'a')), std::nullopt);
  EXPECT_EQ(ModelDigest::FromHex(std::string(66, 'a')), std::nullopt);
  EXPECT_EQ(ModelDigest::FromHex(std::string(63, 'a') + "g"), std::nullopt);
  EXPECT_EQ(ModelDigest::FromHex(std::string(63, 'a') + " "), std::nullopt);
}

TEST(ModelDigestTest, DiffersWhenOneBitDoes) {
  ModelDigest a, b;
  b.bytes[31] = 1;
  EXPECT_EQ(a, ModelDigest{});
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace likeness
