#include "server/seal/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/hashing/sha256.h"
#include "tests/support/bundles.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;

TEST(SealTest, IsTheDigestOfTheWholeFile) {
  const std::string file = Seal("the body of a bundle");
  EXPECT_THAT(VerifySeal(file), IsOkAndHolds(ModelDigest{Sha256(file)}));
}

TEST(SealTest, HoldsForAnEmptyBody) { EXPECT_THAT(VerifySeal(Seal("")), IsOk()); }

TEST(SealTest, MissesWhereThereIsNone) {
  for (const std::string& file : {std::string(), std::string("x"), std::string(80, 'x'), std::string(1000, '\0')}) {
    EXPECT_THAT(VerifySeal(file), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("no seal")));
  }
}

TEST(SealTest, MissesWhenAnythingFollowsIt) {
  EXPECT_THAT(VerifySeal(Seal("body") + "\n"), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("no seal")));
}

TEST(SealTest, BreaksWhenAnyBitOfTheFileIsFlipped) {
  const std::string file = Seal("the body of a bundle");
  for (size_t i = 0; i < file.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = file;
      altered[i] = static_cast<char>(altered[i] ^ (1 << bit));
      EXPECT_FALSE(VerifySeal(altered).ok()) << "bit " << bit << " of byte " << i;
    }
  }
}

TEST(SealTest, BreaksWhenTheFileIsCutOff) {
  const std::string file = Seal("the body of a bundle");
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(VerifySeal(file.substr(0, size)).ok()) << size;
    EXPECT_FALSE(VerifySeal(file.substr(file.size() - size)).ok()) << size;
  }
}

TEST(SealTest, BreaksWhenItsDigitsAreUpperCase) {
  const std::string file = Seal("body");
  std::string altered = file;
  for (size_t i = file.size() - 64; i < file.size(); ++i) altered[i] = static_cast<char>(toupper(altered[i]));
  ASSERT_NE(altered, file);
  EXPECT_THAT(VerifySeal(altered), HasStatus(absl::StatusCode::kDataLoss, HasSubstr("altered or damaged")));
}

}  // namespace
}  // namespace likeness
