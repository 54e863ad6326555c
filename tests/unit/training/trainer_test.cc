#include "server/training/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "server/embedding/torch_embedder.h"
#include "server/inference/archive.h"
#include "server/seal/seal.h"
#include "server/verification/distance.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr char kFoldedNetwork[] = "mobilefacenet-192.pt";   // 112×112 RGB, batch norm folded
constexpr char kBatchNormNetwork[] = "siamese-article.pt";  // 100×100 grey, untrained

uint8_t Shade(int number) { return static_cast<uint8_t>(number % 256); }

// Three people, told apart by their colours, with two pictures each, one darker than the other.
std::vector<FaceExample> Examples(int side) {
  std::vector<FaceExample> examples;
  for (int person = 0; person < 3; ++person) {
    for (int photo = 0; photo < 2; ++photo) {
      Picture crop = FourColours(side, side);
      for (size_t i = 0; i < crop.rgb.size(); ++i) {
        crop.rgb[i] = Shade(crop.rgb[i] / 2 + 60 * person + 20 * photo + static_cast<int>(i % 3) * 30 * person);
      }
      examples.push_back({std::move(crop), person});
    }
  }
  return examples;
}

std::vector<Picture> CropsOf(const std::vector<FaceExample>& examples) {
  std::vector<Picture> crops;
  for (const FaceExample& example : examples) crops.push_back(example.crop);
  return crops;
}

// Two steps an epoch, of two pairs and one.
TrainerOptions SmallOptions() {
  return {.margin = 1.4, .pairs_per_epoch = 3, .batch_pairs = 2, .learning_rate = 1e-4, .seed = 1};
}

std::unique_ptr<Trainer> MakeTrainer(const char* bundle = kFoldedNetwork,
                                     const TrainerOptions& options = SmallOptions()) {
  const int side = absl::string_view(bundle) == kBatchNormNetwork ? 100 : 112;
  auto trainer = Trainer::Create(*VerifiedBundle::Read(ModelPath(bundle)), Device{}, options, Examples(side));
  EXPECT_THAT(trainer, IsOk());
  return *std::move(trainer);
}

absl::Status GoOn(const TrainingStep&) { return absl::OkStatus(); }

// The last step of the last one.
TrainingStep RunEpochs(Trainer& trainer, int count) {
  TrainingStep last;
  for (int i = 0; i < count; ++i) {
    const absl::StatusOr<TrainingStep> step = trainer.RunEpoch(GoOn);
    EXPECT_THAT(step, IsOk());
    if (step.ok()) last = *step;
  }
  return last;
}

std::string ManifestOf(const char* bundle, const std::string& name) {
  nlohmann::json manifest = nlohmann::json::parse(Archive::Open(ModelPath(bundle), Device{})->manifest());
  manifest["name"] = name;
  return manifest.dump();
}

// All weights and statistics, bit by bit.
std::string BundleOf(const Trainer& trainer, const char* bundle = kFoldedNetwork) {
  const absl::StatusOr<std::string> made = trainer.MakeBundle(ManifestOf(bundle, "trained"));
  EXPECT_THAT(made, IsOk());
  return *made;
}

TEST(TrainerTest, TellsEachStepOfAnEpoch) {
  const auto trainer = MakeTrainer();
  std::vector<TrainingStep> steps;
  const auto last = trainer->RunEpoch([&steps](const TrainingStep& step) {
    steps.push_back(step);
    return absl::OkStatus();
  });
  ASSERT_THAT(last, IsOk());
  ASSERT_THAT(steps, SizeIs(2));
  for (const TrainingStep& step : steps) {
    EXPECT_EQ(step.steps, 2);
    EXPECT_GT(step.loss, 0);
    EXPECT_GT(step.mean_genuine_distance, 0);
    EXPECT_GT(step.mean_impostor_distance, 0);
    EXPECT_GT(step.photos_per_second, 0);
  }
  EXPECT_EQ(steps[0].step, 1);
  EXPECT_EQ(steps[1].step, 2);
  EXPECT_EQ(last->loss, steps[1].loss);
  EXPECT_EQ(trainer->epochs_done(), 1);
}

