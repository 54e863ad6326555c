#include "server/inference/manifest_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ManifestReader Reading(absl::string_view json) { return ManifestReader(json); }

auto Rejects(const std::string& what) { return HasStatus(absl::StatusCode::kFailedPrecondition, HasSubstr(what)); }

TEST(ManifestReaderTest, ReadsFieldsByDottedPaths) {
  ManifestReader reader =
      Reading(R"({"name": "net", "input": {"width": 112, "mean": [1, 2.5]}, "flag": true, "margin": 0.5,
                            "shift": -3, "points": [{"a": 1}, {"a": 2}]})");
  EXPECT_EQ(reader.Text("name"), "net");
  EXPECT_EQ(reader.PositiveInt("input.width"), 112);
  EXPECT_THAT(reader.Numbers("input.mean", 2, /*positive=*/true), ElementsAre(1, 2.5));
  EXPECT_TRUE(reader.Flag("flag"));
  EXPECT_EQ(reader.PositiveNumber("margin"), 0.5);
  EXPECT_EQ(reader.Number("shift"), -3);
  EXPECT_EQ(reader.Objects("points").size(), 2u);
  EXPECT_THAT(reader.status(), IsOk());
}

TEST(ManifestReaderTest, RefusesATextThatIsNoJsonObject) {
  for (const char* text : {"", "{", "[]", "7", "null", R"("name")", R"({"a": 1} {"b": 2})", R"({"a": 1,})",
                           "{\"a\": \"\xFF\"}", R"({"a": 1e999})"}) {
    ManifestReader reader = Reading(text);
    EXPECT_THAT(reader.status(), Rejects("likeness.json is not a JSON object")) << text;
    EXPECT_EQ(reader.Text("a"), "");
  }
}

struct WrongField {
  const char* json;
  std::function<void(ManifestReader&)> read;
  const char* message;
};

TEST(ManifestReaderTest, NamesTheFieldThatIsMissingOrWrong) {
  const auto text = [](ManifestReader& reader) { reader.Text("a.b"); };
  const auto flag = [](ManifestReader& reader) { reader.Flag("a.b"); };
  const auto number = [](ManifestReader& reader) { reader.Number("a.b"); };
  const auto positive = [](ManifestReader& reader) { reader.PositiveNumber("a.b"); };
  const auto whole = [](ManifestReader& reader) { reader.PositiveInt("a.b"); };
  const auto two = [](ManifestReader& reader) { reader.Numbers("a.b", 2, /*positive=*/false); };
  const auto two_positive = [](ManifestReader& reader) { reader.Numbers("a.b", 2, /*positive=*/true); };
  const auto objects = [](ManifestReader& reader) { reader.Objects("a.b"); };
  const WrongField cases[] = {
      {R"({})", text, "field a.b is missing"},
      {R"({"a": {}})", text, "field a.b is missing"},
      {R"({"a": "b"})", text, "field a.b is missing"},
      {R"({"a": ["b"]})", text, "field a.b is missing"},
      {R"({"a": {"b": null}})", text, "field a.b is not a non-empty text"},
      {R"({"a": {"b": ""}})", text, "field a.b is not a non-empty text"},
      {R"({"a": {"b": 1}})", text, "field a.b is not a non-empty text"},
      {R"({"a": {"b": 1}})", flag, "field a.b is neither true nor false"},
      {R"({"a": {"b": "true"}})", flag, "field a.b is neither true nor false"},
      {R"({"a": {"b": "1"}})", number, "field a.b is not a number"},
      {R"({"a": {"b": true}})", number, "field a.b is not a number"},
      {R"({"a": {"b": 0}})", positive, "field a.b is not above 0"},
      {R"({"a": {"b": -1}})", positive, "field a.b is not above 0"},
      {R"({"a": {"b": 1.5}})", whole, "field a.b is not a whole number"},
      {R"({"a": {"b": 2147483648}})", whole, "field a.b is not a whole number"},
      {R"({"a": {"b": -1}})", whole, "field a.b is not above 0"},
      {R"({"a": {"b": 1}})", two, "field a.b is not a list of 2 numbers"},
      {R"({"a": {"b": [1]}})", two, "field a.b is not a list of 2 numbers"},
      {R"({"a": {"b": [1, 2, 3]}})", two, "field a.b is not a list of 2 numbers"},
      {R"({"a": {"b": [1, "2"]}})", two, "field a.b is not a list of 2 numbers"},
      {R"({"a": {"b": [1, 2, "3"]}})", two, "field a.b is not a list of 2 numbers"},
      {R"({"a": {"b": [1, 0]}})", two_positive, "field a.b is not a list of 2 numbers above 0"},
      {R"({"a": {"b": {}}})", objects, "field a.b is not a list"},
  };
  for (const WrongField& c : cases) {
    ManifestReader reader = Reading(c.json);
    c.read(reader);
    EXPECT_THAT(reader.status(), Rejects(c.message)) << c.json;
  }
}

TEST(ManifestReaderTest, RefusesAWholeNumberAboveTheMost) {
  ManifestReader reader = Reading(R"({"width": 4096, "height": 4097})");
  EXPECT_EQ(reader.PositiveInt("width", 4096), 4096);
  EXPECT_EQ(reader.PositiveInt("height", 4096), 0);
  EXPECT_THAT(reader.status(), Rejects("field height is not a whole number up to 4096"));
}

TEST(ManifestReaderTest, KeepsItsFirstErrorAndReadsNothingAfterIt) {
  ManifestReader reader = Reading(R"({"width": 0, "name": "net"})");
  EXPECT_EQ(reader.PositiveInt("width"), 0);
  EXPECT_EQ(reader.Text("name"), "");
  EXPECT_THAT(reader.Numbers("mean", 3, /*positive=*/false), ElementsAre(0, 0, 0));
  reader.Reject("name", "is bad");
  EXPECT_THAT(reader.status(), Rejects("field width is not above 0"));
}

TEST(ManifestReaderTest, RefusesAnEntryThatIsNoObject) {
  ManifestReader reader{nlohmann::json(7)};
  EXPECT_THAT(reader.status(), Rejects("not a JSON object"));
}

TEST(ManifestReaderTest, ReadsAnEmptyListOfObjects) {
  ManifestReader reader = Reading(R"({"points": []})");
  EXPECT_TRUE(reader.Objects("points").empty());
  EXPECT_THAT(reader.status(), IsOk());
}

TEST(ManifestReaderTest, SurvivesDeepNesting) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  ManifestReader reader = Reading(deep);
  EXPECT_THAT(reader.status(), Rejects("not a JSON object"));
}

}  // namespace
}  // namespace likeness
