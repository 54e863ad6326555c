#include "server/rpc/call_dispatcher.h"

#include <chrono>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/rpc/status_mapping.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

// A call between its arrival and its answer.
struct Call {
  grpc::CallbackServerContext* context;
  grpc::ServerUnaryReactor* reactor;
  std::string method;
  std::chrono::steady_clock::time_point arrival;
};

absl::Status CheckStillWanted(const Call& call) {
  if (call.context->deadline() <= std::chrono::system_clock::now()) {
    return MakeError(Reason::DEADLINE_EXCEEDED, "the call's deadline passed before the work was done");
  }
  if (call.context->IsCancelled()) return MakeError(Reason::CANCELLED, "the caller has gone");
  return absl::OkStatus();
}

absl::Status RunHandler(const Call& call, CallDispatcher::Handler& handler) {
  const auto still_wanted = [&call] { return CheckStillWanted(call); };
  if (absl::Status wanted = still_wanted(); !wanted.ok()) return wanted;
  try {
    return handler(still_wanted);
  } catch (const std::exception& error) {
    return MakeError(Reason::INTERNAL, absl::StrCat("unexpected: ", error.what()));
  }
}

void Answer(const Call& call, const absl::Status& status, Metrics& metrics) {
  const grpc::Status answer = ToGrpcStatus(status);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - call.arrival).count();
  metrics.CountCall(call.method, CodeName(answer.error_code()), seconds);
  nlohmann::ordered_json line{{"method", call.method}, {"code", CodeName(answer.error_code())}};
  if (!status.ok()) line["reason"] = ReasonName(ReasonOf(status));
  line["milliseconds"] = seconds * 1e3;
  line["peer"] = call.context->peer();
  const bool our_fault = answer.error_code() == grpc::StatusCode::INTERNAL ||
                         answer.error_code() == grpc::StatusCode::DATA_LOSS ||
                         ReasonOf(status) == Reason::STORE_FAILED;
  if (!status.ok() && our_fault) line["message"] = answer.error_message();
  Log(!status.ok() && our_fault ? LogLevel::kError : LogLevel::kInfo, "call", line);
  call.reactor->Finish(answer);
}

}  // namespace

grpc::ServerUnaryReactor* CallDispatcher::Run(grpc::CallbackServerContext* context, std::string method,
                                              Handler handler) {
  const Call call{context, context->DefaultReactor(), std::move(method), std::chrono::steady_clock::now()};
  const bool admitted = pool_.TrySubmit([this, call, handler = std::move(handler)]() mutable {
    Answer(call, RunHandler(call, handler), metrics_);
  });
  if (!admitted) {
    Answer(call, MakeError(Reason::OVERLOADED, "the server has as much work waiting as it allows"), metrics_);
  }
  return call.reactor;
}

}  // namespace likeness
