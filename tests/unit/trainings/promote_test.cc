#include "server/trainings/promote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "server/encoding/crop_kind.h"
#include "server/image/crop_file.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/sealed_file.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

constexpr char kManifest[] = R"({
  "format": 1, "kind": "embedding", "name": "taught", "version": "1.0.0",
  "input": {"width": 8, "height": 8, "color": "RGB", "mean": [0, 0, 0], "std": [255, 255, 255]},
  "alignment": "none", "embedding": {"size": 3, "unit_length": false}, "margin": 1, "operating_points": [
    {"fmr": 0.001, "distance": 0.25, "genuine_pairs": 1000, "impostor_pairs": 1000000, "people": 500, "source": "made up"}
  ], "calibration": null, "provenance": {}})";

// Somebody is enrolled, and the taught model's network does not answer until it is let go.
class PromoteTest : public testing::Test {
 protected:
  PromoteTest() {
    taught_ = models_->Add(SealedFile("taught"), kManifest, "training", absl::Now())->digest;
    EXPECT_THAT(activations_->Allow(taught_), IsOk());
    const Picture crop{8, 8, std::vector<uint8_t>(8 * 8 * 3, 100)};
    const auto generation = active_.Get();
    EXPECT_THAT(gallery_->Enrol({.person_id = "ada",
                                 .request_id = "",
                                 .content = {},
                                 .references = {{"r1", {generation->embedder->digest(), {1, 0, 0}}}},
                                 .create_time = absl::Now(),
                                 .crops = {{CropKindOf(generation->embedder->manifest()), *EncodeCropFile(crop)}}}),
                IsOk());
  }
  ~PromoteTest() override { let_go_ = true; }

  static ModelEntry Base() {
    ModelEntry base;
    base.path = UniquePath("base.pt");
    WriteFile(base.path, SealedFile("base"));
    base.digest = *VerifySeal(SealedFile("base"));
    base.manifest = *ParseBundleManifest(kManifest);
    return base;
  }

  static Generation GenerationOf(const ModelDigest& digest) {
    auto embedder = std::make_shared<FakeEmbedder>();
    embedder->set_digest(digest);
    return {embedder, std::nullopt};
  }

  absl::StatusOr<Generation> Load(const ModelEntry& entry) {
    auto embedder = std::make_shared<FakeEmbedder>();
    embedder->set_digest(entry.digest);
    embedder->embed = [this](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
      while (!let_go_) absl::SleepFor(absl::Milliseconds(1));
      return MeanColour(crop);
    };
    return Generation{embedder, ThresholdOf(entry.manifest, {})};
  }

  OperationState State() { return gallery_->coordination().ListOperations()->front().state; }

  Metrics metrics_;
  std::atomic<bool> let_go_ = false;
  std::unique_ptr<ModelFolder> models_ = *ModelFolder::Open(UniquePath("models"), Base());
  std::unique_ptr<Gallery> gallery_ = *Gallery::Open(*OpenSqliteStore(UniquePath("gallery.db")), {}, metrics_);
  const ThresholdRule rule_;
  ActiveGeneration active_{GenerationOf(models_->base().digest)};
  ModelDigest taught_;
  std::unique_ptr<Activations> activations_ = std::make_unique<Activations>(
      *models_, *gallery_, active_, rule_, [this](const ModelEntry& entry) { return Load(entry); },
      [](const Generation&) {});
};

TEST_F(PromoteTest, WaitsUntilTheModelAnswers) {
  const auto let_go = [this](const v1::Training&, bool) {
    let_go_ = true;
    return absl::OkStatus();
  };
  EXPECT_THAT(Promote(*activations_, taught_, {}, let_go), IsOk());
  EXPECT_EQ(active_.Get()->embedder->digest(), taught_);
  EXPECT_THAT(Promote(*activations_, taught_, {}, let_go), IsOk()) << "also where it does already";
}

// However long the embedding takes: a stop of the server that waited for it would be ended by force.
TEST_F(PromoteTest, EndsItsWaitWhenTheServerEnds) {
  const auto end = [](const v1::Training&, bool) { return MakeError(Reason::SHUTTING_DOWN, "the server ends"); };
  EXPECT_THAT(Promote(*activations_, taught_, {}, end), FailsWith(Reason::SHUTTING_DOWN));
  EXPECT_EQ(State(), OperationState::kRunning) << "it goes on after the start";
  EXPECT_FALSE(let_go_);
}

TEST_F(PromoteTest, ACancelledTrainingCancelsItsActivation) {
  const auto cancel = [](const v1::Training&, bool) { return MakeError(Reason::CANCELLED, "cancelled"); };
  EXPECT_THAT(Promote(*activations_, taught_, {}, cancel), FailsWith(Reason::CANCELLED));
  EXPECT_TRUE(gallery_->coordination().ListOperations()->front().cancel_requested);
  let_go_ = true;
  std::optional<ActivationProgress> progress = activations_->Progress();
  while (progress->running) progress = activations_->AwaitChange(progress->changes, absl::Seconds(10));
  EXPECT_EQ(State(), OperationState::kCancelled);
  EXPECT_EQ(active_.Get()->embedder->digest(), models_->base().digest);
}

}  // namespace
}  // namespace likeness
