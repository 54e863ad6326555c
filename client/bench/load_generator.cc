#include "client/bench/load_generator.h"

#include <cstddef>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/call_status.h"
#include "grpcpp/alarm.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/byte_buffer.h"

namespace likeness {

using std::chrono::steady_clock;
using std::chrono::system_clock;

struct LoadGenerator::Call {
  SteadyTime due;
  SteadyTime sent;
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;
  grpc::Alarm departure;  // of the caller
};

LoadGenerator::LoadGenerator(const std::vector<std::shared_ptr<grpc::Channel>>& channels, const Workload& workload,
                             const LoadOptions& options, Tally& tally)
    : workload_(workload),
      options_(options),
      method_(absl::StrCat("/", v1::FaceVerificationService::service_full_name(), "/", NameOf(workload.method()))),
      tally_(tally) {
  for (const auto& channel : channels) stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
}

void LoadGenerator::Run(SteadyTime start, SteadyTime end) {
  end_ = end;
  if (options_.calls_per_second.has_value()) {
    SendWhenDue(Schedule(*options_.calls_per_second, options_.arrivals), start, end, RealClock(),
                [this](SteadyTime due) {
                  if (!stopped_) Send(due);
                  return !stopped_;
                });
  } else {
    std::this_thread::sleep_until(start);
    for (int i = 0; i < options_.concurrency; ++i) Send(steady_clock::now());
  }
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &LoadGenerator::IsIdle));
}

int64_t LoadGenerator::in_flight() const {
  absl::MutexLock lock(&mutex_);
  return in_flight_;
}

void LoadGenerator::Send(SteadyTime due) {
  {
    absl::MutexLock lock(&mutex_);
    ++in_flight_;
  }
  const int64_t number = sent_++;
  const auto call = std::make_shared<Call>();
  call->due = due;
  call->request = workload_.Request(number);
  call->sent = steady_clock::now();
  call->context.set_deadline(system_clock::now() + options_.timeout);
  grpc::GenericStub& stub = *stubs_[static_cast<size_t>(number) % stubs_.size()];
  stub.UnaryCall(&call->context, method_, grpc::StubOptions(), &call->request, &call->response,
                 [this, call](const grpc::Status& status) { Finish(*call, status); });
  if (options_.cancel_after.has_value()) {
    call->departure.Set(system_clock::now() + *options_.cancel_after, [call = std::weak_ptr(call)](bool rang) {
      const std::shared_ptr<Call> waiting = call.lock();
      if (rang && waiting != nullptr) waiting->context.TryCancel();
    });
  }
}

void LoadGenerator::Finish(Call& call, const grpc::Status& status) {
  const SteadyTime now = steady_clock::now();
  tally_.Add({call.due, call.sent, now, ToAbslStatus(status)});
  const bool closed_loop = !options_.calls_per_second.has_value();
  if (closed_loop && now < end_ && !stopped_) Send(now);
  absl::MutexLock lock(&mutex_);
  --in_flight_;
}

}  // namespace likeness
