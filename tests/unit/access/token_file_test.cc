#include "server/access/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string kHash(64, 'a');
const std::string kOtherHash(64, 'b');

std::string Complaint(const std::string& text) {
  const auto entries = ParseTokenFile(text);
  return entries.ok() ? "" : std::string(entries.status().message());
}

TEST(TokenFileTest, ReadsWhatItWrites) {
  TokenEntry entry{.name = "desk-1.b_C",
                   .scopes = {Scope::kVerify, Scope::kAdmin},
                   .expires = absl::FromUnixSeconds(1'800'000'000),
                   .hash = Sha256("token")};
  const std::string line = FormatTokenEntry(entry);
  const auto entries = ParseTokenFile(line);
  ASSERT_THAT(entries, IsOk());
  ASSERT_THAT(*entries, SizeIs(1));
  EXPECT_EQ(entries->front().name, entry.name);
  EXPECT_EQ(entries->front().scopes, entry.scopes);
  EXPECT_EQ(entries->front().expires, entry.expires);
  EXPECT_EQ(entries->front().hash, entry.hash);
}

TEST(TokenFileTest, PassesOverCommentsAndEmptyLines) {
  EXPECT_THAT(ParseTokenFile("# nobody\n\n   \n"), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(ParseTokenFile(absl::StrCat("# one\n\n  a \t verify  2027-01-01T00:00:00Z ", kHash, " \r\n")),
              IsOkAndHolds(SizeIs(1)));
}

TEST(TokenFileTest, NamesTheLineThatIsWrongAndNotWhatIsInIt) {
  const std::string good = absl::StrCat("good verify 2027-01-01T00:00:00Z ", kHash, "\n");
  EXPECT_THAT(Complaint(good + "secret\n"), AllOf(HasSubstr("line 2: must be"), Not(HasSubstr("secret"))));
  EXPECT_THAT(Complaint(absl::StrCat("a/b verify 2027-01-01T00:00:00Z ", kHash)), HasSubstr("line 1: the name"));
  EXPECT_THAT(Complaint(absl::StrCat(std::string(65, 'a'), " verify 2027-01-01T00:00:00Z ", kHash)),
              HasSubstr("the name"));
  for (const std::string scopes : {"root", "verify,", ",", "Verify"}) {
    EXPECT_THAT(Complaint(absl::StrCat("a ", scopes, " 2027-01-01T00:00:00Z ", kHash)), HasSubstr("the scopes"));
  }
  for (const std::string time : {"2027-01-01", "tomorrow", "infinite-future", "2027-13-01T00:00:00Z"}) {
    EXPECT_THAT(Complaint(absl::StrCat("a verify ", time, " ", kHash)), HasSubstr("the expiry")) << time;
  }
  for (const std::string& hash : {kHash.substr(1), kHash + "a", kHash.substr(1) + "g"}) {
    EXPECT_THAT(Complaint(absl::StrCat("a verify 2027-01-01T00:00:00Z ", hash)), HasSubstr("the hash"));
  }
  EXPECT_THAT(Complaint(good + absl::StrCat("good verify 2027-01-01T00:00:00Z ", kOtherHash)),
              HasSubstr("line 2: the name comes a second time"));
  EXPECT_THAT(Complaint(good + absl::StrCat("other verify 2027-01-01T00:00:00Z ", kHash)),
              HasSubstr("line 2: the token comes a second time"));
}

TEST(TokenFileTest, MakesTokensThatNobodyCanGuess) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.insert(MakeToken());
  EXPECT_THAT(tokens, SizeIs(100));
  EXPECT_THAT(*tokens.begin(), testing::StartsWith("lk_"));
  EXPECT_THAT(*tokens.begin(), SizeIs(46)) << "256 bits, six in a character";
}

}  // namespace
}  // namespace likeness
