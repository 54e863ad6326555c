#include "server/protection/protection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::Eq;
using testing::HasSubstr;
using testing::Not;

const std::string kFirst(64, '1');
const std::string kSecond(64, '2');

Protection ProtectionBy(const std::string& keys) { return Protection(*MasterKeys::FromText(keys, "test")); }

TEST(ProtectionTest, KeepsFacesUnreadableAndForTheirOwners) {
  const Protection protection = ProtectionBy(kFirst);
  const auto key = protection.NewPersonKey("ada");
  ASSERT_TRUE(key.has_value());
  const auto ada = protection.CipherFor("ada", key);
  ASSERT_THAT(ada, IsOk());
  const StoredContent stored = ada->Store("r1", "model", "the face of ada");
  EXPECT_THAT(stored.bytes + stored.proof, Not(HasSubstr("face")));
  EXPECT_THAT(ada->Restore("r1", "model", stored), Eq("the face of ada"));
  EXPECT_THAT(ada->Restore("r2", "model", stored), Eq(std::nullopt));
  EXPECT_THAT(ada->Restore("r1", "other model", stored), Eq(std::nullopt));
  const auto bob = protection.CipherFor("bob", protection.NewPersonKey("bob"));
  ASSERT_THAT(bob, IsOk());
  EXPECT_THAT(bob->Restore("r1", "model", stored), Eq(std::nullopt));
  EXPECT_THAT(protection.CipherFor("bob", key), FailsWith(Reason::STORE_CORRUPT));
}

TEST(ProtectionTest, CannotRestoreWithoutThePersonsKey) {
  const Protection protection = ProtectionBy(kFirst);
  const StoredContent stored =
      protection.CipherFor("ada", protection.NewPersonKey("ada"))->Store("r1", "model", "the face of ada");
  // Enrolled again: the master key is the same, the person's is not.
  EXPECT_THAT(protection.CipherFor("ada", protection.NewPersonKey("ada"))->Restore("r1", "model", stored),
              Eq(std::nullopt));
  EXPECT_THAT(protection.CipherFor("ada", std::nullopt), FailsWith(Reason::STORE_CORRUPT));
}

TEST(ProtectionTest, RewrapsAKeyWithoutChangingIt) {
  const auto old_key = *ProtectionBy(kFirst).NewPersonKey("ada");
  const StoredContent stored = ProtectionBy(kFirst).CipherFor("ada", old_key)->Store("r1", "model", "face");
  const std::string mark = ProtectionBy(kSecond).NewKeyMark();
  const auto rewrapped = ProtectionBy(kFirst + "\n" + kSecond).Rewrap("ada", old_key, mark);
  ASSERT_THAT(rewrapped, IsOk());
  ASSERT_TRUE(rewrapped->has_value());
  const Protection later = ProtectionBy(kSecond);
  EXPECT_THAT(later.CipherFor("ada", *rewrapped)->Restore("r1", "model", stored), Eq("face"));
  EXPECT_THAT(later.Rewrap("ada", **rewrapped, mark), IsOkAndHolds(Eq(std::nullopt)));
  EXPECT_THAT(later.CipherFor("ada", old_key), FailsWith(Reason::MASTER_KEY_MISSING));
}

TEST(ProtectionTest, TellsByAMarkWhichMasterKeyAGalleryIsUnder) {
  const std::string mark = ProtectionBy(kFirst).NewKeyMark();
  const Protection both = ProtectionBy(kSecond + "\n" + kFirst);
  EXPECT_THAT(both.CheckKeyMark(mark), IsOk());
  EXPECT_FALSE(both.IsCurrent(mark)) << "the second key wraps";
  EXPECT_THAT(ProtectionBy(kSecond).CheckKeyMark(mark), FailsWith(Reason::MASTER_KEY_MISSING));
  std::string forged = mark;
  forged.back() ^= 1;
  EXPECT_THAT(both.CheckKeyMark(forged), FailsWith(Reason::STORE_CORRUPT));
  EXPECT_THAT(both.CheckKeyMark(*both.NewPersonKey("ada")), FailsWith(Reason::STORE_CORRUPT)) << "a person's is none";
  const auto key = both.NewPersonKey("ada", mark);
  ASSERT_THAT(key, IsOk());
  EXPECT_THAT(ProtectionBy(kFirst).CipherFor("ada", *key), IsOk()) << "wrapped by the gallery's key";
  EXPECT_THAT(ProtectionBy(kSecond).NewPersonKey("ada", mark), FailsWith(Reason::MASTER_KEY_MISSING));
}

TEST(ProtectionTest, ChecksWhatItDoesNotEncrypt) {
  const auto plaintext = Protection::Plaintext();
  EXPECT_EQ(plaintext->NewPersonKey("ada"), std::nullopt);
  const auto ada = plaintext->CipherFor("ada", std::nullopt);
  ASSERT_THAT(ada, IsOk());
  StoredContent stored = ada->Store("r1", "model", "face");
  EXPECT_EQ(stored.bytes, "face");
  EXPECT_THAT(ada->Restore("r1", "model", stored), Eq("face"));
  EXPECT_THAT(ada->Restore("r2", "model", stored), Eq(std::nullopt));
  stored.bytes = "fake";
  EXPECT_THAT(ada->Restore("r1", "model", stored), Eq(std::nullopt));
}

}  // namespace
}  // namespace likeness
