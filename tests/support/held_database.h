// A database whose transactions wait while a test holds it.
#ifndef LIKENESS_TESTS_SUPPORT_HELD_DATABASE_H_
#define LIKENESS_TESTS_SUPPORT_HELD_DATABASE_H_

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/gallery/sql.h"

namespace likeness {

// Shared by a test and its HeldDatabase. Thread-safe.
class Hold {
 public:
  // From now on every transaction waits before it begins.
  void Close() { Set(true); }
  void Open() { Set(false); }

  void Pass() {
    absl::MutexLock lock(&mutex_);
    ++waiting_;
    mutex_.Await(absl::Condition(
        +[](Hold* hold) { return !hold->closed_; }, this));
    --waiting_;
  }
  int waiting() const {
    absl::MutexLock lock(&mutex_);
    return waiting_;
  }

 private:
  void Set(bool closed) {
    absl::MutexLock lock(&mutex_);
    closed_ = closed;
  }

  mutable absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

class HeldDatabase : public SqlDatabase {
 public:
  HeldDatabase(std::unique_ptr<SqlDatabase> database, std::shared_ptr<Hold> hold)
      : database_(std::move(database)), hold_(std::move(hold)) {}

  absl::Status Read(Work work) override {
    hold_->Pass();
    return database_->Read(work);
  }
  absl::Status Write(Work work) override {
    hold_->Pass();
    return database_->Write(work);
  }
  absl::Status Erase(Work work) override {
    hold_->Pass();
    return database_->Erase(work);
  }
  bool shared() const override { return database_->shared(); }
  void AwaitChange(absl::Duration limit) override { database_->AwaitChange(limit); }

 private:
  const std::unique_ptr<SqlDatabase> database_;
  const std::shared_ptr<Hold> hold_;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_HELD_DATABASE_H_
