// What every Store promises to several threads.
#include <gmock/gmock.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/barrier.h"
#include "tests/support/matchers.h"
#include "tests/unit/gallery/store_conformance.h"

namespace likeness {
namespace {

constexpr EnrolmentLimits kMany = {.references = 1000};

TEST_P(StoreConformanceTest, CarriesOutARequestOnceHoweverManySendItAtOnce) {
  constexpr int kThreads = 8;
  auto* barrier = new absl::Barrier(kThreads);
  std::vector<absl::StatusOr<EnrolmentResult>> results(kThreads, absl::UnknownError("not run"));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      if (barrier->Block()) delete barrier;
      results[i] = store_->Enrol(EnrolmentOf("ada", {ReferenceNamed(absl::StrCat("r", i))}, "request", 1), kMany);
    });
  }
  for (std::thread& thread : threads) thread.join();
  int carried_out = 0;
  for (const absl::StatusOr<EnrolmentResult>& result : results) {
    ASSERT_THAT(result, IsOk());
    carried_out += result->replayed ? 0 : 1;
    EXPECT_EQ(IdsOf(result->references), IdsOf(results[0]->references));
  }
  EXPECT_EQ(carried_out, 1);
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, 1)));
}

TEST_P(StoreConformanceTest, ServesReadersAndWritersAtOnce) {
  constexpr int kWriters = 3, kReaders = 3, kRounds = 20;
  auto* barrier = new absl::Barrier(kWriters + kReaders);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      if (barrier->Block()) delete barrier;
      for (int i = 0; i < kRounds; ++i) {
        const std::string id = absl::StrCat("r", writer, "-", i);
        EXPECT_THAT(store_->Enrol(EnrolmentOf("ada", {ReferenceNamed(id), ReferenceNamed(id + "b")}), kMany), IsOk());
        if (i % 2 == 0) {
          EXPECT_THAT(store_->DeleteReference("ada", id), IsOk());
          EXPECT_THAT(store_->DeleteReference("ada", id + "b"), IsOk());
        }
      }
    });
  }
  for (int reader = 0; reader < kReaders; ++reader) {
    threads.emplace_back([&] {
      if (barrier->Block()) delete barrier;
      for (int i = 0; i < kRounds; ++i) {
        const auto references = store_->References("ada");
        EXPECT_TRUE(references.ok() || ReasonOf(references.status()) == Reason::PERSON_NOT_FOUND)
            << references.status();
        EXPECT_THAT(store_->ListPersons("", 10), IsOk());
        EXPECT_THAT(store_->Size(), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(store_->Size(), IsOkAndHolds(HasSize(1, kWriters * kRounds)));
}

}  // namespace
}  // namespace likeness
