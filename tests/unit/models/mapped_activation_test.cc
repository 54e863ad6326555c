// Activations of models whose embeddings come of those by the active one, so that neither crops nor a network are
// needed.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "server/encoding/crop_kind.h"
#include "server/image/crop_file.h"
#include "server/models/activation.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/sealed_file.h"
#include "tests/support/stores.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::IsEmpty;

constexpr int kCropsOfTheCheck = 3;

NetworkDigest NetworkNamed(uint8_t name) {
  NetworkDigest digest;
  digest.fill(name);
  return digest;
}

const NetworkDigest kBaseNetwork = NetworkNamed(1);
const NetworkDigest kHeadedNetwork = NetworkNamed(2);

std::shared_ptr<const BundleHead> Head() {
  const std::vector<float> matrix = {1, 0, 0, 0, 0.5F, 0, 0, 0.25F, 0.25F};
  return std::make_shared<const BundleHead>(BundleHead{*LinearHead::Create({0.1F, 0, 0.2F}, matrix), kBaseNetwork});
}

std::vector<float> Direction(const Picture& crop) {
  std::vector<float> values = MeanColour(crop);
  double squares = 0;
  for (float& value : values) squares += value * value;
  for (float& value : values) value /= static_cast<float>(std::sqrt(squares));
  return values;
}

Picture Colour(uint8_t red, uint8_t green) {
  Picture picture{8, 8, {}};
  for (int pixel = 0; pixel < 64; ++pixel) picture.rgb.insert(picture.rgb.end(), {red, green, 10});
  return picture;
}

constexpr char kManifest[] = R"({
  "format": 1, "kind": "embedding", "name": "headed", "version": "1.0.0",
  "input": {"width": 8, "height": 8, "color": "RGB", "mean": [0, 0, 0], "std": [255, 255, 255]},
  "alignment": "none", "embedding": {"size": 3, "unit_length": true}, "margin": 1, "operating_points": [
    {"fmr": 0.001, "distance": 0.25, "genuine_pairs": 1000, "impostor_pairs": 1000000, "people": 500, "source": "made up"}
  ], "calibration": null, "provenance": {}})";

// A model of colours' directions, and one with a linear layer behind it.
class MappedActivationsTest : public testing::Test {
 protected:
  MappedActivationsTest() {
    headed_ = models_->Add(SealedFile("headed"), kManifest, "training", absl::Now())->digest;
    EXPECT_THAT(activations_->Allow(headed_), IsOk());
  }

  static ModelEntry Base() {
    ModelEntry base;
    base.path = UniquePath("base.pt");
    WriteFile(base.path, SealedFile("base"));
    base.digest = *VerifySeal(SealedFile("base"));
    base.manifest = *ParseBundleManifest(kManifest);
    return base;
  }

  Generation Load(const ModelEntry& entry) {
    auto embedder = std::make_shared<FakeEmbedder>();
    embedder->set_digest(entry.digest);
    embedder->mutable_manifest().unit_length = true;
    if (entry.digest == models_->base().digest) {
      embedder->set_network(kBaseNetwork);
      embedder->embed = Direction;
    } else {
      embedder->mutable_manifest().head = Head();
      embedder->set_network(kHeadedNetwork);
      embedder->embed = [this](const Picture& crop) { return lies_ ? Direction(crop) : Headed(Direction(crop)); };
    }
    loaded_ = embedder;
    return {embedder, ThresholdOf(entry.manifest, {})};
  }

  static std::vector<float> Headed(const std::vector<float>& values) { return Head()->layer.Apply(values); }

  void Enrol(const std::string& person, const Picture& crop, bool with_crop = false) {
    const auto generation = active_.Get();
    const auto embeddings = generation->embedder->Embed({crop});
    const std::string reference = "reference-" + std::to_string(gallery_->size().references);
    Enrolment enrolment{.person_id = person,
                        .request_id = "",
                        .content = {},
                        .references = {{reference, embeddings->front()}},
                        .create_time = absl::Now()};
    if (with_crop) enrolment.crops = {{CropKindOf(generation->embedder->manifest()), *EncodeCropFile(crop)}};
    ASSERT_THAT(gallery_->Enrol(enrolment), IsOk());
  }

  absl::Status Activate(const ModelDigest& model) {
    if (const auto begun = activations_->Begin(model, {}); !begun.ok()) return begun.status();
    return Finish();
  }

  absl::Status Finish() {
    std::optional<ActivationProgress> progress = activations_->Progress();
    while (progress->running) progress = activations_->AwaitChange(progress->changes, absl::Seconds(10));
    return progress->outcome;
  }

  std::vector<float> EmbeddedBy(const ModelDigest& model, const std::string& person) {
    for (const ReferenceEmbedding& reference : **gallery_->FindReferences(person)) {
      if (reference.embedding.model == model) return reference.embedding.values;
    }
    return {};
  }

  // As nobody does who is not broken.
  void Damage(const std::string& person) {
    SQLite::Database(path_, SQLite::OPEN_READWRITE)
        .exec(
            "UPDATE embedding SET embedding = X'00' WHERE reference IN (SELECT number FROM face_reference WHERE "
            "person_id = '" +
            person + "')");
  }

  Metrics metrics_;
  const std::string path_ = UniquePath("gallery.db");
  std::unique_ptr<ModelFolder> models_ = *ModelFolder::Open(UniquePath("models"), Base());
  std::unique_ptr<Gallery> gallery_ = *Gallery::Open(*OpenSqliteStore(path_), {}, metrics_);
  const ModelDigest base_ = models_->base().digest;
  bool lies_ = false;                           // what the headed bundle says of itself
  std::shared_ptr<const FakeEmbedder> loaded_;  // the last one
  ActiveGeneration active_{Load(models_->base())};
  ModelDigest headed_;
  std::unique_ptr<Activations> activations_ = std::make_unique<Activations>(
      *models_, *gallery_, active_, ThresholdRule(), [this](const ModelEntry& entry) { return Load(entry); },
      [](const Generation&) {});
};

