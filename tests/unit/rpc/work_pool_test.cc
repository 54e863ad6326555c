#include "server/rpc/work_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace likeness {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Le;

WorkPool::Options Size(int workers, int queue_limit) {
  WorkPool::Options options;
  options.workers = workers;
  options.queue_limit = queue_limit;
  return options;
}

// Keeps a pool's workers busy from its construction until Release().
class BusyWorkers {
 public:
  BusyWorkers(WorkPool& pool, int workers) {
    absl::BlockingCounter started(workers);
    for (int i = 0; i < workers; ++i) {
      EXPECT_TRUE(pool.TrySubmit([this, &started] {
        started.DecrementCount();
        released_.WaitForNotification();
      }));
    }
    started.Wait();
  }
  void Release() { released_.Notify(); }

 private:
  absl::Notification released_;
};

TEST(WorkPoolTest, RunsWhatItIsGiven) {
  WorkPool pool(Size(2, 10));
  absl::BlockingCounter done(5);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool.TrySubmit([&done] { done.DecrementCount(); }));
  done.Wait();
}

TEST(WorkPoolTest, TakesWorkThatCannotBeCopied) {
  WorkPool pool(Size(1, 1));
  absl::Notification done;
  auto value = std::make_unique<int>(7);
  EXPECT_TRUE(pool.TrySubmit([value = std::move(value), &done] {
    EXPECT_EQ(*value, 7);
    done.Notify();
  }));
  done.WaitForNotification();
}

TEST(WorkPoolTest, StartsWorkInTheOrderOfItsSubmission) {
  std::vector<int> order;
  {
    WorkPool pool(Size(1, 10));
    BusyWorkers busy(pool, 1);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool.TrySubmit([&order, i] { order.push_back(i); }));
    busy.Release();
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST(WorkPoolTest, RefusesWorkWhenTheQueueIsFull) {
  WorkPool pool(Size(2, 3));
  BusyWorkers busy(pool, 2);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.TrySubmit([] {})) << i;
  EXPECT_FALSE(pool.TrySubmit([] { FAIL() << "refused work was run"; }));
  busy.Release();
}

TEST(WorkPoolTest, TakesWorkForIdleWorkersEvenWhenNoneMayWait) {
  WorkPool pool(Size(2, 0));
  BusyWorkers busy(pool, 2);  // both are taken, though the queue's limit is 0
  EXPECT_FALSE(pool.TrySubmit([] {}));
  busy.Release();
}

TEST(WorkPoolTest, TakesWorkAgainOnceAWorkerIsFree) {
  WorkPool pool(Size(1, 1));
  BusyWorkers busy(pool, 1);
  absl::Notification done;
  EXPECT_TRUE(pool.TrySubmit([&done] { done.Notify(); }));
  EXPECT_FALSE(pool.TrySubmit([] {}));
  busy.Release();
  done.WaitForNotification();
  absl::Notification again;
  EXPECT_TRUE(pool.TrySubmit([&again] { again.Notify(); }));
  again.WaitForNotification();
}

TEST(WorkPoolTest, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> run = 0;
  {
    WorkPool pool(Size(2, 100));
    BusyWorkers busy(pool, 2);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(pool.TrySubmit([&run] { ++run; }));
    busy.Release();
  }
  EXPECT_EQ(run, 100);
}

TEST(WorkPoolTest, EndsWithoutEverHavingWorked) { WorkPool pool(Size(4, 4)); }

TEST(WorkPoolTest, EndsWhatWorkHoldsOnceItHasRun) {
  absl::Notification ended;
  WorkPool pool(Size(1, 1));
  {
    auto notify = [&ended](int* value) {
      delete value;
      ended.Notify();
    };
    std::unique_ptr<int, decltype(notify)> held(new int(1), notify);
    EXPECT_TRUE(pool.TrySubmit([held = std::move(held)] {}));
  }
  ended.WaitForNotification();
}

TEST(WorkPoolTest, TellsHowMuchWaitsAfterEachChange) {
  absl::Mutex mutex;
  std::vector<int64_t> depths;
  WorkPool::Options options = Size(1, 3);
  options.on_depth = [&](int64_t waiting) {
    absl::MutexLock lock(&mutex);
    depths.push_back(waiting);
  };
  {
    WorkPool pool(options);
    BusyWorkers busy(pool, 1);
    {
      absl::MutexLock lock(&mutex);
      depths.clear();
    }
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.TrySubmit([] {}));
    EXPECT_FALSE(pool.TrySubmit([] {}));
    busy.Release();
  }
  EXPECT_THAT(depths, ElementsAre(1, 2, 3, 2, 1, 0));
}

