#include "server/access/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <string>

#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;

MATCHER_P(IsNamed, name, "") { return arg.name == name; }

class AccessTest : public testing::Test {
 protected:
  static std::string Line(const std::string& name, const std::string& token, std::set<Scope> scopes) {
    return FormatTokenEntry({.name = name, .scopes = std::move(scopes), .expires = Expiry(), .hash = Sha256(token)});
  }
  static absl::Time Expiry() { return absl::FromUnixSeconds(1'800'000'000); }

  // As an operator replaces a file: in one step.
  void Write(const std::string& text, mode_t mode = 0600) {
    const std::string next = path_ + ".next";
    WriteFile(next, text);
    chmod(next.c_str(), mode);
    ASSERT_EQ(std::rename(next.c_str(), path_.c_str()), 0);
  }

  absl::StatusOr<std::unique_ptr<Access>> Open() const {
    return Access::ByTokens(path_, [this] { return now_; });
  }

  const std::string path_ = UniquePath("tokens");
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

TEST_F(AccessTest, LetsEverybodyInWhereThereAreNoTokens) {
  EXPECT_THAT(Access::Open()->Authorize("", Scope::kAdmin), IsOkAndHolds(IsNamed("")));
}

TEST_F(AccessTest, LetsInWhoHasATokenForSuchCalls) {
  Write(Line("desk", "d", {Scope::kEnroll}) + Line("kiosk", "k", {Scope::kVerify}));
  const auto access = Open();
  ASSERT_THAT(access, IsOk());
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), IsOkAndHolds(IsNamed("kiosk")));
  EXPECT_THAT((*access)->Authorize("bearer d", Scope::kEnroll), IsOkAndHolds(IsNamed("desk")));
  EXPECT_THAT((*access)->Authorize("Bearer d", Scope::kVerify), FailsWith(Reason::SCOPE_MISSING));
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kAdmin), FailsWith(Reason::SCOPE_MISSING));
}

TEST_F(AccessTest, LetsNobodyElseIn) {
  Write(Line("kiosk", "k", {Scope::kVerify}));
  const auto access = Open();
  ASSERT_THAT(access, IsOk());
  EXPECT_THAT((*access)->Authorize("", Scope::kVerify), FailsWith(Reason::TOKEN_MISSING));
  for (const std::string authorization : {"Bearer ", "Bearer K", "Bearer kk", "Bearer  k", "Basic k", "k"}) {
    EXPECT_THAT((*access)->Authorize(authorization, Scope::kVerify), FailsWith(Reason::TOKEN_INVALID)) << authorization;
  }
  // What the file shows is no token.
  const Sha256Digest hash = Sha256("k");
  EXPECT_THAT((*access)->Authorize("Bearer " + std::string(hash.begin(), hash.end()), Scope::kVerify),
              FailsWith(Reason::TOKEN_INVALID));
}

TEST_F(AccessTest, LetsNobodyInWhoseTokenHasExpired) {
  Write(Line("kiosk", "k", {Scope::kVerify}));
  const auto access = Open();
  ASSERT_THAT(access, IsOk());
  now_ = Expiry() - absl::Nanoseconds(1);
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), IsOk());
  now_ = Expiry();
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), FailsWith(Reason::TOKEN_EXPIRED));
}

TEST_F(AccessTest, ReadsAFileAgainThatHasChanged) {
  Write(Line("kiosk", "k", {Scope::kVerify}));
  const auto access = Open();
  ASSERT_THAT(access, IsOk());
  Write(Line("other", "o", {Scope::kVerify}));
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), IsOk()) << "looked at a moment ago";
  now_ += absl::Seconds(1);
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), FailsWith(Reason::TOKEN_INVALID));
  EXPECT_THAT((*access)->Authorize("Bearer o", Scope::kVerify), IsOkAndHolds(IsNamed("other")));
}

TEST_F(AccessTest, StaysAsItIsWhileTheFileCannotBeUsed) {
  Write(Line("kiosk", "k", {Scope::kVerify}));
  const auto access = Open();
  ASSERT_THAT(access, IsOk());
  Write("half a li");
  now_ += absl::Seconds(1);
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), IsOk());
  std::remove(path_.c_str());
  now_ += absl::Seconds(1);
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), IsOk());
  // But the last token can be taken back.
  Write("# nobody\n");
  now_ += absl::Seconds(1);
  EXPECT_THAT((*access)->Authorize("Bearer k", Scope::kVerify), FailsWith(Reason::TOKEN_INVALID));
}

TEST_F(AccessTest, DoesNotStartWithAFileThatItCannotUse) {
  EXPECT_THAT(std::string(Open().status().message()), HasSubstr("cannot be opened"));
  Write("nonsense\n");
  EXPECT_THAT(std::string(Open().status().message()), HasSubstr("line 1"));
  Write("");
  EXPECT_THAT(std::string(Open().status().message()), HasSubstr("has no token"));
  for (const mode_t mode : {0644, 0620, 0602, 0601}) {
    Write(Line("kiosk", "k", {Scope::kVerify}), mode);
    EXPECT_THAT(std::string(Open().status().message()), HasSubstr("chmod 600")) << mode;
  }
  Write(Line("kiosk", "k", {Scope::kVerify}), 0440);
  EXPECT_THAT(Open(), IsOk());
}

}  // namespace
}  // namespace likeness