TEST(TrainerTest, LearnsWhatItIsShown) {
  TrainerOptions options = SmallOptions();
  options.pairs_per_epoch = 8;
  options.batch_pairs = 8;
  const auto trainer = MakeTrainer(kFoldedNetwork, options);
  const double first = RunEpochs(*trainer, 1).loss;
  EXPECT_LT(RunEpochs(*trainer, 5).loss, first / 2);
}

double Difference(const std::vector<std::vector<float>>& a, const std::vector<std::vector<float>>& b) {
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) squares += std::pow(EuclideanDistance(a[i], b[i]), 2);
  return std::sqrt(squares);
}

// Where a step of plain gradient descent leads says what the gradient was.
TEST(TrainerTest, TakesTheSameStepInPartsAsInOneBatch) {
  const std::vector<Picture> crops = CropsOf(Examples(112));
  const auto embeddings_after = [&crops](size_t faces_at_once, int steps) {
    TrainerOptions options = SmallOptions();
    options.optimizer = OptimizerKind::kSgd;
    options.learning_rate = 0.01;
    options.pairs_per_epoch = 5;
    options.batch_pairs = 5;  // ten faces: parts of four, four and two
    options.mirror = true;
    options.distillation = 0.5;
    options.faces_at_once = faces_at_once;
    const auto trainer = MakeTrainer(kFoldedNetwork, options);
    RunEpochs(*trainer, steps);
    return *trainer->Embed(crops);
  };
  const auto before = embeddings_after(10, 0);
  const auto whole = embeddings_after(10, 2);
  const double way = Difference(whole, before);
  EXPECT_GT(way, 0.01);
  EXPECT_LT(Difference(embeddings_after(4, 2), whole), 1e-3 * way);
}

// A part's batch norm would take its statistics from the part.
TEST(TrainerTest, TakesABatchWholeWhereItsFacesDependOnEachOther) {
  const auto loss = [](size_t faces_at_once) {
    TrainerOptions options = SmallOptions();
    options.faces_at_once = faces_at_once;
    return RunEpochs(*MakeTrainer(kBatchNormNetwork, options), 2).loss;
  };
  EXPECT_EQ(loss(2), loss(4));
}

TEST(TrainerTest, KeepsEmbeddingsNearTheBasesByDistillation) {
  const std::vector<Picture> crops = CropsOf(Examples(112));
  const auto way = [&crops](double distillation) {
    TrainerOptions options = SmallOptions();
    options.pairs_per_epoch = 8;
    options.batch_pairs = 8;
    options.mirror = true;
    options.distillation = distillation;
    const auto trainer = MakeTrainer(kFoldedNetwork, options);
    const auto before = trainer->Embed(crops);
    RunEpochs(*trainer, 6);
    return Difference(*trainer->Embed(crops), *before);
  };
  EXPECT_LT(way(10), 0.5 * way(0));
}

TEST(TrainerTest, CanBeCancelledBeforeItsFirstStepWhereTheBaseEmbedsForLong) {
  TrainerOptions options = SmallOptions();
  options.distillation = 1;
  std::vector<int> steps;
  const auto result = MakeTrainer(kFoldedNetwork, options)->RunEpoch([&steps](const TrainingStep& step) {
    steps.push_back(step.step);
    return MakeError(Reason::CANCELLED, "cancelled");
  });
  EXPECT_THAT(result.status(), FailsWith(Reason::CANCELLED));
  EXPECT_THAT(steps, ElementsAre(0));
}

// A step of a thousand pairs lasts longer than the end of a server may.
TEST(TrainerTest, CanBeCancelledInTheMiddleOfAStepThatItTakesInParts) {
  TrainerOptions options = SmallOptions();
  options.pairs_per_epoch = 8;
  options.batch_pairs = 8;
  options.faces_at_once = 4;
  int steps = 0;
  int parts = 0;
  const auto result = MakeTrainer(kFoldedNetwork, options)
                          ->RunEpoch(
                              [&](const TrainingStep&) {
                                ++steps;
                                return absl::OkStatus();
                              },
                              [&]() -> absl::Status {
                                if (++parts < 6) return absl::OkStatus();  // four forward, and the first of those back
                                return MakeError(Reason::CANCELLED, "cancelled");
                              });
  EXPECT_THAT(result.status(), FailsWith(Reason::CANCELLED));
  EXPECT_EQ(parts, 6);
  EXPECT_EQ(steps, 0);
}

