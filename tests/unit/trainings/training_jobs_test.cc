#include "server/trainings/training_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "server/seal/seal.h"
#include "server/trainings/training_run.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"
#include "tests/support/sealed_file.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

using testing::HasSubstr;

// Of a server whose memory is what the test says.
class TrainingJobsTest : public testing::Test {
 protected:
  static ModelEntry Base() {
    ModelEntry base;
    base.path = UniquePath("base.pt");
    WriteFile(base.path, SealedFile("base"));
    base.digest = *VerifySeal(SealedFile("base"));
    return base;
  }

  static absl::StatusOr<Generation> LoadNothing(const ModelEntry&) {
    return Generation{std::make_shared<FakeEmbedder>(), std::nullopt};
  }

  // As after a start.
  void Open(std::optional<MemoryRoom> room) {
    jobs_.reset();
    auto opened = TrainingJobs::Open(folder_, {.memory_room = [room] { return room; }}, networks_, active_, metrics_);
    ASSERT_THAT(opened, IsOk());
    jobs_ = *std::move(opened);
  }

  // Asks for a training that lasts, of the article's network, whose batches go through it whole.
  absl::StatusOr<std::string> Begin() {
    v1::TrainingConfig config;
    config.set_base_model("siamese-article");
    config.set_epochs(10000);
    config.set_pairs_per_epoch(2);
    config.set_batch_pairs(2);
    config.set_held_out_share(0);
    auto upload = jobs_->Begin(config);
    if (!upload.ok()) return upload.status();
    for (const char* person : {"ada", "ada", "bob", "bob"}) {
      v1::LabelledPhoto photo;
      photo.set_person(person);
      photo.set_photo(EncodePng(FourColours(100, 100)));
      EXPECT_THAT((*upload)->Add(photo, [] { return absl::OkStatus(); }), IsOk());
    }
    return (*upload)->Finish();
  }

  static constexpr MemoryRoom kTight{1'000'000'000, 600'000'000};
  static constexpr MemoryRoom kAmple{8'000'000'000, 7'000'000'000};

  const std::string folder_ = UniquePath("trainings");
  Metrics metrics_;
  std::unique_ptr<ModelFolder> models_ = *ModelFolder::Open(UniquePath("models"), Base());
  std::unique_ptr<Gallery> gallery_ = *Gallery::Open(*OpenSqliteStore(UniquePath("gallery.db")), {}, metrics_);
  const ThresholdRule rule_;
  ActiveGeneration active_{Generation{std::make_shared<FakeEmbedder>(), std::nullopt}};
  Activations activations_{*models_, *gallery_, active_, rule_, LoadNothing, [](const Generation&) {}};
  const FaceFinder finder_ = *FaceFinder::Load(ModelPath("face-finder.pt"), Device{});
  const FaceEncoder encoder_{finder_, PhotoLimits{}, metrics_};
  NetworkTraining networks_{{.models = *models_,
                             .activations = activations_,
                             .active = active_,
                             .device = Device{},
                             .bundles_folder = std::filesystem::path(ModelPath("face-finder.pt")).parent_path()},
                            encoder_};
  std::unique_ptr<TrainingJobs> jobs_;
};

TEST_F(TrainingJobsTest, RefusesATrainingForWhichThereIsNoMemory) {
  Open(kTight);
  EXPECT_THAT(Begin().status(), FailsWith(Reason::TRAINING_NEEDS_MEMORY));
  EXPECT_TRUE(jobs_->List().empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

// Otherwise the kernel would kill the server anew after each start.
TEST_F(TrainingJobsTest, EndsATrainingForWhichThereIsNoMemoryAfterARestart) {
  Open(kAmple);
  const auto id = Begin();
  ASSERT_THAT(id, IsOk());
  ASSERT_FALSE(TrainingJobs::HasEnded(*jobs_->Get(*id)));
  Open(kTight);
  absl::StatusOr<TrainingSnapshot> now = jobs_->AwaitChange(*id, 0, absl::Seconds(60));
  while (now.ok() && !TrainingJobs::HasEnded(now->training))
    now = jobs_->AwaitChange(*id, now->changes, absl::Seconds(60));
  ASSERT_THAT(now, IsOk());
  EXPECT_EQ(now->training.state(), v1::TRAINING_STATE_FAILED);
  EXPECT_EQ(now->training.failure().reason(), "TRAINING_NEEDS_MEMORY");
  EXPECT_THAT(now->training.failure().message(), HasSubstr("600 MB"));
}

TEST_F(TrainingJobsTest, AsksForNoRoomWhereNoLimitIsSet) {
  Open(std::nullopt);
  EXPECT_THAT(Begin(), IsOk());
}

}  // namespace
}  // namespace likeness