TEST_F(MappedActivationsTest, MultipliesTheStoredEmbeddingsOfThoseWithoutCrops) {
  for (uint8_t i = 0; i < 70; ++i) Enrol("person" + std::to_string(i), Colour(i, 100));
  ASSERT_THAT(Activate(headed_), IsOk());
  EXPECT_EQ(active_.Get()->embedder->digest(), headed_);
  EXPECT_EQ(activations_->Progress()->coverage.embedded, 70);
  EXPECT_EQ(EmbeddedBy(headed_, "person51"), Headed(Direction(Colour(51, 100))));
}

TEST_F(MappedActivationsTest, RunsTheNetworkForNoneOfTheCropsThatWereKept) {
  for (uint8_t i = 0; i < 70; ++i) Enrol("person" + std::to_string(i), Colour(i, 100), /*with_crop=*/true);
  ASSERT_THAT(Activate(headed_), IsOk());
  EXPECT_EQ(EmbeddedBy(headed_, "person51"), Headed(Direction(Colour(51, 100))));
  EXPECT_LE(loaded_->calls(), 3 * kCropsOfTheCheck) << "of the map: there, for new people, and back";
}

TEST_F(MappedActivationsTest, TheWayBackReachesThoseWhoWereEnrolledMeanwhile) {
  Enrol("ada", Colour(200, 100));
  ASSERT_THAT(Activate(headed_), IsOk());
  Enrol("bob", Colour(20, 100));
  ASSERT_THAT(EmbeddedBy(base_, "bob"), IsEmpty());
  ASSERT_THAT(Activate(base_), IsOk());
  EXPECT_EQ(EmbeddedBy(base_, "ada"), Direction(Colour(200, 100)));
  const std::vector<float> right = Direction(Colour(20, 100));
  EXPECT_THAT(EmbeddedBy(base_, "bob"),
              ElementsAre(FloatNear(right[0], 1e-5F), FloatNear(right[1], 1e-5F), FloatNear(right[2], 1e-5F)));
}

// Who is enrolled while another server activates it.
TEST_F(MappedActivationsTest, EmbeddingsOfNewPeopleAreMultipliedToo) {
  ASSERT_THAT(activations_->Enter(), IsOk());
  // As if it had begun elsewhere: in this gallery of one server, which would resume that, it is done in its name.
  const OperationOwner self{SQLite::Database(path_).execAndGet("SELECT id FROM server").getString(), "host"};
  ASSERT_THAT(gallery_->coordination().BeginActivation({.model = headed_, .base = base_}, self), IsOk());
  const absl::Time start = absl::Now();
  while (active_.companions().models.empty() && absl::Now() - start < absl::Seconds(20)) {
    activations_->Follow().IgnoreError();
    absl::SleepFor(absl::Milliseconds(1));
  }
  const Companions companions = active_.companions();
  ASSERT_EQ(companions.models.size(), 1u);
  ASSERT_TRUE(companions.models[0]->map.has_value());
  EXPECT_EQ(companions.models[0]->map->Map(Direction(Colour(200, 100))), Headed(Direction(Colour(200, 100))));
}

TEST_F(MappedActivationsTest, SaysWhatTheEmbeddingsWouldBeMadeFrom) {
  const ModelEntry headed = *models_->Find(headed_);
  EXPECT_EQ(activations_->SourcesOf(headed).mapped_from, base_);
  EXPECT_EQ(activations_->SourcesOf(headed).crop_kind, "whole8x8");
  EXPECT_FALSE(activations_->SourcesOf(models_->base()).mapped_from.has_value()) << "it is the active one";
  lies_ = true;
  EXPECT_FALSE(activations_->SourcesOf(headed).mapped_from.has_value());
  lies_ = false;
  ASSERT_THAT(gallery_->coordination().RetireModel(headed_, base_), IsOk());
  loaded_ = nullptr;
  EXPECT_FALSE(activations_->SourcesOf(headed).mapped_from.has_value());
  EXPECT_EQ(loaded_, nullptr) << "a bundle that may not be run was";
}

TEST_F(MappedActivationsTest, ALayerThatTheNetworkDoesNotHaveIsNotMultipliedBy) {
  lies_ = true;
  Enrol("ada", Colour(200, 100));
  EXPECT_THAT(Activate(headed_), FailsWith(Reason::REFERENCES_WITHOUT_CROP));
  ASSERT_THAT(gallery_->DeletePerson("ada"), IsOk());
  Enrol("bob", Colour(20, 100), /*with_crop=*/true);
  ASSERT_THAT(Activate(headed_), IsOk());
  EXPECT_EQ(EmbeddedBy(headed_, "bob"), Direction(Colour(20, 100))) << "by the network, from the crop";
}

TEST_F(MappedActivationsTest, ADamagedEmbeddingKeepsNobodyElseFromTheModel) {
  Enrol("ada", Colour(200, 100));
  Enrol("bob", Colour(20, 100), /*with_crop=*/true);
  Enrol("eve", Colour(50, 100));
  Damage("ada");
  Damage("bob");
  ASSERT_THAT(Activate(headed_), IsOk());
  EXPECT_EQ(EmbeddedBy(headed_, "eve"), Headed(Direction(Colour(50, 100))));
  EXPECT_EQ(activations_->Progress()->coverage.embedded, 2) << "bob from the crop";
  EXPECT_THAT(gallery_->FindReferences("ada"), FailsWith(Reason::STORE_CORRUPT)) << "as before";
}

}  // namespace
}  // namespace likeness
