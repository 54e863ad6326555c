#include "server/rpc/grpc_log.h"

#include <grpc/support/log.h>

#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

constexpr int kLinesASecond = 10;
constexpr size_t kLongestMessage = 1000;

LogLevel LevelOf(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return LogLevel::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return LogLevel::kInfo;
    case GPR_LOG_SEVERITY_ERROR:
      return LogLevel::kError;
  }
  return LogLevel::kError;
}

// Thread-safe.
class Ration {
 public:
  // Whether another line may be written now, and how many were left out before it.
  std::pair<bool, int64_t> Take() {
    absl::MutexLock lock(&mutex_);
    const absl::Time now = absl::Now();
    if (now < second_ || now >= second_ + absl::Seconds(1)) {
      second_ = now;
      taken_ = 0;
    }
    if (taken_ == kLinesASecond) {
      ++left_out_;
      return {false, 0};
    }
    ++taken_;
    return {true, std::exchange(left_out_, 0)};
  }

 private:
  absl::Mutex mutex_;
  absl::Time second_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int taken_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

void LogLine(gpr_log_func_args* said) {
  static Ration& ration = *new Ration;  // gRPC's threads outlive what is static
  const auto [may, left_out] = ration.Take();
  if (!may) return;
  absl::string_view file = said->file;
  file.remove_prefix(file.rfind('/') + 1);
  nlohmann::ordered_json fields{{"message", std::string(absl::string_view(said->message).substr(0, kLongestMessage))},
                                {"at", absl::StrCat(file, ":", said->line)}};
  if (left_out > 0) fields["left_out"] = left_out;
  Log(LevelOf(said->severity), "grpc", fields);
}

}  // namespace

void LogWhatGrpcSays() { gpr_set_log_function(&LogLine); }

}  // namespace likeness
