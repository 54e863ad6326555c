// Where networks run.
#ifndef LIKENESS_SERVER_INFERENCE_DEVICE_H_
#define LIKENESS_SERVER_INFERENCE_DEVICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace likeness {

struct Device {
  enum class Kind { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int index = 0;  // of the CUDA device

  // "cpu" or "cuda:0".
  std::string Name() const;
};

// What a network computes in. Half precision is for CUDA devices alone, takes about half the time and memory there, and
// moves distances by less than 5e-3.
enum class Precision { kFp32, kFp16 };

// Reads "auto" (the first CUDA device where there is one, otherwise the CPU), "cpu", "cuda" or "cuda:N".
// INVALID_ARGUMENT for anything else, FAILED_PRECONDITION when the CUDA device is not there.
absl::StatusOr<Device> ParseDevice(absl::string_view text);

}  // namespace likeness

#endif  // LIKENESS_SERVER_INFERENCE_DEVICE_H_
