#include "server/threads/guarded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;

TEST(RunGuardedTest, LeavesAloneWhatThrowsNothing) {
  const int64_t before = ThreadFailures(ThreadKind::kWorker);
  bool ran = false;
  EXPECT_THAT(RunGuarded(ThreadKind::kWorker, [&] { ran = true; }), IsOk());
  EXPECT_TRUE(ran);
  EXPECT_EQ(ThreadFailures(ThreadKind::kWorker), before);
}

TEST(RunGuardedTest, SaysAndCountsWhatWasThrown) {
  const int64_t before = ThreadFailures(ThreadKind::kTraining);
  const int64_t others = ThreadFailures(ThreadKind::kWorker);
  const absl::Status status = RunGuarded(ThreadKind::kTraining, [] { throw std::runtime_error("no memory left"); });
  EXPECT_THAT(status, FailsWith(Reason::INTERNAL));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no memory left"));
  EXPECT_EQ(ThreadFailures(ThreadKind::kTraining), before + 1);
  EXPECT_EQ(ThreadFailures(ThreadKind::kWorker), others);
}

TEST(RunGuardedTest, CatchesWhatIsNoException) {
  EXPECT_THAT(RunGuarded(ThreadKind::kWorker, [] { throw 7; }), FailsWith(Reason::INTERNAL));
}

TEST(RunGuardedTest, NoThreadEndsTheProcess) {
  std::thread([] { RunGuarded(ThreadKind::kWorker, [] { throw std::bad_alloc(); }).IgnoreError(); }).join();
}

TEST(RunGuardedTest, EveryThreadHasANameOfItsOwn) {
  std::set<absl::string_view> names;
  for (int i = 0; i < kThreadKindCount; ++i) names.insert(ThreadName(static_cast<ThreadKind>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kThreadKindCount));
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace likeness
