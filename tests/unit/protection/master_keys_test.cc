#include "server/protection/master_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const std::string kFirst(64, '1');
const std::string kSecond(64, '2');

std::string KeyFile(const std::string& text) {
  std::string path = UniquePath("keys");
  WriteFile(path, text);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return path;
}

TEST(MasterKeysTest, ReadsAKeyALine) {
  EXPECT_THAT(ParseMasterKeys("# of today\n" + kFirst + "\n\n  " + kSecond + "  \n"), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(ParseMasterKeys(MakeMasterKeyLine() + MakeMasterKeyLine()), IsOkAndHolds(SizeIs(2)));
}

TEST(MasterKeysTest, RefusesWhatIsNoKeyWithoutRepeatingIt) {
  for (const std::string& text : {kFirst + "\n" + kSecond.substr(1), kFirst + "\nsecret" + kSecond.substr(6)}) {
    EXPECT_THAT(ParseMasterKeys(text).status().message(), AllOf(HasSubstr("line 2"), Not(HasSubstr("222"))));
  }
  EXPECT_THAT(ParseMasterKeys(kFirst + "\n" + kFirst).status().message(), HasSubstr("twice"));
  EXPECT_THAT(ParseMasterKeys("# nothing\n").status().message(), HasSubstr("no key"));
}

TEST(MasterKeysTest, UnwrapsForTheSamePersonOnly) {
  const auto keys = *MasterKeys::FromText(kFirst, "test");
  const SecretKey key = SecretKey::Random();
  const std::string wrapped = keys->Wrap(key, "ada");
  const auto unwrapped = keys->Unwrap(wrapped, "ada");
  ASSERT_THAT(unwrapped, IsOk());
  EXPECT_EQ(unwrapped->bytes(), key.bytes());
  EXPECT_THAT(wrapped, Not(HasSubstr(std::string(key.bytes()))));
  EXPECT_THAT(keys->Unwrap(wrapped, "bob"), FailsWith(Reason::STORE_CORRUPT));
  EXPECT_THAT(keys->Unwrap(wrapped.substr(1), "ada"), FailsWith(Reason::STORE_CORRUPT));
  EXPECT_THAT(keys->Unwrap("", "ada"), FailsWith(Reason::STORE_CORRUPT));
}

TEST(MasterKeysTest, WrapsWithTheFirstKeyAndUnwrapsWithAll) {
  const std::string wrapped = (*MasterKeys::FromText(kFirst, "test"))->Wrap(SecretKey::Random(), "ada");
  const auto keys = *MasterKeys::FromText(kSecond + "\n" + kFirst, "test");
  EXPECT_THAT(keys->Unwrap(wrapped, "ada"), IsOk());
  EXPECT_FALSE(keys->IsCurrent(wrapped));
  EXPECT_TRUE(keys->IsCurrent(keys->Wrap(SecretKey::Random(), "ada")));
  const auto without = *MasterKeys::FromText(kSecond, "test");
  EXPECT_FALSE(without->Knows(wrapped));
  EXPECT_THAT(without->Unwrap(wrapped, "ada"), FailsWith(Reason::MASTER_KEY_MISSING));
}

TEST(MasterKeysTest, RefusesAFileThatOthersMayRead) {
  const std::string path = KeyFile(kFirst);
  EXPECT_THAT(MasterKeys::FromFile(path), IsOk());
  std::filesystem::permissions(path, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  EXPECT_THAT(MasterKeys::FromFile(path),
              HasStatus(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr(path), HasSubstr("chmod"))));
  EXPECT_THAT(MasterKeys::FromFile(path + ".none"), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(path)));
}

}  // namespace
}  // namespace likeness
