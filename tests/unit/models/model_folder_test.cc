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
using testing::SizeIs;

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
  const auto read = models->Read(entry.digest);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->bundle.bytes(), SealedFile("two"));
  EXPECT_EQ(read->training_id, "second");
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

// The servers of a shared gallery may share the folder too.
TEST_F(ModelFolderTest, IsAsTheFolderIsNowWhoeverChangesIt) {
  const auto before = Open()->Add(SealedFile("before"), kManifest, "before", At(1));
  ASSERT_THAT(before, IsOk());
  const auto models = Open();
  const auto others = Open();
  ASSERT_THAT(models->List(), SizeIs(2));
  const auto added = others->Add(SealedFile("added"), kManifest, "added", At(2));
  ASSERT_THAT(added, IsOk());
  EXPECT_THAT(Trainings(*models), ElementsAre("", "added", "before"));
  EXPECT_THAT(models->Find(added->digest), IsOk());

  ASSERT_THAT(others->Delete(added->digest), IsOk());
  ASSERT_THAT(others->Delete(before->digest), IsOk());
  EXPECT_THAT(Trainings(*models), ElementsAre(""));
  EXPECT_THAT(models->Find(before->digest), FailsWith(Reason::MODEL_NOT_FOUND));
  EXPECT_THAT(models->Find(added->digest), FailsWith(Reason::MODEL_NOT_FOUND));
  EXPECT_THAT(models->Delete(added->digest), FailsWith(Reason::MODEL_NOT_FOUND));

  ASSERT_THAT(others->Add(SealedFile("before"), kManifest, "again", At(3)), IsOk());
  EXPECT_THAT(Trainings(*models), ElementsAre("", "again"));
  ASSERT_THAT(models->Add(SealedFile("added"), kManifest, "here", At(4)), IsOk()) << "nothing is left of the first";
  EXPECT_THAT(Trainings(*others), ElementsAre("", "here", "again"));
}

TEST_F(ModelFolderTest, WhatIsHalfWrittenIsNoModelUntilItIsWhole) {
  const auto others = Open();
  const ModelEntry entry = *others->Add(SealedFile("one"), kManifest, "first", At(1));
  const std::string bundle = ReadFile(entry.path);
  const std::string description = ReadFile(folder_ + "/" + entry.digest.Hex() + ".json");
  ASSERT_THAT(others->Delete(entry.digest), IsOk());
  const auto models = Open();
  // As somebody copies the two files, in this order or the other.
  WriteFile(folder_ + "/" + entry.digest.Hex() + ".json", description);
  EXPECT_THAT(Trainings(*models), ElementsAre("")) << "its bundle is not there";
  EXPECT_THAT(Trainings(*Open()), ElementsAre("")) << "its bundle is not there";
  for (const size_t written : {size_t{0}, bundle.size() / 2, bundle.size() - 1}) {
    WriteFile(entry.path, bundle.substr(0, written));
    EXPECT_THAT(Trainings(*models), ElementsAre("")) << written;
    EXPECT_THAT(models->Find(entry.digest), FailsWith(Reason::MODEL_CORRUPT)) << written;
  }
  WriteFile(entry.path, bundle);
  EXPECT_THAT(Trainings(*models), ElementsAre("", "first"));
  WriteFile(folder_ + "/" + entry.digest.Hex() + ".json", description.substr(0, description.size() / 2));
  EXPECT_THAT(Trainings(*models), ElementsAre(""));
}

TEST_F(ModelFolderTest, NeedsAFolderThatItMayMake) {
  const std::string file = UniquePath("file");
  WriteFile(file, "");
  EXPECT_THAT(ModelFolder::Open(file + "/models", Base()),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(file)));
}

}  // namespace
}  // namespace likeness
