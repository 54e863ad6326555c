#include "server/embedding/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json Manifest() {
  return json::parse(R"({
    "format": 1, "kind": "embedding", "name": "mobilefacenet-192", "version": "1.0.0",
    "input": {"width": 112, "height": 112, "color": "RGB", "mean": [127.5, 127, 126], "std": [128, 129, 130]},
    "alignment": "arcface112",
    "embedding": {"size": 192, "unit_length": true},
    "margin": 1.25,
    "operating_points": [
      {"fmr": 0.001, "distance": 1.0, "genuine_pairs": 983, "impostor_pairs": 1197943, "people": 963, "source": "LFW"},
      {"fmr": 0.01, "distance": 1.1, "genuine_pairs": 983, "impostor_pairs": 1197943, "people": 963, "source": "LFW"}
    ],
    "calibration": null, "provenance": {"source": "...", "license": "..."}
  })");
}

TEST(BundleManifestTest, ReadsEveryField) {
  const absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(Manifest().dump());
  ASSERT_THAT(manifest, IsOk());
  EXPECT_EQ(manifest->name, "mobilefacenet-192");
  EXPECT_EQ(manifest->version, "1.0.0");
  EXPECT_EQ(manifest->input_width, 112);
  EXPECT_EQ(manifest->input_height, 112);
  EXPECT_THAT(manifest->input.mean, ElementsAre(127.5f, 127, 126));
  EXPECT_THAT(manifest->input.std, ElementsAre(128, 129, 130));
  EXPECT_EQ(manifest->alignment, Alignment::kArcFace112);
  EXPECT_EQ(manifest->embedding_size, 192);
  EXPECT_TRUE(manifest->unit_length);
  EXPECT_EQ(manifest->margin, 1.25);
  ASSERT_EQ(manifest->operating_points.size(), 2u);
  EXPECT_EQ(manifest->operating_points[1].fmr, 0.01);
  EXPECT_EQ(manifest->operating_points[1].distance, 1.1);
  EXPECT_EQ(manifest->operating_points[1].genuine_pairs, 983);
  EXPECT_EQ(manifest->operating_points[1].impostor_pairs, 1197943);
  EXPECT_EQ(manifest->operating_points[1].people, 963);
  EXPECT_EQ(manifest->operating_points[1].source, "LFW");
}

// Two centroids of three numbers.
json WithCohort() {
  json text = Manifest();
  text["embedding"]["size"] = 3;
  text["cohort"] = {{"nearest", 1},
                    {"cap", 1.15},
                    {"people_in_centroid", 5},
                    {"sources", {{{"name", "ages/young"}, {"people", 130}, {"faces", 250}}}},
                    {"centroids", "fwAAAH8A"}};
  return text;
}

TEST(BundleManifestTest, ReadsTheCohort) {
  const absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(WithCohort().dump());
  ASSERT_THAT(manifest, IsOk());
  ASSERT_NE(manifest->cohort, nullptr);
  EXPECT_EQ(manifest->cohort->centroids(), 2u);
  EXPECT_EQ(manifest->cohort->cap(), 1.15);
  EXPECT_EQ(manifest->cohort->description().nearest, 1);
  EXPECT_EQ(manifest->cohort->description().people_in_centroid, 5);
  ASSERT_EQ(manifest->cohort->description().sources.size(), 1u);
  EXPECT_EQ(manifest->cohort->description().sources[0].name, "ages/young");
  EXPECT_NEAR(manifest->cohort->Crowding({1, 0, 0}), 0, 1e-6);
}

TEST(BundleManifestTest, NeedsNoCohort) {
  json text = WithCohort();
  text["cohort"] = nullptr;
  EXPECT_EQ(ParseBundleManifest(text.dump())->cohort, nullptr);
  EXPECT_EQ(ParseBundleManifest(Manifest().dump())->cohort, nullptr);
}

TEST(BundleManifestTest, RefusesACohortThatCannotBe) {
  const std::pair<const char*, json> wrong[] = {
      {"centroids", "no base64!"},
      {"centroids", "AAAA"},
      {"centroids", "fwAAAH8="},
      {"nearest", 3},
      {"nearest", 0},
      {"cap", 0},
      {"sources", "none"},
      {"sources", {{{"name", "x"}}}},
      {"people_in_centroid", 0},
  };
  for (const auto& [field, value] : wrong) {
    json text = WithCohort();
    text["cohort"][field] = value;
    const absl::Status status = ParseBundleManifest(text.dump()).status();
    EXPECT_FALSE(status.ok()) << field << " " << value;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cohort")) << field << " " << value;
  }
  json text = WithCohort();
  text["embedding"]["unit_length"] = false;
  EXPECT_FALSE(ParseBundleManifest(text.dump()).ok());
}

