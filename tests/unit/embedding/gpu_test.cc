// The networks on a CUDA device against the same on the processor. Skipped where LibTorch sees no such device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "server/embedding/torch_embedder.h"
#include "server/inference/cuda_devices.h"
#include "server/verification/distance.h"
#include "tests/support/bundles.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

constexpr Device kGpu{Device::Kind::kCuda, 0};
constexpr double kSameInFp32 = 1e-3;
constexpr double kSameInFp16 = 5e-3;

class GpuTest : public testing::Test {
 protected:
  void SetUp() override {
    if (CudaDeviceCount() == 0) GTEST_SKIP() << "LibTorch sees no CUDA device";
  }

  static std::unique_ptr<TorchEmbedder> Load(const Device& device, Precision precision = Precision::kFp32) {
    auto loaded = TorchEmbedder::Load(ModelPath("mobilefacenet-192.pt"), device, precision);
    EXPECT_THAT(loaded, IsOk());
    return *std::move(loaded);
  }

  // Crops as different from each other as plain colours and patterns can be.
  static std::vector<Picture> Crops() {
    std::vector<Picture> crops = {FourColours(112, 112)};
    for (uint8_t level : {0, 60, 120, 180, 240}) {
      crops.push_back(PlainPicture(112, 112, {level, 30, 200}));
      Picture gradient = FourColours(112, 112);
      for (size_t i = 0; i < gradient.rgb.size(); ++i) gradient.rgb[i] = static_cast<uint8_t>(level + i / 300);
      crops.push_back(gradient);
    }
    return crops;
  }

  // The largest difference between a distance of two crops here and there.
  static double LargestDisagreement(const Embedder& here, const Embedder& there) {
    const std::vector<Picture> crops = Crops();
    const auto a = here.Embed(crops);
    const auto b = there.Embed(crops);
    EXPECT_THAT(a, IsOk());
    EXPECT_THAT(b, IsOk());
    double largest = 0;
    for (size_t i = 0; i < crops.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        largest = std::max(largest, std::abs(EuclideanDistance((*a)[i].values, (*a)[j].values) -
                                             EuclideanDistance((*b)[i].values, (*b)[j].values)));
      }
    }
    return largest;
  }
};

TEST_F(GpuTest, DistancesAgreeWithTheProcessorsInFp32) {
  EXPECT_LE(LargestDisagreement(*Load(Device{}), *Load(kGpu)), kSameInFp32);
}

TEST_F(GpuTest, DistancesAgreeWithTheProcessorsInFp16) {
  EXPECT_LE(LargestDisagreement(*Load(Device{}), *Load(kGpu, Precision::kFp16)), kSameInFp16);
}

TEST_F(GpuTest, ThreadsWithTheirOwnStreamsGetWhatOneAloneGets) {
  const auto embedder = Load(kGpu);
  const std::vector<Picture> crops = Crops();
  const auto alone = embedder->Embed(crops);
  ASSERT_THAT(alone, IsOk());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int run = 0; run < 20; ++run) {
        const auto again = embedder->Embed(crops);
        ASSERT_THAT(again, IsOk());
        for (size_t i = 0; i < crops.size(); ++i) {
          EXPECT_LT(EuclideanDistance((*again)[i].values, (*alone)[i].values), kSameInFp32);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace likeness
