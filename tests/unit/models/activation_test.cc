#include "server/models/activation.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "server/encoding/crop_kind.h"
#include "server/image/crop_file.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/sealed_file.h"
#include "tests/support/stores.h"
#include "tests/support/swapped_file.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kManifest[] = R"({
  "format": 1, "kind": "embedding", "name": "next", "version": "1.0.0",
  "input": {"width": 8, "height": 8, "color": "RGB", "mean": [0, 0, 0], "std": [255, 255, 255]},
  "alignment": "none", "embedding": {"size": 3, "unit_length": false}, "margin": 1, "operating_points": [
    {"fmr": 0.001, "distance": 0.25, "genuine_pairs": 1000, "impostor_pairs": 1000000, "people": 500, "source": "made up"}
  ], "calibration": null, "provenance": {}})";

ModelDigest DigestOf(uint8_t name) {
  ModelDigest digest;
  digest.bytes.fill(name);
  return digest;
}

Picture Red(uint8_t level) {
  Picture picture{8, 8, {}};
  for (int pixel = 0; pixel < 64; ++pixel) picture.rgb.insert(picture.rgb.end(), {level, 0, 0});
  return picture;
}

// A gallery of mean colours, and a second model that sees the same colours twice as bright.
class ActivationsTest : public testing::Test {
 protected:
  ActivationsTest() {
    next_ = models_->Add(SealedFile("next"), kManifest, "training", absl::Now())->digest;
    Restart();
    EXPECT_THAT(activations_->Allow(next_), IsOk());
  }
  ~ActivationsTest() override { release_.store(true); }

  inline static const OperationOwner kElsewhere{"elsewhere", "another host"};

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
    return {embedder, Threshold{.distance = 0.5, .source = ThresholdSource::kOperatingPoint, .point = {}}};
  }

  void Restart() {
    activations_.reset();
    activations_ = std::make_unique<Activations>(
        *models_, *gallery_, active_, rule_, [this](const VerifiedModel& model) { return Load(model); },
        [this](const Generation& generation) { announced_.push_back(generation.embedder->digest()); });
  }

  absl::StatusOr<Generation> Load(const VerifiedModel& entry) {
    if (!load_error_.ok()) return load_error_;
    bytes_run_ = std::string(entry.bundle.bytes());
    auto embedder = std::make_shared<FakeEmbedder>();
    embedder->set_digest(entry.digest);
    embedder->embed = [this](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
      if (throws_) throw std::runtime_error("a fault");
      while (hold_.load() && !release_.load()) absl::SleepFor(absl::Milliseconds(1));
      if (!network_error_.ok()) return network_error_;
      std::vector<float> values = MeanColour(crop);
      for (float& value : values) value *= 2;
      return values;
    };
    return Generation{embedder, ThresholdOf(entry.manifest, rule_)};
  }

  // Instead of the one so far.
  void OpenGallery(std::shared_ptr<const Protection> protection) {
    activations_.reset();
    gallery_.reset();
    path_ = UniquePath("gallery.db");
    gallery_ = *Gallery::Open(*OpenSqliteStore(path_, std::move(protection)), {}, metrics_);
    EXPECT_THAT(active_.Replace(GenerationOf(base_), [] { return absl::OkStatus(); }), IsOk());
    Restart();
    EXPECT_THAT(activations_->Allow(next_), IsOk());
  }

  void Execute(const std::string& sql) { SQLite::Database(path_, SQLite::OPEN_READWRITE).exec(sql); }

  void EnrolWithCrop(const std::string& person, const std::string& reference, const std::string& picture) {
    Enrolment enrolment{.person_id = person,
                        .request_id = "",
                        .content = {},
                        .references = {{reference, {base_, {1, 0, 0}}}},
                        .create_time = absl::Now()};
    enrolment.crops = {{"whole8x8", picture}};
    ASSERT_THAT(gallery_->Enrol(enrolment), IsOk());
  }

  void Enrol(const std::string& person, const std::string& reference, uint8_t level, bool with_crop = true) {
    const auto generation = active_.Get();
    const auto embeddings = generation->embedder->Embed({Red(level)});
    Enrolment enrolment{.person_id = person,
                        .request_id = "",
                        .content = {},
                        .references = {{reference, embeddings->front()}},
                        .create_time = absl::Now()};
    if (with_crop) enrolment.crops = {{CropKindOf(generation->embedder->manifest()), *EncodeCropFile(Red(level))}};
    ASSERT_THAT(gallery_->Enrol(enrolment), IsOk());
  }

  Coordination& Coordinating() { return gallery_->coordination(); }
  ModelChoice Choice() { return *Coordinating().ReadModelChoice(); }

  // Makes another model the active one behind the server's back, as another server of the gallery does. In this gallery
  // of one server, which would resume what others have begun, that is done in its name.
  void ActivateElsewhere(const ModelDigest& model) {
    const OperationOwner self{SQLite::Database(path_).execAndGet("SELECT id FROM server").getString(), "host"};
    const auto begun = Coordinating().BeginActivation({.model = model, .base = base_}, self);
    ASSERT_THAT(begun, IsOk());
    ASSERT_TRUE(begun->operation.has_value());
    ASSERT_THAT(Coordinating().Switch({.operation = begun->operation->name, .base = base_, .up_to = 1'000'000}, self),
                IsOkAndHolds(testing::Field(&SwitchResult::outcome, SwitchResult::Outcome::kSwitched)));
  }

  void AwaitFollowed() {
    const absl::Time start = absl::Now();
    while (!activations_->Follow().ok() && absl::Now() - start < absl::Seconds(20)) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    ASSERT_THAT(activations_->Follow(), IsOk());
  }

  absl::Status Finish() {
    std::optional<ActivationProgress> progress = activations_->Progress();
    while (progress->running) progress = activations_->AwaitChange(progress->changes, absl::Seconds(10));
    return progress->outcome;
  }

  // The first numbers of the embeddings that the model has of a person.
  std::vector<float> EmbeddedBy(const ModelDigest& model, const std::string& person) {
    std::vector<float> values;
    for (const ReferenceEmbedding& reference : **gallery_->FindReferences(person)) {
      if (reference.embedding.model == model) values.push_back(reference.embedding.values.front());
    }
    return values;
  }

  Metrics metrics_;
  std::unique_ptr<ModelFolder> models_ = *ModelFolder::Open(UniquePath("models"), Base());
  std::string path_ = UniquePath("gallery.db");
  std::unique_ptr<Gallery> gallery_ = *Gallery::Open(*OpenSqliteStore(path_), {}, metrics_);
  const ModelDigest base_ = models_->base().digest;
  ActiveGeneration active_{GenerationOf(base_)};
  ModelDigest next_;
  ThresholdRule rule_;
  absl::Status load_error_;
  std::atomic<bool> throws_ = false;
  absl::Status network_error_;
  std::string bytes_run_;  // of the bundle loaded last
  std::atomic<bool> hold_ = false;
  std::atomic<bool> release_ = false;
  std::vector<ModelDigest> announced_;
  std::unique_ptr<Activations> activations_;
};

