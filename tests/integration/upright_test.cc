// Whether it matters which way up a photo is: LFW photos turned by a quarter, half and three quarters of a turn,
// through the service's Embed call. Skips where they are missing: they may not be redistributed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/evaluation/comparisons.h"
#include "client/evaluation/embed_photos.h"
#include "server/image/photo.h"
#include "server/image/turn.h"
#include "server/verification/distance.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;

constexpr double kSamePhoto = 0.05;  // the distance of two embeddings of one photo, at most
// Every photo is looked at upright, every eighth in the other turns, too.
constexpr size_t kEveryTurned = 8;

std::string AsPnm(const Picture& picture) {
  return absl::StrCat("P6\n", picture.width, " ", picture.height, "\n255\n",
                      std::string(picture.rgb.begin(), picture.rgb.end()));
}

// The photos of the people on whom nothing was chosen, in the order of their names.
std::vector<std::string> PhotosOfTheSecondPart(const fs::path& root) {
  std::vector<std::string> photos;
  for (const fs::directory_entry& person : fs::directory_iterator(root)) {
    if (!IsInPart(person.path().filename(), {.part = 2, .parts = 2})) continue;
    for (const fs::directory_entry& photo : fs::directory_iterator(person)) photos.push_back(photo.path());
  }
  std::sort(photos.begin(), photos.end());
  return photos;
}

class UprightTest : public testing::Test {
 protected:
  void SetUp() override {
    const fs::path root = fs::path(LIKENESS_DATA_DIR) / "lfw-dev" / "images";
    if (!fs::exists(root)) GTEST_SKIP() << "the LFW development photos are not at " << root;
    photos_ = PhotosOfTheSecondPart(root);
    auto started = ServerProcess::Start({.folder = folder_.path(), .flags = {"--log-level=warning"}});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    client_ = std::make_unique<Client>(Client::Options{.target = server_->target(), .timeout = absl::Minutes(1)});
  }

  PhotoEmbeddings EmbedTurned(const std::vector<std::string>& photos, Turn turn) {
    return EmbedPhotos(
        photos, /*jobs=*/2,
        [&](const std::string& path) {
          v1::EmbedRequest request;
          request.set_photo(AsPnm(Turned(*DecodePhoto(ReadFile(path), {}), turn)));
          request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
          return client_->Embed(request);
        },
        [] {});
  }

  TemporaryFolder folder_;
  std::vector<std::string> photos_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(UprightTest, TurnsOneUprightPhotoInAThousandAtMostAndFindsTurnedFacesAsTheyAreUpright) {
  ASSERT_GE(photos_.size(), 700u);
  const PhotoEmbeddings upright = EmbedTurned(photos_, Turn::kNone);
  size_t turned_wrongly = 0;
  for (const auto& [path, embedding] : upright) {
    ASSERT_TRUE(embedding.ok()) << path << ": " << embedding.status();
    if (embedding->face().turned_degrees() == 0) continue;
    ++turned_wrongly;
    std::printf("turned by %d: %s\n", embedding->face().turned_degrees(), path.c_str());
  }
  EXPECT_LE(turned_wrongly, photos_.size() / 1000);

  std::vector<std::string> sample;
  for (size_t i = 0; i < photos_.size(); i += kEveryTurned) sample.push_back(photos_[i]);
  size_t looked = 0, found = 0, same = 0;
  for (Turn turn : {Turn::kQuarter, Turn::kHalf, Turn::kThreeQuarters}) {
    for (const auto& [path, embedding] : EmbedTurned(sample, turn)) {
      ++looked;
      if (!embedding.ok()) continue;
      ++found;
      const bool as_upright = 360 - static_cast<int>(turn) == embedding->face().turned_degrees() &&
                              EuclideanDistance(embedding->embedding(), upright.at(path)->embedding()) <= kSamePhoto;
      if (as_upright) ++same;
      if (!as_upright) std::printf("not as upright, turned by %d: %s\n", static_cast<int>(turn), path.c_str());
    }
  }
  std::printf("of %zu turned photos %zu found, %zu as upright; of %zu upright ones %zu turned wrongly\n", looked, found,
              same, photos_.size(), turned_wrongly);
  EXPECT_GE(static_cast<double>(found), 0.95 * static_cast<double>(looked));
  EXPECT_GE(static_cast<double>(same), 0.97 * static_cast<double>(found));
}

}  // namespace
}  // namespace likeness
