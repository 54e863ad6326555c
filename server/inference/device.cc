#include "server/inference/device.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/inference/cuda_devices.h"

namespace likeness {

std::string Device::Name() const { return kind == Kind::kCpu ? "cpu" : absl::StrCat("cuda:", index); }

absl::StatusOr<Device> ParseDevice(absl::string_view text) {
  if (text == "cpu") return Device{};
  if (text == "auto") return CudaDeviceCount() > 0 ? Device{Device::Kind::kCuda, 0} : Device{};
  int index = 0;
  absl::string_view number = text;
  const bool cuda = text == "cuda" || (absl::ConsumePrefix(&number, "cuda:") && absl::SimpleAtoi(number, &index));
  if (!cuda || index < 0) {
    return absl::InvalidArgumentError(absl::StrCat("device must be auto, cpu, cuda or cuda:N, not '", text, "'"));
  }
  if (index >= CudaDeviceCount()) {
    return absl::FailedPreconditionError(
        absl::StrCat("there is no device ", text, ": LibTorch sees ", CudaDeviceCount(), " CUDA devices"));
  }
  return Device{Device::Kind::kCuda, index};
}

}  // namespace likeness
