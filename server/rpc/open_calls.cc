#include "server/rpc/open_calls.h"

#include "absl/time/clock.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

absl::Status ShuttingDown() { return MakeError(Reason::SHUTTING_DOWN, "the server is shutting down"); }

}  // namespace

absl::Status OpenCalls::Arrive() {
  absl::MutexLock lock(&mutex_);
  ++calls_;
  ++arrivals_;
  return draining_ ? ShuttingDown() : absl::OkStatus();
}

void OpenCalls::Leave() {
  absl::MutexLock lock(&mutex_);
  --calls_;
}

void OpenCalls::Return() {
  absl::MutexLock lock(&mutex_);
  ++calls_;
}

absl::Status OpenCalls::CheckOpen() const {
  absl::MutexLock lock(&mutex_);
  return draining_ ? ShuttingDown() : absl::OkStatus();
}

void OpenCalls::Drain(absl::Duration limit) {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
  mutex_.AwaitWithTimeout(absl::Condition(this, &OpenCalls::IsIdle), limit);
  // gRPC answers what reaches a server between its Shutdown() and its callers' hearing of it with CANCELLED, which
  // tells nobody to go elsewhere (grpc/grpc#41785). Callers that were refused go elsewhere by themselves.
  const absl::Time deadline = absl::Now() + notice_.longest;
  int64_t seen = 0;
  const auto more = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return arrivals_ > seen; };
  do {
    seen = arrivals_;
  } while (mutex_.AwaitWithTimeout(absl::Condition(&more), notice_.quiet) && absl::Now() < deadline);
}

}  // namespace likeness
