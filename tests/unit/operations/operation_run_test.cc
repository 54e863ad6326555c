#include "server/operations/operation_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

class OperationRunTest : public testing::Test {
 protected:
  OperationRunTest() { record_ = *Operations().BeginKeyRotation(self_); }

  Coordination& Operations() { return store_->coordination(); }

  std::unique_ptr<OperationRun> Run() {
    return std::make_unique<OperationRun>(Operations(), self_, record_, [this] { return stopping_.load(); });
  }

  static absl::Status AwaitVerdict(const OperationRun& run) {
    const absl::Time start = absl::Now();
    while (run.Check().ok() && absl::Now() - start < absl::Seconds(20)) absl::SleepFor(absl::Milliseconds(5));
    return run.Check();
  }

  const std::unique_ptr<SqlStore> store_ = *OpenSqliteStore(UniquePath("gallery.sqlite"));
  const OperationOwner self_ = ThisServer();
  std::atomic<bool> stopping_ = false;
  OperationRecord record_;
};

TEST_F(OperationRunTest, HearsThatItIsCancelled) {
  const auto run = Run();
  EXPECT_THAT(run->Check(), IsOk());
  ASSERT_THAT(Operations().CancelOperation(record_.name), IsOk());
  EXPECT_THAT(AwaitVerdict(*run), FailsWith(Reason::CANCELLED));
  EXPECT_THAT(run->End(run->Check(), /*others_may_go_on=*/false), FailsWith(Reason::CANCELLED));
  EXPECT_EQ(Operations().GetOperation(record_.name)->state, OperationState::kCancelled);
}

TEST_F(OperationRunTest, HearsThatAnotherServerHasTakenItOverAndLeavesItAlone) {
  const auto run = Run();
  const OperationOwner other = ThisServer();
  ASSERT_THAT(Operations().ReleaseOperation(record_.name, self_), IsOk());
  ASSERT_THAT(Operations().TakeOperation(record_.name, other), IsOk());
  const absl::Status lost = AwaitVerdict(*run);
  EXPECT_TRUE(IsOperationLost(lost)) << lost;
  run->End(lost, /*others_may_go_on=*/false).IgnoreError();
  EXPECT_EQ(Operations().GetOperation(record_.name)->state, OperationState::kRunning);
}

TEST_F(OperationRunTest, LetsOthersGoOnWhenTheServerEnds) {
  const auto run = Run();
  stopping_ = true;
  EXPECT_THAT(run->Check(), FailsWith(Reason::SHUTTING_DOWN));
  run->End(run->Check(), /*others_may_go_on=*/false).IgnoreError();
  const auto record = Operations().GetOperation(record_.name);
  EXPECT_EQ(record->state, OperationState::kRunning);
  EXPECT_FALSE(record->held);
  EXPECT_THAT(Operations().TakeOperation(record_.name, ThisServer()), IsOk());
}

TEST_F(OperationRunTest, WhatTheStoreHasFailedIsGoneOnWithWhereThereAreOthers) {
  const auto run = Run();
  run->End(MakeError(Reason::STORE_FAILED, "the database was away"), /*others_may_go_on=*/true).IgnoreError();
  EXPECT_EQ(Operations().GetOperation(record_.name)->state, OperationState::kRunning);
  EXPECT_FALSE(Operations().GetOperation(record_.name)->held);
}

TEST_F(OperationRunTest, NotesTheProgress) {
  const auto run = Run();
  run->SetProgress({.done = 3, .total = 7});
  const absl::Time start = absl::Now();
  while (Operations().GetOperation(record_.name)->progress.done != 3 && absl::Now() - start < absl::Seconds(20)) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  EXPECT_EQ(Operations().GetOperation(record_.name)->progress, (OperationProgress{.done = 3, .total = 7}));
}

}  // namespace
}  // namespace likeness
