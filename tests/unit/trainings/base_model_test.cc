// What a training begins with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/embedding/torch_embedder.h"
#include "server/trainings/training_run.h"
#include "tests/support/bundles.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/sealed_file.h"
#include "tests/support/stores.h"
#include "tests/support/swapped_file.h"

namespace likeness {
namespace {

class BaseModelTest : public testing::Test {
 protected:
  BaseModelTest() : path_(folder_ + "/" + digest_.Hex() + ".pt") { WriteFile(path_, bundle_); }

  static ModelEntry Base() {
    ModelEntry base;
    base.path = UniquePath("base.pt");
    base.digest = *VerifySeal(SealedFile("base"));
    return base;
  }

  static absl::StatusOr<Generation> LoadNothing(const ModelEntry&) {
    return Generation{std::make_shared<FakeEmbedder>(), std::nullopt};
  }

  absl::StatusOr<BaseModel> Find(const std::string& name) { return FindBaseModel(surroundings_, name); }

  // One word is enough to make it another bundle.
  const std::string bundle_ = ReadFile(ModelPath("siamese-article.pt"));
  const std::string other_ = EditAndSeal(bundle_, "\"margin\"", "\"nigram\"");
  const ModelDigest digest_ = *VerifySeal(bundle_);
  const std::string folder_ = UniquePath("models");
  Metrics metrics_;
  std::unique_ptr<ModelFolder> models_ = *ModelFolder::Open(folder_, Base());
  std::unique_ptr<Gallery> gallery_ = *Gallery::Open(*OpenSqliteStore(UniquePath("gallery.db")), {}, metrics_);
  ActiveGeneration active_{Generation{std::make_shared<FakeEmbedder>(), std::nullopt}};
  Activations activations_{*models_, *gallery_, active_, ThresholdRule(), LoadNothing, [](const Generation&) {}};
  const TrainingSurroundings surroundings_{.models = *models_,
                                           .activations = activations_,
                                           .active = active_,
                                           .device = Device{},
                                           .bundles_folder = folder_};
  const std::string path_;
};

// Training runs a bundle's code, as answering does.
TEST_F(BaseModelTest, IsNoModelThatNobodyTrainedHereOrAllowed) {
  EXPECT_THAT(Find(digest_.Hex()).status(), FailsWith(Reason::MODEL_NOT_ALLOWED));
  ASSERT_THAT(activations_.Allow(digest_), IsOk());
  EXPECT_THAT(Find(digest_.Hex()), IsOk());
  ASSERT_THAT(gallery_->coordination().RetireModel(digest_, models_->base().digest), IsOk());
  EXPECT_THAT(Find(digest_.Hex()).status(), FailsWith(Reason::MODEL_NOT_ALLOWED));
}

TEST_F(BaseModelTest, IsTheVeryBytesThatWereVerified) {
  ASSERT_THAT(activations_.Allow(digest_), IsOk());
  const SwappedFile swapped(path_, bundle_, other_);
  const absl::StatusOr<BaseModel> base = Find(digest_.Hex());
  ASSERT_THAT(base, IsOk());
  EXPECT_EQ(base->digest, digest_);
  EXPECT_TRUE(base->bundle.bytes() == bundle_) << "what the training loads";
  const auto loaded = TorchEmbedder::Load(base->bundle, Device{});
  ASSERT_THAT(loaded, IsOk());
  EXPECT_EQ((*loaded)->digest(), digest_);
}

TEST_F(BaseModelTest, IsNoOtherBundleUnderItsDigest) {
  ASSERT_THAT(activations_.Allow(digest_), IsOk());
  WriteFile(path_, other_);
  EXPECT_THAT(Find(digest_.Hex()).status(), FailsWith(Reason::MODEL_CORRUPT));
}

}  // namespace
}  // namespace likeness
