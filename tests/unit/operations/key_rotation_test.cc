#include "server/operations/key_rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

constexpr int kPersons = 250;  // three pages

// Under the second key, which can unwrap what the first one wrapped.
std::shared_ptr<const Protection> ProtectionByTwo() {
  std::string first, second;
  for (int i = 0; i < 32; ++i) {
    first += "01";
    second += "02";
  }
  return std::make_shared<const Protection>(*MasterKeys::FromText(second + "\n" + first, "the test"));
}

class KeyRotationsTest : public testing::Test {
 protected:
  KeyRotationsTest() {
    const auto store = *OpenSqliteStore(path_, ProtectionBy(1));
    for (int i = 0; i < kPersons; ++i) {
      Enrolment enrolment{.person_id = absl::StrCat("person", i),
                          .request_id = "",
                          .content = {},
                          .references = {{absl::StrCat("r", i), {ModelDigest{}, {1, 2}}}},
                          .create_time = absl::Now()};
      EXPECT_THAT(store->Enrol(enrolment, {}), IsOk());
    }
  }

  void Open() { gallery_ = *Gallery::Open(*OpenSqliteStore(path_, ProtectionByTwo()), {}, metrics_); }

  OperationRecord AwaitEnd(const std::string& name) {
    absl::StatusOr<OperationRecord> record = gallery_->coordination().GetOperation(name);
    const absl::Time start = absl::Now();
    while (record.ok() && record->state == OperationState::kRunning && absl::Now() - start < absl::Seconds(30)) {
      absl::SleepFor(absl::Milliseconds(5));
      record = gallery_->coordination().GetOperation(name);
    }
    EXPECT_THAT(record, IsOk());
    return record.value_or(OperationRecord{});
  }

  const std::string path_ = UniquePath("gallery.sqlite");
  Metrics metrics_;
  std::unique_ptr<Gallery> gallery_;
};

TEST_F(KeyRotationsTest, RotatesTheKeysOfAllPersonsPageByPage) {
  Open();
  {
    KeyRotations rotations(*gallery_);
    const auto begun = rotations.Begin();
    ASSERT_THAT(begun, IsOk());
    EXPECT_EQ(begun->progress.total, kPersons);
    const OperationRecord ended = AwaitEnd(begun->name);
    EXPECT_EQ(ended.state, OperationState::kSucceeded);
    EXPECT_EQ(ended.progress, (OperationProgress{.done = kPersons, .total = kPersons, .changed = kPersons}));
    const auto again = rotations.Begin();
    ASSERT_THAT(again, IsOk());
    EXPECT_NE(again->name, begun->name);
    EXPECT_EQ(AwaitEnd(again->name).progress.changed, 0) << "a second time changes nothing";
  }
  gallery_.reset();
  EXPECT_THAT(OpenSqliteStore(path_, ProtectionBy(2)), IsOk()) << "the first key may go";
}

// The row of a rotation that a kill has interrupted stays behind; here, as such a server would leave it.
TEST_F(KeyRotationsTest, GoesOnAfterARestart) {
  Open();
  const auto interrupted = gallery_->coordination().BeginKeyRotation({"killed", "host"});
  ASSERT_THAT(interrupted, IsOk());
  ASSERT_THAT(gallery_->RotateKeys("", 100), IsOk());
  KeyRotations rotations(*gallery_);
  ASSERT_THAT(rotations.Resume(), IsOk());
  const OperationRecord ended = AwaitEnd(interrupted->name);
  EXPECT_EQ(ended.state, OperationState::kSucceeded);
  EXPECT_EQ(ended.progress.done, kPersons);
  EXPECT_EQ(ended.progress.changed, kPersons - 100);
  gallery_.reset();
}

}  // namespace
}  // namespace likeness
