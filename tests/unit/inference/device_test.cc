#include "server/inference/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/inference/cuda_devices.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;

TEST(DeviceTest, ReadsTheProcessor) {
  const absl::StatusOr<Device> device = ParseDevice("cpu");
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(device->Name(), "cpu");
}

TEST(DeviceTest, TakesACudaDeviceByItselfWhereThereIsOne) {
  const absl::StatusOr<Device> device = ParseDevice("auto");
  ASSERT_THAT(device, IsOk());
  EXPECT_EQ(device->Name(), CudaDeviceCount() > 0 ? "cuda:0" : "cpu");
}

TEST(DeviceTest, RefusesACudaDeviceThatIsNotThere) {
  const std::string one_too_many = absl::StrCat("cuda:", CudaDeviceCount());
  EXPECT_THAT(ParseDevice(one_too_many), HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(one_too_many)));
}

TEST(DeviceTest, RefusesWhatIsNoDevice) {
  for (const char* text :
       {"", "CPU", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1.5", "cuda0", "cpu:0", "cuda:99999999999"}) {
    EXPECT_THAT(ParseDevice(text), HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr(text))) << text;
  }
}

}  // namespace
}  // namespace likeness
