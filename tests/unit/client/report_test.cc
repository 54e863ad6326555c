#include "client/evaluation/report.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace likeness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Scores SomeScores() {
  Scores scores;
  scores.model.set_name("mobilefacenet-192");
  scores.model.set_version("1.0.0");
  scores.genuine_pairs = 500;
  scores.impostor_pairs = 500;
  scores.photos = 1549;
  scores.best = {1.115, 0.994};
  scores.at_server_threshold = {1.042, 0.992};
  scores.equal_error_rate = 0.008;
  scores.tar = {{1e-2, OperatingPointRates{1.1, 0.01, 0.0125, 500, 500}}, {1e-3, std::nullopt}};
  return scores;
}

TEST(ReportTextTest, SaysWhatWasMeasured) {
  const std::string text = ReportText(SomeScores());
  EXPECT_THAT(text, HasSubstr("model       mobilefacenet-192 1.0.0\n"));
  EXPECT_THAT(text, HasSubstr("accuracy    99.40 % at the best threshold for these pairs, 1.1150\n"));
  EXPECT_THAT(text, HasSubstr("            99.20 % at the server's threshold, 1.0420\n"));
  EXPECT_THAT(text, HasSubstr("EER         0.80 %\n"));
  EXPECT_THAT(text, HasSubstr("TAR         98.75 % at FAR 0.01 (threshold 1.1000, measured FAR 0.01)\n"));
  EXPECT_THAT(text, HasSubstr("TAR         not measurable at FAR 0.001\n"));
}

TEST(ReportTextTest, GivesMeanAndStandardErrorOfTheFolds) {
  Scores scores = SomeScores();
  scores.cross_validated = CrossValidatedAccuracy{0.9942, 0.0011, std::vector<ThresholdAccuracy>(10)};
  EXPECT_THAT(ReportText(scores), HasSubstr("accuracy    99.42 % ± 0.11 % (mean ± standard error of 10 folds"));
}

TEST(ReportTextTest, NamesTwentyFailedPhotosAndCountsAll) {
  Scores scores = SomeScores();
  for (int i = 1; i <= 23; ++i) {
    scores.failed_photos.push_back({absl::StrCat("photo ", i), i <= 3 ? "SEVERAL_FACES" : "FACE_NOT_FOUND"});
  }
  const std::string text = ReportText(scores);
  EXPECT_THAT(text, HasSubstr("photos      1549, 23 failed\n"));
  EXPECT_THAT(text, HasSubstr("     20 FACE_NOT_FOUND\n"));
  EXPECT_THAT(text, HasSubstr("      3 SEVERAL_FACES\n"));
  EXPECT_THAT(text, HasSubstr("photo 20: FACE_NOT_FOUND\n"));
  EXPECT_THAT(text, Not(HasSubstr("photo 21")));
  EXPECT_THAT(text, HasSubstr("and 3 more\n"));
}

TEST(ReportJsonTest, HasEveryScoreAndEveryFailedPhoto) {
  Scores scores = SomeScores();
  scores.failed_photos = {{"a.jpg", "FACE_NOT_FOUND"}, {"not \xff UTF-8.jpg", "FACE_NOT_FOUND"}};
  const nlohmann::json json = nlohmann::json::parse(ReportJson(scores));
  EXPECT_EQ(json["pairs"]["genuine"], 500);
  EXPECT_EQ(json["photos"]["total"], 1549);
  EXPECT_EQ(json["photos"]["failed"].size(), 2u);
  EXPECT_EQ(json["photos"]["failed"][0]["photo"], "a.jpg");
  EXPECT_EQ(json["photos"]["failed_by_reason"]["FACE_NOT_FOUND"], 2);
  EXPECT_EQ(json["accuracy"]["best"]["accuracy"], 0.994);
  EXPECT_EQ(json["accuracy"]["best"]["threshold"], 1.115);
  EXPECT_EQ(json["accuracy"]["at_server_threshold"]["accuracy"], 0.992);
  EXPECT_TRUE(json["accuracy"]["cross_validated"].is_null());
  EXPECT_EQ(json["eer"], 0.008);
  EXPECT_TRUE(json["auc"].is_null());
  EXPECT_EQ(json["tar_at_far"][0]["far"], 0.01);
  EXPECT_EQ(json["tar_at_far"][0]["tar"], 0.9875);
  EXPECT_TRUE(json["tar_at_far"][1]["tar"].is_null());
}

}  // namespace
}  // namespace likeness