TEST(TrainerTest, NeedsNoMoreMemoryForALargerStepWhereTheNetworkTakesItInParts) {
  const auto memory = [](const char* bundle, int batch_pairs) {
    TrainerOptions options = SmallOptions();
    options.pairs_per_epoch = 1024;
    options.batch_pairs = batch_pairs;
    const auto bytes = Trainer::MeasureMemory(*VerifiedBundle::Read(ModelPath(bundle)), Device{}, options);
    EXPECT_THAT(bytes, IsOk());
    return *bytes;
  };
  EXPECT_EQ(memory(kFoldedNetwork, 1024), memory(kFoldedNetwork, 8));
  EXPECT_LT(memory(kFoldedNetwork, 2), memory(kFoldedNetwork, 8));
  EXPECT_GT(memory(kBatchNormNetwork, 1024), 2 * memory(kBatchNormNetwork, 64));
}

TEST(TrainerTest, TrainsByGradientDescentToo) {
  TrainerOptions options = SmallOptions();
  options.optimizer = OptimizerKind::kSgd;
  const auto trainer = MakeTrainer(kFoldedNetwork, options);
  const std::string before = BundleOf(*trainer);
  RunEpochs(*trainer, 1);
  EXPECT_NE(BundleOf(*trainer), before);
}

TEST(TrainerTest, MakesTheSameWeightsOfTheSameSeed) {
  const auto trained = [](uint64_t seed, bool mirror, bool mine_hardest) {
    TrainerOptions options = SmallOptions();
    options.seed = seed;
    options.mirror = mirror;
    options.mine_hardest = mine_hardest;
    const auto trainer = MakeTrainer(kFoldedNetwork, options);
    RunEpochs(*trainer, 2);
    return BundleOf(*trainer);
  };
  const std::string weights = trained(1, false, false);
  EXPECT_EQ(trained(1, false, false), weights);
  EXPECT_NE(trained(2, false, false), weights);
  EXPECT_NE(trained(1, true, false), weights);
  EXPECT_NE(trained(1, false, true), weights);
}

TEST(TrainerTest, GoesOnFromACheckpointAsIfNothingHadHappened) {
  for (OptimizerKind optimizer : {OptimizerKind::kAdam, OptimizerKind::kSgd}) {
    TrainerOptions options = SmallOptions();
    options.optimizer = optimizer;
    options.mirror = true;
    options.distillation = 0.1;
    options.faces_at_once = 3;
    const std::string path = UniquePath("checkpoint");
    const auto interrupted = MakeTrainer(kFoldedNetwork, options);
    RunEpochs(*interrupted, 2);
    ASSERT_THAT(interrupted->SaveCheckpoint(path), IsOk());
    const auto resumed = MakeTrainer(kFoldedNetwork, options);
    ASSERT_THAT(resumed->RestoreCheckpoint(path), IsOk());
    EXPECT_EQ(resumed->epochs_done(), 2);
    RunEpochs(*resumed, 1);
    const auto straight = MakeTrainer(kFoldedNetwork, options);
    RunEpochs(*straight, 3);
    EXPECT_EQ(BundleOf(*resumed), BundleOf(*straight));
  }
}

TEST(TrainerTest, KeepsTheStatisticsOfBatchNormInACheckpoint) {
  const std::string path = UniquePath("checkpoint");
  const auto straight = MakeTrainer(kBatchNormNetwork);
  RunEpochs(*straight, 1);
  ASSERT_THAT(straight->SaveCheckpoint(path), IsOk());
  const auto resumed = MakeTrainer(kBatchNormNetwork);
  ASSERT_THAT(resumed->RestoreCheckpoint(path), IsOk());
  RunEpochs(*straight, 1);
  RunEpochs(*resumed, 1);
  const std::vector<Picture> crops = CropsOf(Examples(100));
  EXPECT_EQ(resumed->Embed(crops).value(), straight->Embed(crops).value());
}