// Keeps the gallery's share of a pool busy, and more of it waiting, from its construction until Release().
class HangingGallery {
 public:
  HangingGallery(WorkPool& pool, int share, int waiting) {
    absl::BlockingCounter started(share);
    for (int i = 0; i < share + waiting; ++i) {
      EXPECT_TRUE(pool.TrySubmit(Lane::kGallery, [this, &started, counts = i < share] {
        if (counts) started.DecrementCount();
        released_.WaitForNotification();
      })) << i;
    }
    started.Wait();
  }
  void Release() { released_.Notify(); }

 private:
  absl::Notification released_;
};

TEST(WorkPoolTest, WhatHangsInTheGalleryLeavesWorkersToTheRest) {
  for (const int workers : {1, 2, 3, 8}) {
    WorkPool pool(Size(workers, 10));
    HangingGallery gallery(pool, std::max(1, workers / 2), 5);
    for (int i = 0; i < 20; ++i) {
      absl::Notification done;
      ASSERT_TRUE(pool.TrySubmit(Lane::kVerify, [&done] { done.Notify(); }));
      done.WaitForNotification();
    }
    gallery.Release();
  }
}

TEST(WorkPoolTest, TheGallerysShareIsWhatItIsTold) {
  WorkPool::Options options = Size(2, 10);
  options.gallery_workers = 5;
  WorkPool pool(options);
  HangingGallery gallery(pool, 5, 0);
  absl::Notification done;
  ASSERT_TRUE(pool.TrySubmit(Lane::kVerify, [&done] { done.Notify(); }));
  done.WaitForNotification();
  gallery.Release();
}

TEST(WorkPoolTest, OneWorkerNeverRunsTwoOfOneLaneAtOnce) {
  std::atomic<int> running = 0, most = 0;
  {
    WorkPool pool(Size(1, 100));
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(pool.TrySubmit(Lane::kVerify, [&] {
        const int now = ++running;
        if (now > most) most = now;
        --running;
      }));
    }
  }
  EXPECT_EQ(most, 1);
}

TEST(WorkPoolTest, WhatWaitsForTheGalleryTakesHalfOfTheQueueAtMost) {
  WorkPool pool(Size(2, 6));
  HangingGallery gallery(pool, 1, 3);
  EXPECT_FALSE(pool.TrySubmit(Lane::kGallery, [] { FAIL() << "refused work was run"; }));
  {
    BusyWorkers busy(pool, 2);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(pool.TrySubmit(Lane::kVerify, [] {})) << i;
    EXPECT_FALSE(pool.TrySubmit(Lane::kVerify, [] {}));
    busy.Release();
  }
  gallery.Release();
}

int NiceValueHere() { return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid))); }

// Enrollments once slowed verifications down on a busy machine.
TEST(WorkPoolTest, WorkersOfTheGalleryGiveWayToTheRest) {
  WorkPool pool(Size(2, 10));
  int verify = 0, gallery = 0;
  absl::BlockingCounter done(2);
  ASSERT_TRUE(pool.TrySubmit(Lane::kVerify, [&] {
    verify = NiceValueHere();
    done.DecrementCount();
  }));
  ASSERT_TRUE(pool.TrySubmit(Lane::kGallery, [&] {
    gallery = NiceValueHere();
    done.DecrementCount();
  }));
  done.Wait();
  EXPECT_EQ(verify, NiceValueHere());
  EXPECT_GT(gallery, verify);
}

TEST(WorkPoolTest, RunsWhatWaitsForTheGalleryBeforeItEnds) {
  std::atomic<int> run = 0;
  {
    WorkPool pool(Size(1, 100));
    for (int i = 0; i < 40; ++i) EXPECT_TRUE(pool.TrySubmit(Lane::kGallery, [&run] { ++run; }));
  }
  EXPECT_EQ(run, 40);
}

TEST(WorkPoolTest, NeverHoldsMoreThanItMayHoweverManySubmit) {
  constexpr int kThreads = 4, kEach = 500, kWorkers = 2, kLimit = 5;
  std::atomic<int> run = 0, accepted = 0;
  std::vector<int64_t> depths;  // guarded by the pool's lock
  WorkPool::Options options = Size(kWorkers, kLimit);
  options.on_depth = [&](int64_t waiting) { depths.push_back(waiting); };
  {
    WorkPool pool(options);
    auto* barrier = new absl::Barrier(kThreads);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        if (barrier->Block()) delete barrier;
        for (int i = 0; i < kEach; ++i) accepted += pool.TrySubmit([&run] { ++run; }) ? 1 : 0;
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(run, accepted);
  EXPECT_THAT(depths, Each(Le(kLimit + kWorkers)));
}

// It used to end the process.
TEST(WorkPoolTest, AWorkerGoesOnAfterWorkThatThrows) {
  WorkPool pool(Size(1, 2));
  absl::Notification done;
  EXPECT_TRUE(pool.TrySubmit([] { throw std::runtime_error("a fault"); }));
  EXPECT_TRUE(pool.TrySubmit([&done] { done.Notify(); }));
  done.WaitForNotification();
}

}  // namespace
}  // namespace likeness
