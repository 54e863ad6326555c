#include "server/rpc/call_dispatcher.h"

#include <chrono>
#include <utility>

#include "server/errors/errors.h"
#include "server/rpc/call_report.h"
#include "server/threads/guarded.h"

namespace likeness {
// A call from its arrival until its answer has left. Deletes itself then.
class CallDispatcher::Call : public grpc::ServerUnaryReactor {
 public:
  Call(CallDispatcher& dispatcher, grpc::CallbackServerContext& context, std::string method)
      : dispatcher_(dispatcher), context_(context), method_(std::move(method)) {}

  void OnDone() override {
    dispatcher_.open_calls_.Leave();
    delete this;
  }

  const std::string& method() const { return method_; }
  void SetCaller(Caller caller) { caller_ = std::move(caller); }
  CallReport Report() const {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - arrival_;
    return {method_, context_.peer(), caller_.name, seconds.count(), TraceOf(context_)};
  }

  absl::Status CheckStillWanted() const {
    if (context_.deadline() <= std::chrono::system_clock::now()) {
      return MakeError(Reason::DEADLINE_EXCEEDED, "the call's deadline passed before the work was done");
    }
    if (context_.IsCancelled()) return MakeError(Reason::CANCELLED, "the caller has gone");
    return absl::OkStatus();
  }

  absl::Status RunHandler(Handler& handler) const {
    const auto still_wanted = [this] { return CheckStillWanted(); };
    if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
    absl::Status answer;
    const absl::Status ran = RunGuarded(ThreadKind::kWorker, [&] { answer = handler(caller_, still_wanted); });
    return ran.ok() ? answer : ran;
  }

 private:
  CallDispatcher& dispatcher_;
  grpc::CallbackServerContext& context_;
  const std::string method_;
  Caller caller_;
  const std::chrono::steady_clock::time_point arrival_ = std::chrono::steady_clock::now();
};

grpc::ServerUnaryReactor* CallDispatcher::Run(grpc::CallbackServerContext* context, std::string method, Lane lane,
                                              Handler handler) {
  auto* call = new Call(*this, *context, std::move(method));
  if (absl::Status open = open_calls_.Arrive(); !open.ok()) {
    Answer(*call, open);
    return call;
  }
  absl::Status refused;
  const absl::Status ran = RunGuarded(ThreadKind::kWorker, [&] {
    absl::StatusOr<Caller> caller = admission_.Admit(*context, call->method());
    refused = caller.status();
    if (!caller.ok()) return;
    call->SetCaller(*std::move(caller));
    if (!Admit(*call, lane, std::move(handler))) {
      refused = MakeError(Reason::OVERLOADED, "the server has as much work waiting as it allows");
    }
  });
  // Where it throws the call has not been handed to a worker.
  if (!ran.ok() || !refused.ok()) Answer(*call, ran.ok() ? refused : ran);
  return call;
}

bool CallDispatcher::Admit(Call& call, Lane lane, Handler handler) {
  return pool_.TrySubmit(lane, [this, &call, handler = std::move(handler)]() mutable {
    const absl::Status status = call.RunHandler(handler);
    handler = nullptr;  // what it holds ends before the call does
    Answer(call, status);
  });
}

void CallDispatcher::Answer(Call& call, const absl::Status& status) {
  grpc::Status answer(grpc::StatusCode::INTERNAL, "");
  RunGuarded(ThreadKind::kWorker, [&] { answer = ReportCall(call.Report(), status, metrics_); }).IgnoreError();
  call.Finish(answer);  // the call may be gone from here on
}

}  // namespace likeness
