// How well the service tells faces apart, measured through its Embed call on research photos. Skips where they are
// missing: they may not be redistributed. docs/accuracy.md says where to get them.
#include "server/verification/accuracy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/evaluation/embed_photos.h"
#include "server/image/photo.h"
#include "server/verification/distance.h"
#include "tests/integration/photos.h"
#include "tests/integration/server_process.h"

namespace likeness {
namespace {

namespace fs = std::filesystem;

// AT&T's faces fill their pictures; a detector wants to see what is around a face.
constexpr int kBorder = 40;

// The photo with kBorder replicated pixels on each side, as PPM.
std::string Padded(const std::string& photo) {
  const Picture picture = *DecodePhoto(photo, {});
  const int width = picture.width + 2 * kBorder;
  const int height = picture.height + 2 * kBorder;
  std::string ppm = absl::StrFormat("P6\n%d %d\n255\n", width, height);
  for (int y = 0; y < height; ++y) {
    const int from_y = std::clamp(y - kBorder, 0, picture.height - 1);
    for (int x = 0; x < width; ++x) {
      const int from_x = std::clamp(x - kBorder, 0, picture.width - 1);
      const auto pixel = picture.rgb.begin() + (from_y * picture.width + from_x) * 3;
      ppm.append(pixel, pixel + 3);
    }
  }
  return ppm;
}

std::vector<std::string> PhotosUnder(const fs::path& root, const std::string& extension) {
  std::vector<std::string> photos;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() == extension) photos.push_back(entry.path());
  }
  return photos;
}

TEST(AccuracyTest, EqualErrorRateOnAllPairsOfTheAttFacesIsAtMostFourPerMille) {
  const fs::path root = fs::path(LIKENESS_DATA_DIR) / "att-faces";
  if (!fs::exists(root)) GTEST_SKIP() << "the AT&T faces are not at " << root;
  const std::vector<std::string> photos = PhotosUnder(root, ".pgm");
  ASSERT_EQ(photos.size(), 400u);
  const TemporaryFolder folder;
  const auto server = ServerProcess::Start({.folder = folder.path(), .flags = {"--log-level=warning"}});
  ASSERT_TRUE(server.ok()) << server.status();
  Client client({.target = (*server)->target(), .timeout = absl::Minutes(1)});
  const PhotoEmbeddings embeddings = EmbedPhotos(
      photos, /*jobs=*/2,
      [&client](const std::string& path) {
        v1::EmbedRequest request;
        request.set_photo(Padded(ReadFile(path)));
        request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
        request.set_probe_gate(v1::QUALITY_GATE_STANDARD);  // which refuses none of them
        return client.Embed(request);
      },
      [] {});

  PairDistances distances;
  for (auto a = embeddings.begin(); a != embeddings.end(); ++a) {
    ASSERT_TRUE(a->second.ok()) << a->first << ": " << a->second.status();
    for (auto b = embeddings.begin(); b != a; ++b) {
      const bool genuine = fs::path(a->first).parent_path() == fs::path(b->first).parent_path();
      (genuine ? distances.genuine : distances.impostor)
          .push_back(EuclideanDistance(a->second->embedding(), b->second->embedding()));
    }
  }
  ASSERT_EQ(distances.genuine.size(), 40u * 45u);
  const absl::StatusOr<double> equal_error_rate = EqualErrorRate(distances);
  ASSERT_TRUE(equal_error_rate.ok()) << equal_error_rate.status();
  std::printf("AT&T faces: EER %.3f %% over %zu genuine and %zu impostor pairs\n", *equal_error_rate * 100,
              distances.genuine.size(), distances.impostor.size());
  EXPECT_LE(*equal_error_rate, 0.004);
}

// Before there was a gate, and a second opinion on what is a face, every one of them got a verdict.
TEST(AccuracyTest, RefusesThreeInAThousandOrdinaryPhotosAtMost) {
  const fs::path root = fs::path(LIKENESS_DATA_DIR) / "lfw-dev" / "images";
  if (!fs::exists(root)) GTEST_SKIP() << "the LFW development photos are not at " << root;
  const std::vector<std::string> photos = PhotosUnder(root, ".jpg");
  ASSERT_EQ(photos.size(), 1549u);
  const TemporaryFolder folder;
  const auto server = ServerProcess::Start({.folder = folder.path(), .flags = {"--log-level=warning"}});
  ASSERT_TRUE(server.ok()) << server.status();
  Client client({.target = (*server)->target(), .timeout = absl::Minutes(1)});
  const PhotoEmbeddings embeddings = EmbedPhotos(
      photos, /*jobs=*/2,
      [&client](const std::string& path) {
        v1::EmbedRequest request;
        request.set_photo(ReadFile(path));
        request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
        request.set_probe_gate(v1::QUALITY_GATE_STANDARD);
        return client.Embed(request);
      },
      [] {});
  int refused = 0;
  for (const auto& [path, embedding] : embeddings) {
    if (embedding.ok()) continue;
    std::printf("%s: %s\n", path.c_str(), embedding.status().ToString().c_str());
    ++refused;
  }
  EXPECT_LE(refused, 0.003 * static_cast<double>(photos.size()));
}

TEST(AccuracyTest, BestAccuracyOnTheLfwDevelopmentPairsIsAtLeastNinetyNinePercent) {
  const fs::path root = fs::path(LIKENESS_DATA_DIR) / "lfw-dev";
  if (!fs::exists(root)) GTEST_SKIP() << "the LFW development photos are not at " << root;
  const TemporaryFolder folder;
  const auto server = ServerProcess::Start({.folder = folder.path(), .flags = {"--log-level=warning"}});
  ASSERT_TRUE(server.ok()) << server.status();
  const std::string report_path = folder.path() + "/report.json";
  const std::string command = absl::StrFormat(
      // What the network can tell apart; what the gate refuses is measured in stated_rate_test.
      "%s/likeness --server %s --json eval --images '%s' --pairs '%s' --probe-gate off --jobs 4 >%s", LIKENESS_BIN_DIR,
      (*server)->target(), (root / "images").string(), (root / "pairsDevTest.txt").string(), report_path);
  ASSERT_EQ(std::system(command.c_str()), 0);
  const nlohmann::json report = nlohmann::json::parse(ReadFile(report_path));
  std::printf("LFW development pairs: %s\n", report.dump().c_str());
  EXPECT_EQ(report["pairs"]["genuine"], 500);
  EXPECT_EQ(report["pairs"]["impostor"], 500);
  EXPECT_TRUE(report["photos"]["failed"].empty());
  const double best = report["accuracy"]["best"]["accuracy"];
  EXPECT_GE(best, 0.990);
  // The threshold was measured on half of these people; docs/accuracy.md has the other half alone.
  EXPECT_GE(report["at_server_threshold"]["accuracy"]["value"], best - 0.005);
}

}  // namespace
}  // namespace likeness
