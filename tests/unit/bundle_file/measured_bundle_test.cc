#include "server/bundle_file/measured_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/embedding/bundle.h"
#include "server/seal/seal.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/photos.h"

namespace likeness {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr char kPoint[] = R"({"fmr": 0.01, "distance": 1.1, "genuine_pairs": 30, "impostor_pairs": 5000, "people": 9,
                              "source": "our door"})";

std::string Bundle() { return ReadFile(ModelPath("mobilefacenet-192.pt")); }
std::string OnePoint() { return absl::StrCat(R"({"operating_points": [)", kPoint, "]}"); }

TEST(MeasuredBundleTest, PutsTheMeasurementsInPlaceOfThoseOfBeforeAndKeepsAllElse) {
  const absl::StatusOr<MeasuredBundle> measured = ReplaceMeasurements(Bundle(), OnePoint());
  ASSERT_THAT(measured, IsOk());
  EXPECT_THAT(ReadBundleManifest(measured->bytes), IsOkAndHolds(measured->manifest));
  ASSERT_THAT(ParseBundleManifest(measured->manifest), IsOk());
  json before = json::parse(*ReadBundleManifest(Bundle()));
  json after = json::parse(measured->manifest);
  EXPECT_EQ(after["operating_points"][0]["source"], "our door");
  EXPECT_EQ(after["operating_points"].size(), 1u);
  for (const char* field : {"calibration", "cohort", "synthetic_people"}) EXPECT_TRUE(after[field].is_null()) << field;
  for (const char* field : {"operating_points", "calibration", "cohort", "synthetic_people", "version"}) {
    before.erase(field);
    after.erase(field);
  }
  EXPECT_EQ(before, after);
}

TEST(MeasuredBundleTest, NamesWhatWasMeasuredInTheVersion) {
  const absl::StatusOr<MeasuredBundle> first = ReplaceMeasurements(Bundle(), OnePoint());
  const absl::StatusOr<MeasuredBundle> second = ReplaceMeasurements(first->bytes, "{}");
  const absl::StatusOr<MeasuredBundle> back = ReplaceMeasurements(second->bytes, OnePoint());
  ASSERT_THAT(back, IsOk());
  const std::string version = json::parse(first->manifest)["version"];
  const std::string before = json::parse(*ReadBundleManifest(Bundle()))["version"];
  EXPECT_THAT(version, MatchesRegex("[0-9.]+\\+measured\\.[0-9a-f]{8}"));
  EXPECT_EQ(version.substr(0, before.size() + 1), before + "+");
  EXPECT_NE(json::parse(second->manifest)["version"], version);
  EXPECT_EQ(json::parse(back->manifest)["version"], version) << "one suffix, however often it is measured";
  EXPECT_EQ(back->bytes, first->bytes);
}

TEST(MeasuredBundleTest, MakesTheSameBytesWhateverTheOrderOfTheFields) {
  const std::string one = absl::StrCat(R"({"calibration": null, "operating_points": [)", kPoint, "]}");
  EXPECT_EQ(ReplaceMeasurements(Bundle(), one)->bytes, ReplaceMeasurements(Bundle(), OnePoint())->bytes);
}

TEST(MeasuredBundleTest, RefusesEveryOtherField) {
  for (const char* field : {"name", "margin", "embedding", "head", "input", "version"}) {
    EXPECT_THAT(ReplaceMeasurements(Bundle(), absl::StrCat("{\"", field, "\": 1}")),
                HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr(absl::StrCat("and have ", field))));
  }
}

TEST(MeasuredBundleTest, RefusesWhatIsNoObjectOrNestedWithoutEnd) {
  for (const std::string& text : {std::string(), std::string("[]"), std::string("{"), std::string("\"\xff\"")}) {
    EXPECT_EQ(ReplaceMeasurements(Bundle(), text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  const std::string deep = absl::StrCat("{\"cohort\": ", std::string(1'000'000, '['), std::string(1'000'000, ']'), "}");
  EXPECT_THAT(ReplaceMeasurements(Bundle(), deep),
              HasStatus(absl::StatusCode::kInvalidArgument, HasSubstr("nested too deep")));
}

}  // namespace
}  // namespace likeness