TEST(TrainerTest, KeepsNoTraceOfACheckpointThatItCannotRead) {
  const std::string path = UniquePath("checkpoint");
  TrainerOptions other_options = SmallOptions();
  other_options.seed = 2;
  const auto other = MakeTrainer(kFoldedNetwork, other_options);
  RunEpochs(*other, 1);
  ASSERT_THAT(other->SaveCheckpoint(path), IsOk());

  const auto trainer = MakeTrainer();
  const std::string before = BundleOf(*trainer);
  EXPECT_THAT(trainer->RestoreCheckpoint(path),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("of another training")));
  std::string damaged = ReadFile(path);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  WriteFile(path, damaged);
  EXPECT_THAT(trainer->RestoreCheckpoint(path), HasStatus(absl::StatusCode::kDataLoss, HasSubstr(path)));
  EXPECT_THAT(trainer->RestoreCheckpoint(ModelPath(kFoldedNetwork)),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(kFoldedNetwork)));
  EXPECT_THAT(trainer->RestoreCheckpoint(path + "x"), HasStatus(absl::StatusCode::kNotFound, HasSubstr(path)));
  EXPECT_EQ(trainer->epochs_done(), 0);
  EXPECT_EQ(BundleOf(*trainer), before);
}

TEST(TrainerTest, EndsWithTheErrorOfWhoeverListens) {
  const auto trainer = MakeTrainer();
  int heard = 0;
  const auto result = trainer->RunEpoch([&heard](const TrainingStep&) {
    ++heard;
    return MakeError(Reason::CANCELLED, "cancelled");
  });
  EXPECT_THAT(result.status(), FailsWith(Reason::CANCELLED));
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(trainer->epochs_done(), 0);
}

TEST(TrainerTest, EndsWhenTheWeightsAreNoLongerNumbers) {
  TrainerOptions options = SmallOptions();
  options.optimizer = OptimizerKind::kSgd;
  options.learning_rate = 1e38;
  const auto trainer = MakeTrainer(kFoldedNetwork, options);
  EXPECT_THAT(trainer->RunEpoch(GoOn).status(), FailsWith(Reason::LOSS_NOT_FINITE));
  // Also where it is the last step that breaks them.
  options.pairs_per_epoch = 1;
  EXPECT_THAT(MakeTrainer(kFoldedNetwork, options)->RunEpoch(GoOn).status(), FailsWith(Reason::LOSS_NOT_FINITE));
}

// The bundle as the server loads it, optimised for inference.
TEST(TrainerTest, MakesABundleWhoseEmbeddingsAreItsOwn) {
  for (const char* bundle : {kFoldedNetwork, kBatchNormNetwork}) {
    const auto trainer = MakeTrainer(bundle);
    RunEpochs(*trainer, 1);
    const std::string path = UniquePath("trained.pt");
    WriteFile(path, BundleOf(*trainer, bundle));
    const auto embedder = TorchEmbedder::Load(path, Device{});
    ASSERT_THAT(embedder, IsOk());
    EXPECT_EQ((*embedder)->manifest().name, "trained");
    const std::vector<Picture> crops = CropsOf(Examples(trainer->manifest().input_width));
    const auto expected = trainer->Embed(crops);
    const auto embeddings = (*embedder)->Embed(crops);
    ASSERT_THAT(expected, IsOk());
    ASSERT_THAT(embeddings, IsOk());
    for (size_t i = 0; i < crops.size(); ++i) {
      EXPECT_LT(EuclideanDistance((*embeddings)[i].values, (*expected)[i]), 1e-5) << bundle << " crop " << i;
    }
    std::filesystem::remove(path);
  }
}

