#include "server/trainings/training_config.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

BundleManifest Untrained() {
  BundleManifest manifest;
  manifest.name = "base";
  manifest.margin = 1.4;
  return manifest;
}

BundleManifest Trained() {
  BundleManifest manifest = Untrained();
  manifest.operating_points.emplace_back();
  return manifest;
}

TEST(TrainingConfigTest, HoldsANetworkThatHasLearnedMuchWhereItIs) {
  EXPECT_GT(CompleteConfig({}, Trained())->distillation(), 0);
  EXPECT_EQ(CompleteConfig({}, Untrained())->distillation(), 0) << "there is nothing to forget";
}

TEST(TrainingConfigTest, TakesTheWeightOfDistillationThatIsAskedFor) {
  v1::TrainingConfig config;
  config.set_distillation(0);
  EXPECT_EQ(CompleteConfig(config, Trained())->distillation(), 0);
  config.set_distillation(0.25);
  const auto complete = CompleteConfig(config, Untrained());
  ASSERT_THAT(complete, IsOk());
  EXPECT_EQ(TrainerOptionsOf(*complete, 1).distillation, 0.25);
  for (double wrong : {-0.1, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    config.set_distillation(wrong);
    EXPECT_THAT(CompleteConfig(config, Trained()).status(), FailsWith(Reason::FIELD_INVALID, "config.distillation"));
  }
}

}  // namespace
}  // namespace likeness
