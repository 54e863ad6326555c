#include "server/models/model_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/sealed_file.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kManifest[] = R"({
  "format": 1, "kind": "embedding", "name": "tiny", "version": "1.0.0",
  "input": {"width": 8, "height": 8, "color": "RGB", "mean": [0, 0, 0], "std": [255, 255, 255]},
  "alignment": "none", "embedding": {"size": 3, "unit_length": false}, "margin": 1, "operating_points": [],
  "calibration": null, "provenance": {}})";

ModelEntry Base() {
  ModelEntry base;
  base.digest.bytes.fill(1);
  base.manifest.name = "base";
  return base;
}

class ModelFolderTest : public testing::Test {
 protected:
  std::unique_ptr<ModelFolder> Open() { return *ModelFolder::Open(folder_, Base()); }
  static std::vector<std::string> Trainings(const ModelFolder& models) {
    std::vector<std::string> trainings;
    for (const ModelEntry& entry : models.List()) trainings.push_back(entry.training_id);
    return trainings;
  }
  static absl::Time At(int second) { return absl::FromUnixSeconds(1'700'000'000 + second); }

  const std::string folder_ = UniquePath("a/models");
};

TEST_F(ModelFolderTest, HasTheBaseAlone) {
  const auto models = Open();
  ASSERT_EQ(models->List().size(), 1u);
  EXPECT_EQ(models->List().front().manifest.name, "base");
  EXPECT_THAT(models->Find(Base().digest), IsOk());
  EXPECT_THAT(models->Find(ModelDigest{}), FailsWith(Reason::MODEL_NOT_FOUND));
}

TEST_F(ModelFolderTest, KeepsWhatWasAddedAndListsTheNewestFirst) {
  {
    const auto models = Open();
    ASSERT_THAT(models->Add(SealedFile("one"), kManifest, "first", At(1)), IsOk());
    ASSERT_THAT(models->Add(SealedFile("two"), kManifest, "second", At(2)), IsOk());
    EXPECT_THAT(Trainings(*models), ElementsAre("", "second", "first"));
  }
  const auto models = Open();
  EXPECT_THAT(Trainings(*models), ElementsAre("", "second", "first"));
  const ModelEntry entry = models->List()[1];
  EXPECT_EQ(entry.manifest.name, "tiny");
  EXPECT_EQ(entry.create_time, At(2));
  EXPECT_THAT(models->Read(entry.digest), IsOkAndHolds(SealedFile("two")));
}

TEST_F(ModelFolderTest, AddsAModelOnce) {
  const auto models = Open();
  ASSERT_THAT(models->Add(SealedFile("one"), kManifest, "first", At(1)), IsOk());
  ASSERT_THAT(models->Add(SealedFile("one"), kManifest, "second", At(2)), IsOk());
  EXPECT_THAT(Trainings(*models), ElementsAre("", "first"));
}

TEST_F(ModelFolderTest, RefusesWhatIsNoBundle) {
  const auto models = Open();
  EXPECT_FALSE(models->Add("no seal", kManifest, "", At(1)).ok());
  EXPECT_FALSE(models->Add(SealedFile("one"), "{}", "", At(1)).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ModelFolderTest, SaysThatAnAlteredBundleIsDamaged) {
  const auto models = Open();
  const auto entry = models->Add(SealedFile("one"), kManifest, "", At(1));
  ASSERT_THAT(entry, IsOk());
  for (const std::string& altered : {std::string(), std::string("x"), SealedFile("two")}) {
    WriteFile(entry->path, altered);
    EXPECT_THAT(models->Read(entry->digest), FailsWith(Reason::MODEL_CORRUPT)) << altered;
  }
  std::filesystem::remove(entry->path);
  EXPECT_THAT(models->Read(entry->digest), FailsWith(Reason::MODEL_CORRUPT));
}

TEST_F(ModelFolderTest, SaysThatAnAlteredDescriptionIsDamagedAndServesTheOthers) {
  ModelDigest damaged;
  {
    const auto models = Open();
    damaged = models->Add(SealedFile("one"), kManifest, "first", At(1))->digest;
    ASSERT_THAT(models->Add(SealedFile("two"), kManifest, "second", At(2)), IsOk());
  }
  for (const char* altered : {"", "{", "{}", R"({"manifest": {}, "create_time_microseconds": 1, "training_id": ""})"}) {
    WriteFile(folder_ + "/" + damaged.Hex() + ".json", altered);
    const auto models = Open();
    EXPECT_THAT(models->Find(damaged), FailsWith(Reason::MODEL_CORRUPT)) << altered;
    EXPECT_THAT(Trainings(*models), ElementsAre("", "second"));
  }
}

TEST_F(ModelFolderTest, DeletesAModelWithItsFiles) {
  const auto models = Open();
  const auto entry = models->Add(SealedFile("one"), kManifest, "", At(1));
  ASSERT_THAT(entry, IsOk());
  EXPECT_THAT(models->Delete(Base().digest), FailsWith(Reason::MODEL_IN_USE));
  EXPECT_THAT(models->Delete(entry->digest), IsOk());
  EXPECT_THAT(models->Delete(entry->digest), FailsWith(Reason::MODEL_NOT_FOUND));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ModelFolderTest, NeedsAFolderThatItMayMake) {
  const std::string file = UniquePath("file");
  WriteFile(file, "");
  EXPECT_THAT(ModelFolder::Open(file + "/models", Base()),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(file)));
}

}  // namespace
}  // namespace likeness
