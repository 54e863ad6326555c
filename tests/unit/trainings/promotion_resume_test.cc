// A training whose model is made, and is being made the active one when the server ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "server/encoding/crop_kind.h"
#include "server/image/crop_file.h"
#include "server/trainings/training_run.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/sealed_file.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

using testing::HasSubstr;

constexpr char kManifest[] = R"({
  "format": 1, "kind": "embedding", "name": "next", "version": "1.0.0",
  "input": {"width": 8, "height": 8, "color": "RGB", "mean": [0, 0, 0], "std": [255, 255, 255]},
  "alignment": "none", "embedding": {"size": 3, "unit_length": false}, "margin": 1, "operating_points": [
    {"fmr": 0.001, "distance": 0.25, "genuine_pairs": 1000, "impostor_pairs": 1000000, "people": 500, "source": "made up"}
  ], "calibration": null, "provenance": {}})";

// A gallery with one person, and a record that says which model was made of it.
class PromotionResumeTest : public testing::Test {
 protected:
  PromotionResumeTest() {
    const ModelDigest next = models_->Add(SealedFile("next"), kManifest, "training", absl::Now())->digest;
    Restart();
    EXPECT_THAT(activations_->Allow(next), IsOk());
    const auto generation = active_.Get();
    const Picture crop{8, 8, std::vector<uint8_t>(8 * 8 * 3, 100)};
    Enrolment enrolment{.person_id = "ada",
                        .request_id = "",
                        .content = {},
                        .references = {{"r1", generation->embedder->Embed({crop})->front()}},
                        .create_time = absl::Now()};
    enrolment.crops = {{CropKindOf(generation->embedder->manifest()), *EncodeCropFile(crop)}};
    EXPECT_THAT(gallery_->Enrol(enrolment), IsOk());
    record_.mutable_result()->mutable_model()->set_digest(next.Hex());
    record_.mutable_result()->set_promotion_reason("it is better");
    std::filesystem::create_directories(folder_);
  }
  ~PromotionResumeTest() override { hold_ = false; }

  static ModelEntry Base() {
    ModelEntry base;
    base.path = UniquePath("base.pt");
    WriteFile(base.path, SealedFile("base"));
    base.digest = *VerifySeal(SealedFile("base"));
    base.manifest = *ParseBundleManifest(kManifest);
    return base;
  }

  void Restart() {
    activations_.reset();
    activations_.emplace(
        *models_, *gallery_, active_, rule_, [this](const ModelEntry& entry) { return Load(entry); },
        [](const Generation&) {});
  }

  absl::StatusOr<Generation> Load(const ModelEntry& entry) {
    auto embedder = std::make_shared<FakeEmbedder>();
    embedder->set_digest(entry.digest);
    embedder->embed = [this](const Picture& crop) {
      embedding_ = true;
      while (hold_) std::this_thread::yield();
      return MeanColour(crop);
    };
    return Generation{embedder, ThresholdOf(entry.manifest, rule_)};
  }

  static Generation BaseGeneration(const ModelDigest& digest) {
    auto embedder = std::make_shared<FakeEmbedder>();
    embedder->set_digest(digest);
    return {embedder, std::nullopt};
  }

  absl::Status Run() {
    NetworkTraining training(
        {.models = *models_, .activations = *activations_, .active = active_, .device = Device{}, .bundles_folder = ""},
        encoder_);
    const VerifiedBundle bundle = *VerifiedBundle::Read(models_->base().path);
    const BaseModel base{bundle, bundle.digest(), kManifest, models_->base().manifest};
    return training.Run(base, folder_, {}, record_, [](const v1::Training&, bool) { return absl::OkStatus(); });
  }

  const std::string folder_ = UniquePath("training");
  v1::Training record_;
  Metrics metrics_;
  std::unique_ptr<ModelFolder> models_ = *ModelFolder::Open(UniquePath("models"), Base());
  std::unique_ptr<Gallery> gallery_ = *Gallery::Open(*OpenSqliteStore(UniquePath("gallery.db")), {}, metrics_);
  ActiveGeneration active_{BaseGeneration(models_->base().digest)};
  const ThresholdRule rule_;
  const FaceFinder finder_ = *FaceFinder::Load(ModelPath("face-finder.pt"), Device{});
  const FaceEncoder encoder_{finder_, PhotoLimits{}, metrics_};
  std::atomic<bool> hold_ = false;
  std::atomic<bool> embedding_ = false;
  std::optional<Activations> activations_;
};

TEST_F(PromotionResumeTest, TheEndOfTheServerDoesNotWaitForThePromotionWhichGoesOnAtTheNextStart) {
  WriteFile(folder_ + "/promotion", "");
  hold_ = true;
  absl::Status interrupted;
  std::thread training([&] { interrupted = Run(); });
  while (!embedding_) std::this_thread::yield();
  activations_->Stop();
  training.join();  // while the network still has the crop
  EXPECT_THAT(interrupted, FailsWith(Reason::SHUTTING_DOWN));
  EXPECT_FALSE(record_.result().promoted());
  hold_ = false;

  Restart();
  ASSERT_THAT(activations_->Resume(), IsOk());  // as a server does at its start
  EXPECT_THAT(Run(), IsOk());
  EXPECT_TRUE(record_.result().promoted());
  EXPECT_EQ(active_.Get()->embedder->digest().Hex(), record_.result().model().digest());
}

TEST_F(PromotionResumeTest, AModelThatWasNotToBePromotedIsNot) {
  EXPECT_THAT(Run(), IsOk());
  EXPECT_FALSE(record_.result().promoted());
  EXPECT_FALSE(embedding_);
}

TEST_F(PromotionResumeTest, APromotionThatCannotBeGoneOnWithSaysWhy) {
  WriteFile(folder_ + "/promotion", "");
  record_.mutable_result()->mutable_model()->set_digest(ModelDigest{}.Hex());
  EXPECT_THAT(Run(), IsOk());
  EXPECT_FALSE(record_.result().promoted());
  EXPECT_THAT(record_.result().promotion_reason(), HasSubstr("it is better. But it could not be activated"));
}

}  // namespace
}  // namespace likeness