// A bundle is code: that somebody has put it into the folder does not say that it may be run.
TEST_F(ActivationsTest, RunsNoModelThatNobodyTrainedHereOrAllowed) {
  const ModelDigest brought = models_->Add(SealedFile("brought"), kManifest, "training", absl::Now())->digest;
  EXPECT_THAT(activations_->Begin(brought, {}), FailsWith(Reason::MODEL_NOT_ALLOWED));
  ASSERT_THAT(activations_->Allow(brought), IsOk());
  ASSERT_THAT(activations_->Begin(brought, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_GT(activations_->Progress()->revision, 0);
  ASSERT_THAT(activations_->Begin(models_->base().digest, {}), IsOk()) << "the base always may";
  ASSERT_THAT(Finish(), IsOk());
  ASSERT_THAT(activations_->Delete(*models_, brought), IsOk());
  EXPECT_THAT(gallery_->IsModelAllowed(brought), IsOkAndHolds(false));
}

TEST_F(ActivationsTest, FollowsAServerThatHasActivatedAnotherModel) {
  ASSERT_THAT(activations_->Enter(), IsOk());
  EXPECT_THAT(activations_->Follow(), IsOk()) << "nothing to do";
  ActivateElsewhere(next_);
  AwaitFollowed();
  EXPECT_EQ(active_.Get()->embedder->digest(), next_);
  EXPECT_THAT(announced_, ElementsAre(next_));
  EXPECT_EQ(Choice().stage, ModelStage::kSettled) << "the last one has followed";
  ActivateElsewhere(base_);
  AwaitFollowed();
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
}

TEST_F(ActivationsTest, AServerThatLacksTheActiveModelIsNotReadyUntilItsFilesAreThere) {
  std::vector<absl::Status> told;
  activations_->set_on_ready([&told](const absl::Status& ready) { told.push_back(ready); });
  ASSERT_THAT(activations_->Enter(), IsOk());
  ASSERT_THAT(activations_->Follow(), IsOk());
  const std::string bundle = SealedFile("brought later");
  const ModelDigest later = *VerifySeal(bundle);
  ASSERT_THAT(gallery_->AllowModel(later), IsOk());
  ActivateElsewhere(later);
  absl::Status followed;
  while (ReasonOf(followed = activations_->Follow()) == Reason::ACTIVATION_RUNNING) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(followed, FailsWith(Reason::MODEL_NOT_FOUND));
  EXPECT_THAT(followed.message(), testing::HasSubstr(later.Hex() + ".pt"));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[0], IsOk());
  EXPECT_EQ(told[1], followed);
  EXPECT_EQ(active_.Get()->embedder->digest(), base_) << "it answers by the model so far";
  EXPECT_THAT(active_.companions().lacking, ElementsAre(later));
  ASSERT_THAT(models_->Add(bundle, kManifest, "training", absl::Now()), IsOk());
  AwaitFollowed();
  EXPECT_EQ(active_.Get()->embedder->digest(), later);
  EXPECT_THAT(told.back(), IsOk());
}

// From its begin to the last server's switch people are enrolled by both, so that nobody is one's alone.
TEST_F(ActivationsTest, PeopleAreEnrolledByBothModelsUntilAllFollow) {
  ASSERT_THAT(activations_->Enter(), IsOk());
  Enrol("ada", "r1", 51);
  hold_ = true;
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  ASSERT_EQ(active_.companions().models.size(), 1u);
  EXPECT_EQ(active_.companions().models[0]->generation.embedder->digest(), next_);
  const auto call_in_flight = active_.Get();
  release_ = true;
  ASSERT_THAT(Finish(), IsOk());
  ASSERT_EQ(active_.companions().models.size(), 1u) << "a call answers by it still";
  EXPECT_EQ(active_.companions().models[0]->generation.embedder->digest(), base_);
}

TEST_F(ActivationsTest, OnceAllFollowPeopleAreEnrolledByOneModelAgain) {
  ASSERT_THAT(activations_->Enter(), IsOk());
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_TRUE(active_.companions().models.empty());
  EXPECT_EQ(Choice().stage, ModelStage::kSettled);
}

// Of the gallery, not of this server, which may lag behind it.
TEST_F(ActivationsTest, TheWayBackOnAServerThatLagsIsAnActivation) {
  ASSERT_THAT(activations_->Enter(), IsOk());
  ActivateElsewhere(next_);  // which this one has not heard of
  ASSERT_EQ(active_.Get()->embedder->digest(), base_);
  const auto operation = activations_->Begin(base_, {});
  ASSERT_THAT(operation, IsOk());
  EXPECT_NE(*operation, "");
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_FALSE(Choice().active.has_value());
  EXPECT_GT(activations_->Progress()->revision, 0);
}

TEST_F(ActivationsTest, AnotherServersActivationIsJoinedOrWaitedFor) {
  ASSERT_THAT(activations_->Enter(), IsOk());
  const ModelDigest other = models_->Add(SealedFile("other"), kManifest, "training", absl::Now())->digest;
  ASSERT_THAT(activations_->Allow(other), IsOk());
  const auto begun = Coordinating().BeginActivation({.model = other, .base = base_}, kElsewhere);
  ASSERT_THAT(begun, IsOk());
  EXPECT_THAT(activations_->Begin(next_, {}), FailsWith(Reason::ACTIVATION_RUNNING));
  EXPECT_THAT(activations_->Begin(base_, {}), FailsWith(Reason::ACTIVATION_RUNNING));
  EXPECT_THAT(activations_->Begin(other, {}), IsOkAndHolds(begun->operation->name));
  EXPECT_TRUE(activations_->ProgressOf(begun->operation->name)->running);
  EXPECT_THAT(activations_->Delete(*models_, other), FailsWith(Reason::MODEL_IN_USE));
}

TEST_F(ActivationsTest, ACancelledActivationLeavesTheModelSoFar) {
  Enrol("ada", "r1", 51);
  hold_ = true;
  const auto operation = activations_->Begin(next_, {});
  ASSERT_THAT(operation, IsOk());
  EXPECT_TRUE(Coordinating().CancelOperation(*operation)->cancel_requested);
  release_ = true;
  EXPECT_THAT(Finish(), FailsWith(Reason::CANCELLED));
  EXPECT_EQ(Coordinating().GetOperation(*operation)->state, OperationState::kCancelled);
  EXPECT_FALSE(Choice().target.has_value());
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
  EXPECT_TRUE(active_.companions().models.empty());
}

// However many crops are left.
TEST_F(ActivationsTest, ShuttingDownDoesNotWaitForTheRestWhichGoesOnAfterTheRestart) {
  constexpr int kPersons = 300;
  for (int i = 0; i < kPersons; ++i) Enrol("person" + std::to_string(i), "r" + std::to_string(i), 51);
  hold_ = true;
  const auto operation = activations_->Begin(next_, {});
  ASSERT_THAT(operation, IsOk());
  std::thread release([this, ending = activations_.get()] {
    ending->AwaitChange(std::numeric_limits<int64_t>::max(), absl::InfiniteDuration());  // until it ends
    release_ = true;
  });
  Restart();
  release.join();
  const auto record = Coordinating().GetOperation(*operation);
  EXPECT_EQ(record->state, OperationState::kRunning);
  EXPECT_FALSE(record->held) << "another server may go on with it";
  EXPECT_LE(gallery_->Coverage(next_, {CropKindOf(active_.Get()->embedder->manifest())})->embedded, 32)
      << "no more than the batch that was in the network";
  ASSERT_THAT(activations_->Resume(), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_EQ(active_.Get()->embedder->digest(), next_);
  EXPECT_EQ(Coordinating().GetOperation(*operation)->state, OperationState::kSucceeded);
}

TEST_F(ActivationsTest, EmbedsEverybodyAnewThenChangesModel) {
  for (int i = 0; i < 70; ++i) Enrol("person" + std::to_string(i), "r" + std::to_string(i), static_cast<uint8_t>(i));
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_EQ(active_.Get()->embedder->digest(), next_);
  EXPECT_EQ(active_.Get()->threshold->distance, 0.25);
  EXPECT_THAT(announced_, ElementsAre(next_));
  EXPECT_EQ(Choice().active, next_);
  EXPECT_FALSE(Choice().target.has_value());
  const ModelCoverage coverage = activations_->Progress()->coverage;
  EXPECT_EQ(coverage.references, 70);
  EXPECT_EQ(coverage.embedded, 70);
  EXPECT_THAT(EmbeddedBy(next_, "person51"), ElementsAre(testing::FloatNear(2 * 51 / 255.f, 1e-5)));
}

TEST_F(ActivationsTest, TheModelSoFarAnswersUntilAllIsReady) {
  Enrol("ada", "r1", 51);
  hold_ = true;
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
  EXPECT_TRUE(activations_->Progress()->running);
  Enrol("bob", "r2", 102);  // by the model so far, while the other one is busy
  release_ = true;
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_EQ(EmbeddedBy(next_, "ada").size(), 1u);
  EXPECT_EQ(EmbeddedBy(next_, "bob").size(), 1u) << "who was enrolled meanwhile is not forgotten";
}

TEST_F(ActivationsTest, TheWayBackNeedsNoNetwork) {
  Enrol("ada", "r1", 51);
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  ASSERT_THAT(activations_->Begin(base_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
  EXPECT_EQ(EmbeddedBy(base_, "ada").size(), 1u);
  EXPECT_FALSE(Choice().active.has_value()) << "a server with another --model answers with that";
}

TEST_F(ActivationsTest, RefusesToLeaveSomebodyBehindUnlessToldTo) {
  Enrol("ada", "r1", 51);
  Enrol("bob", "r2", 51, /*with_crop=*/false);
  EXPECT_THAT(activations_->Begin(next_, {}), FailsWith(Reason::REFERENCES_WITHOUT_CROP));
  EXPECT_FALSE(Choice().target.has_value());
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
  ASSERT_THAT(activations_->Begin(next_, {.leave_behind = true}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_EQ(active_.Get()->embedder->digest(), next_);
  EXPECT_EQ(EmbeddedBy(next_, "bob").size(), 0u);
}

// One that was measured, but not at so low a rate, is not measured either.
TEST_F(ActivationsTest, RefusesAModelThatNobodyMeasuredAtTheServersRateUnlessToldTo) {
  for (UnmeasuredPolicy unmeasured : {UnmeasuredPolicy::kRefuse, UnmeasuredPolicy::kHalfMargin}) {
    rule_ = {.target_fmr = 1e-4, .unmeasured = unmeasured};
    Restart();
    EXPECT_THAT(activations_->Begin(next_, {.leave_behind = true}), FailsWith(Reason::THRESHOLD_NOT_MEASURED));
    EXPECT_FALSE(Choice().target.has_value());
    EXPECT_EQ(active_.Get()->embedder->digest(), base_);
    ASSERT_THAT(activations_->Begin(next_, {.unmeasured = true}), IsOk());
    ASSERT_THAT(Finish(), IsOk());
    EXPECT_EQ(active_.Get()->embedder->digest(), next_);
    const std::optional<Threshold> threshold = active_.Get()->threshold;
    EXPECT_EQ(threshold.has_value(), unmeasured == UnmeasuredPolicy::kHalfMargin);
    if (threshold.has_value()) {
      EXPECT_EQ(threshold->source, ThresholdSource::kHalfMargin);
    }
    rule_ = {};
    Restart();
    ASSERT_THAT(activations_->Begin(base_, {}), IsOk()) << "the way back to a model that was measured";
    ASSERT_THAT(Finish(), IsOk());
  }
}

TEST_F(ActivationsTest, RefusesWhatItCannotLoadAndAnotherAtTheSameTime) {
  EXPECT_THAT(activations_->Begin(DigestOf(9), {}), FailsWith(Reason::MODEL_NOT_FOUND));
  load_error_ = MakeError(Reason::MODEL_CORRUPT, "damaged");
  EXPECT_THAT(activations_->Begin(next_, {}), FailsWith(Reason::MODEL_CORRUPT));
  load_error_ = absl::OkStatus();
  Enrol("ada", "r1", 51);
  hold_ = true;
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  EXPECT_THAT(activations_->Begin(next_, {}), IsOk()) << "it is on its way";
  EXPECT_THAT(activations_->Begin(base_, {}), FailsWith(Reason::ACTIVATION_RUNNING));
  EXPECT_THAT(activations_->Delete(*models_, next_), FailsWith(Reason::MODEL_IN_USE));
}

TEST_F(ActivationsTest, AFailureLeavesTheModelSoFar) {
  Enrol("ada", "r1", 51);
  network_error_ = MakeError(Reason::NETWORK_FAILED, "not today");
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  EXPECT_THAT(Finish(), FailsWith(Reason::NETWORK_FAILED));
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
  EXPECT_FALSE(Choice().target.has_value());
}

// Otherwise one reference would keep everybody from every other model, for ever.
TEST_F(ActivationsTest, NamesReferencesWithDamagedCropsAndGoesOnWithoutThemWhenToldTo) {
  for (const bool encrypted : {false, true}) {
    OpenGallery(encrypted ? ProtectionBy(1) : Protection::Plaintext());
    for (int i = 0; i < 40; ++i) Enrol("person" + std::to_string(i), "r" + std::to_string(i), static_cast<uint8_t>(i));
    EnrolWithCrop("bob", "no-picture", "no picture");
    const std::string whole = *EncodeCropFile(Red(90));
    EnrolWithCrop("eve", "cut-off", whole.substr(0, whole.size() / 2));
    EnrolWithCrop("joe", "too-small", *EncodeCropFile(Picture{2, 1, {1, 2, 3, 4, 5, 6}}));
    Enrol("ada", "altered", 51);
    Execute(
        "UPDATE crop SET picture = X'00' WHERE reference = (SELECT number FROM face_reference WHERE "
        "reference_id = 'altered')");
    Enrol("last", "last", 70);

    ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
    const absl::Status refused = Finish();
    EXPECT_THAT(refused, FailsWith(Reason::REFERENCES_WITHOUT_CROP));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("4 of 45 references have damaged crops: "));
    for (const char* reference : {"no-picture", "cut-off", "too-small", "altered"}) {
      EXPECT_THAT(std::string(refused.message()), HasSubstr(reference));
    }
    EXPECT_THAT(std::string(refused.message()), HasSubstr("--leave-behind"));
    EXPECT_EQ(active_.Get()->embedder->digest(), base_);
    EXPECT_FALSE(Choice().target.has_value());

    ASSERT_THAT(activations_->Begin(next_, {.leave_behind = true}), IsOk());
    ASSERT_THAT(Finish(), IsOk());
    EXPECT_EQ(active_.Get()->embedder->digest(), next_);
    EXPECT_EQ(EmbeddedBy(next_, "last").size(), 1u);
    EXPECT_EQ(EmbeddedBy(next_, "ada").size(), 0u);
    const ModelCoverage coverage = activations_->Progress()->coverage;
    EXPECT_EQ(coverage.embedded, 41);
    EXPECT_EQ(coverage.embeddable, 0) << "they stay behind";
  }
}

// A file may be replaced between two looks at it: there is one only.
TEST_F(ActivationsTest, RunsTheVeryBytesThatItHasVerified) {
  ASSERT_THAT(activations_->Enter(), IsOk());
  const std::string path = models_->Find(next_)->path;
  {
    const SwappedFile swapped(path, SealedFile("next"), SealedFile("other"));
    ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
    ASSERT_THAT(Finish(), IsOk());
  }
  EXPECT_EQ(bytes_run_, SealedFile("next")) << "activated";
  EXPECT_THAT(activations_->Begin(base_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  {
    const SwappedFile swapped(path, SealedFile("next"), SealedFile("other"));
    ActivateElsewhere(next_);
    AwaitFollowed();
  }
  EXPECT_EQ(bytes_run_, SealedFile("next")) << "followed";
  EXPECT_THAT(activations_->Begin(base_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_THAT(activations_->Begin(next_, {}), FailsWith(Reason::MODEL_CORRUPT)) << "it is the other one now";
}

TEST_F(ActivationsTest, ARestartDropsWhatCannotBeFinished) {
  ASSERT_THAT(gallery_->AllowModel(DigestOf(9)), IsOk());
  const auto begun = Coordinating().BeginActivation({.model = DigestOf(9), .base = base_}, kElsewhere);
  ASSERT_THAT(begun, IsOk());
  ASSERT_THAT(activations_->Resume(), IsOk());
  EXPECT_FALSE(Choice().target.has_value());
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
  EXPECT_THAT(Coordinating().GetOperation(begun->operation->name)->error, FailsWith(Reason::MODEL_NOT_FOUND));
}

TEST_F(ActivationsTest, DeletesAModelWithItsEmbeddings) {
  Enrol("ada", "r1", 51);
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_THAT(activations_->Delete(*models_, next_), FailsWith(Reason::MODEL_IN_USE));
  ASSERT_THAT(activations_->Begin(base_, {}), IsOk());
  ASSERT_THAT(Finish(), IsOk());
  EXPECT_THAT(activations_->Delete(*models_, next_), IsOkAndHolds(testing::Field(&EmbeddingDeletion::embeddings, 1)));
  EXPECT_THAT(activations_->Delete(*models_, next_), FailsWith(Reason::MODEL_NOT_FOUND));
  EXPECT_THAT(activations_->Delete(*models_, base_), FailsWith(Reason::MODEL_IN_USE));
  EXPECT_EQ(EmbeddedBy(next_, "ada").size(), 0u);
  EXPECT_EQ(EmbeddedBy(base_, "ada").size(), 1u);
}

// It used to end the process, and at the next start to go on into the same.
TEST_F(ActivationsTest, ANetworkThatThrowsFailsTheActivation) {
  Enrol("ada", "r1", 100);
  throws_ = true;
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  EXPECT_THAT(Finish(), FailsWith(Reason::INTERNAL));
  EXPECT_EQ(active_.Get()->embedder->digest(), base_);
  EXPECT_EQ(Choice().target, std::nullopt);
  throws_ = false;
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  EXPECT_THAT(Finish(), IsOk());
}

// A training waited for the activation that it had asked for, and the end of the server for the training.
TEST_F(ActivationsTest, WhoWaitsForAnActivationIsLetGoWhenTheServerEnds) {
  Enrol("ada", "r1", 100);
  hold_ = true;
  ASSERT_THAT(activations_->Begin(next_, {}), IsOk());
  const int64_t changes = activations_->Progress()->changes;
  absl::Notification over;
  std::thread waits([&] {
    activations_->AwaitChange(changes, absl::InfiniteDuration());
    over.Notify();
  });
  EXPECT_FALSE(over.HasBeenNotified());
  activations_->Stop();
  over.WaitForNotification();
  waits.join();
  EXPECT_TRUE(activations_->stopping());
  release_ = true;
  Restart();
  ASSERT_THAT(activations_->Resume(), IsOk());
  EXPECT_THAT(Finish(), IsOk());
}

}  // namespace
}  // namespace likeness