TEST(BundleManifestTest, ReadsTheRatesOfGroups) {
  json text = Manifest();
  const json young = {{"name", "young"}, {"fmr", 9e-4},          {"fmr_low", 4e-4},        {"fmr_high", 2e-3},
                      {"fnmr", 0.4},     {"genuine_pairs", 200}, {"impostor_pairs", 3000}, {"people", 130}};
  text["operating_points"][0]["groups"] = {young};
  const absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(text.dump());
  ASSERT_THAT(manifest, IsOk());
  ASSERT_EQ(manifest->operating_points[0].groups.size(), 1u);
  EXPECT_EQ(WorstGroup(manifest->operating_points[0])->name, "young");
  EXPECT_EQ(WorstGroup(manifest->operating_points[1]), nullptr);
  text["operating_points"][0]["groups"][0]["fmr_high"] = 1e-5;
  EXPECT_FALSE(ParseBundleManifest(text.dump()).ok()) << "the interval does not hold the rate";
}

TEST(BundleManifestTest, ReadsAGreyNetworkOfAnySizeWithoutAlignment) {
  json text = Manifest();
  text["input"] = {{"width", 100}, {"height", 90}, {"color", "GRAY"}, {"mean", {0}}, {"std", {255}}};
  text["alignment"] = "none";
  text["operating_points"] = json::array();
  const absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(text.dump());
  ASSERT_THAT(manifest, IsOk());
  EXPECT_EQ(manifest->alignment, Alignment::kNone);
  EXPECT_THAT(manifest->input.mean, ElementsAre(0));
  EXPECT_EQ(manifest->input_height, 90);
  EXPECT_TRUE(manifest->operating_points.empty());
}

TEST(BundleManifestTest, ReadsTheLargerAlignmentWithItsSize) {
  json text = Manifest();
  text["alignment"] = "arcface192";
  EXPECT_THAT(ParseBundleManifest(text.dump()),
              HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr("field input is not 192x192")));
  text["input"]["width"] = 192;
  text["input"]["height"] = 192;
  const absl::StatusOr<BundleManifest> manifest = ParseBundleManifest(text.dump());
  ASSERT_THAT(manifest, IsOk());
  EXPECT_EQ(manifest->alignment, Alignment::kArcFace192);
}

TEST(BundleManifestTest, IgnoresFieldsItDoesNotKnow) {
  json text = Manifest();
  text["colour_of_the_box"] = "blue";
  EXPECT_THAT(ParseBundleManifest(text.dump()), IsOk());
}

TEST(BundleManifestTest, NamesEachFieldThatIsMissing) {
  for (const char* path :
       {"/format", "/kind", "/name", "/version", "/input", "/input/width", "/input/height", "/input/color",
        "/input/mean", "/input/std", "/alignment", "/embedding/size", "/embedding/unit_length", "/margin",
        "/operating_points", "/operating_points/1/fmr", "/operating_points/0/distance", "/operating_points/1/source"}) {
    const json::json_pointer pointer(path);
    json text = Manifest();
    text.at(pointer.parent_pointer()).erase(pointer.back());
    EXPECT_THAT(ParseBundleManifest(text.dump()),
                HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(pointer.back())))
        << path;
  }
}

struct WrongValue {
  const char* path;
  json value;
  const char* message;
};

TEST(BundleManifestTest, RefusesValuesThatCannotBe) {
  const WrongValue cases[] = {
      {"/format", 2, "field format is not 1"},
      {"/kind", "face_finder", "field kind is not embedding"},
      {"/input/color", "BGR", "field input.color is neither RGB nor GRAY"},
      {"/input/mean", {1}, "field input.mean is not a list of 3 numbers"},
      {"/input/std", {1, 0, 1}, "field input.std is not a list of 3 numbers above 0"},
      {"/input/width", 96, "field input is not 112x112"},
      {"/input/height", 96, "field input is not 112x112"},
      {"/alignment", "dlib", "field alignment is none of arcface112, arcface192 and none"},
      {"/embedding/size", 0, "field embedding.size is not above 0"},
      {"/embedding/unit_length", 1, "field embedding.unit_length is neither true nor false"},
      {"/margin", 0, "field margin is not above 0"},
      {"/margin", -1, "field margin is not above 0"},
      {"/operating_points", json::object(), "field operating_points is not a list"},
      {"/operating_points/0", 7, "field operating_points"},
      {"/operating_points/0/fmr", 0, "field fmr is not above 0"},
      {"/operating_points/1/fmr", 1, "not below 1"},
      {"/operating_points/1/fmr", 0.001, "does not ascend"},
      {"/operating_points/1/distance", 0.9, "does not ascend"},
      {"/operating_points/0/distance", -1, "field distance is not above 0"},
      {"/operating_points/0/people", 0, "field people is not above 0"},
  };
  for (const WrongValue& c : cases) {
    json text = Manifest();
    text.at(json::json_pointer(c.path)) = c.value;
    EXPECT_THAT(ParseBundleManifest(text.dump()),
                HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(c.message)))
        << c.path << " = " << c.value;
  }
}

// Such a picture would be allocated to warm the network up.
TEST(BundleManifestTest, RefusesAnInputThatNoMemoryHolds) {
  for (const char* side : {"width", "height"}) {
    json text = Manifest();
    text["alignment"] = "none";
    text["input"][side] = 2'000'000'000;
    EXPECT_THAT(ParseBundleManifest(text.dump()),
                HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(std::string("field input.") + side)));
  }
}

}  // namespace
}  // namespace likeness