TEST(TrainerTest, TrainsABundleThatItMade) {
  const std::string path = UniquePath("trained.pt");
  const auto first = MakeTrainer();
  RunEpochs(*first, 1);
  WriteFile(path, BundleOf(*first));
  const auto second = Trainer::Create(*VerifiedBundle::Read(path), Device{}, SmallOptions(), Examples(112));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ((*second)->Embed(CropsOf(Examples(112))).value(), first->Embed(CropsOf(Examples(112))).value());
  EXPECT_THAT((*second)->RunEpoch(GoOn), IsOk());
}

// The comment's length, 80, stands before the seal (docs/bundle.md).
TEST(TrainerTest, SealsABundleAsTheExportDoes) {
  const std::string bundle = BundleOf(*MakeTrainer());
  EXPECT_THAT(VerifySeal(bundle), IsOk());
  EXPECT_THAT(bundle.substr(bundle.size() - 80 - 2, 2), ElementsAre(80, 0));
}

TEST(TrainerTest, RefusesAManifestThatIsNone) {
  EXPECT_THAT(MakeTrainer()->MakeBundle("{}").status(),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("format")));
}

TEST(TrainerTest, EmbedsAsTheBundleThatItBeganWith) {
  const std::vector<Picture> crops = CropsOf(Examples(112));
  const auto embeddings = MakeTrainer()->Embed(crops);
  const auto expected = (*TorchEmbedder::Load(ModelPath(kFoldedNetwork), Device{}))->Embed(crops);
  ASSERT_THAT(embeddings, IsOk());
  ASSERT_THAT(expected, IsOk());
  ASSERT_EQ(embeddings->size(), crops.size());
  for (size_t i = 0; i < crops.size(); ++i) {
    EXPECT_LT(EuclideanDistance((*embeddings)[i], (*expected)[i].values), 1e-5);
  }
}

TEST(TrainerTest, ChangesNothingByEmbedding) {
  const auto watched = MakeTrainer(kBatchNormNetwork);
  const auto alone = MakeTrainer(kBatchNormNetwork);
  const std::vector<Picture> crops = CropsOf(Examples(100));
  const auto before = watched->Embed(crops);
  EXPECT_EQ(watched->Embed(crops).value(), before.value());
  EXPECT_EQ(RunEpochs(*watched, 1).loss, RunEpochs(*alone, 1).loss);
  EXPECT_EQ(watched->Embed(crops).value(), alone->Embed(crops).value());
}

TEST(TrainerTest, RefusesCropsOfAnotherSize) {
  EXPECT_THAT(Trainer::Create(*VerifiedBundle::Read(ModelPath(kFoldedNetwork)), Device{}, SmallOptions(), Examples(100))
                  .status(),
              FailsWith(Reason::INTERNAL));
  EXPECT_THAT(MakeTrainer()->Embed(CropsOf(Examples(100))).status(), FailsWith(Reason::INTERNAL));
}

TEST(TrainerTest, RefusesOptionsOutOfTheirRange) {
  const auto refused = [](const char* field, void (*change)(TrainerOptions&)) {
    TrainerOptions options = SmallOptions();
    change(options);
    EXPECT_THAT(
        Trainer::Create(*VerifiedBundle::Read(ModelPath(kFoldedNetwork)), Device{}, options, Examples(112)).status(),
        FailsWith(Reason::FIELD_INVALID, field));
  };
  refused("margin", [](TrainerOptions& options) { options.margin = 0; });
  refused("margin", [](TrainerOptions& options) { options.margin = std::numeric_limits<double>::infinity(); });
  refused("learning_rate", [](TrainerOptions& options) { options.learning_rate = std::nan(""); });
  refused("pairs_per_epoch", [](TrainerOptions& options) { options.pairs_per_epoch = 0; });
  refused("batch_pairs", [](TrainerOptions& options) { options.batch_pairs = 0; });
  refused("distillation", [](TrainerOptions& options) { options.distillation = -0.1; });
}

TEST(TrainerTest, RefusesABundleThatIsNone) {
  const auto create = [](const std::string& path) {
    return Trainer::Create(*VerifiedBundle::Read(path), Device{}, SmallOptions(), Examples(112)).status();
  };
  EXPECT_THAT(create(ModelPath("face-finder.pt")),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("face-finder.pt")));
}

}  // namespace
}  // namespace likeness
