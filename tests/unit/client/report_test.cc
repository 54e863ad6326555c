#include "client/evaluation/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

using testing::HasSubstr;
using testing::Not;

Figure Some(double value) { return {value, {value * 0.75, value * 1.25}}; }

Scores SomeScores() {
  Scores scores;
  scores.model.set_name("mobilefacenet-192");
  scores.model.set_version("1.0.0");
  scores.photos = 1549;
  scores.figures.genuine_pairs = 500;
  scores.figures.impostor_pairs = 500;
  scores.figures.people = 963;
  scores.accuracy = ListAccuracy{{1.115, 0.994}, {0.99, 0.998}, std::nullopt};
  scores.figures.thresholds = {{.distance = 1.042,
                                .false_match_rate = Some(0.002),
                                .false_non_match_rate = Some(0.012),
                                .accuracy = {0.992, {0.985, 0.996}}}};
  scores.figures.equal_error_rate = Some(0.008);
  scores.figures.targets = {{.target = 0.01,
                             .rates = {1.1, 0.01, 0.0125, 500, 500},
                             .false_match_rate = {0.008, 0.014},
                             .false_non_match_rate = {0.005, 0.02}}};
  scores.figures.cllr = Some(0.04);
  scores.figures.min_cllr = Some(0.02);
  scores.rejection = RejectionCurve{1e-2, 1.1, {{0, 0.0125}, {0.04, 0.01}, {0.1, 0.005}, {0.2, 0.0025}}};
  return scores;
}

TEST(ReportTextTest, SaysWhatWasMeasuredWithItsIntervals) {
  const std::string text = ReportText(SomeScores());
  EXPECT_THAT(text, HasSubstr("model       mobilefacenet-192 1.0.0\n"));
  EXPECT_THAT(text, HasSubstr("data        963 people, 1549 photos, 0 failed\n"));
  EXPECT_THAT(text, HasSubstr("accuracy    99.40 % [99.00, 99.80] at the best threshold for these pairs, 1.1150\n"));
  EXPECT_THAT(text, HasSubstr("            99.20 % [98.50, 99.60] at the server's threshold, 1.0420\n"));
  EXPECT_THAT(text, HasSubstr("server      FMR 0.20 % [0.15, 0.25], FNMR 1.20 % [0.90, 1.50] at its threshold"));
  EXPECT_THAT(text, HasSubstr("EER         0.80 % [0.60, 1.00]\n"));
  EXPECT_THAT(text, HasSubstr("FNMR        1.25 % [0.50, 2.00] at FMR 0.01 (threshold 1.1000, whose FMR lies in "
                              "[0.008, 0.014])\n"));
  EXPECT_THAT(text, HasSubstr("Cllr        0.0400 [0.0300, 0.0500] bits\nmin Cllr    0.0200"));
  EXPECT_THAT(text, HasSubstr("quality     FNMR at FMR 0.01: 1.25 %, 0.50 % without the worst 10 %, 0.25 % without the "
                              "worst 20 %\n"));
}

Scores GroupedScores() {
  Scores scores = SomeScores();
  scores.has_cohort = true;
  GroupScores lfw{.name = "lfw", .photos = 700, .failed_photos = {}, .figures = scores.figures};
  lfw.figures.thresholds[0].false_non_match_rate_of_verdicts = Some(0.008);
  lfw.figures.targets.push_back({.target = 0.001,
                                 .rates = {1, 0.001, 0.04, 500, 500},
                                 .false_match_rate = {},
                                 .false_non_match_rate = {0.03, 0.05}});
  GroupScores young = lfw;
  young.name = "ages/young";
  young.failed_photos = {{"FACE_NOT_FOUND", 2}, {"FACE_QUALITY_TOO_LOW", 1}};
  young.figures.thresholds[0].false_match_rate = Some(0.0004);
  GroupScores few{.name = "few", .photos = 2, .failed_photos = {}, .figures = {}};
  scores.groups = {lfw, young, few};
  scores.differential = DifferentialFigures{
      .measured = {.worst = 0, .best = 1, .to_geometric_mean = 2.25, .to_smallest = 5, .left_out = {2}},
      .to_geometric_mean = {1.5, 3.75},
      .to_smallest = {2, 9}};
  return scores;
}

TEST(ReportTextTest, GivesTheErrorsOfEachGroupAndNamesTheWorst) {
  const std::string text = ReportText(GroupedScores());
  EXPECT_THAT(text, HasSubstr("distances   normalized by how crowded"));
  EXPECT_THAT(text,
              HasSubstr("lfw         963 people, 700 photos, failed: none; 500 genuine pairs, 500 impostor\n"
                        "            FMR 0.20 % [0.15, 0.25], FNMR 0.80 % [0.60, 1.00] of pairs that got a verdict, "
                        "1.20 % [0.90, 1.50] of all\n"
                        "            at thresholds of its own: FNMR 1.25 % [0.50, 2.00] at FMR 0.01, FNMR 4.00 % "
                        "[3.00, 5.00] at FMR 0.001\n"));
  EXPECT_THAT(text,
              HasSubstr("ages/young  963 people, 700 photos, failed: 2 FACE_NOT_FOUND, 1 FACE_QUALITY_TOO_LOW; "));
  EXPECT_THAT(text, HasSubstr("FMR 0.0400 % [0.0300, 0.0500], "));
  EXPECT_THAT(text, HasSubstr("            not measurable without pairs of both kinds\n"));
  EXPECT_THAT(text,
              HasSubstr("worst       lfw: its FMR is 2.2 [1.5, 3.8] times the geometric mean of the groups, 5.0 "
                        "[2.0, 9.0] times the smallest (ages/young); left out, with too few impostor pairs: few\n"));
}

TEST(ReportTextTest, SaysWhereARatioIsABoundAndWhatBoundsARateOfNone) {
  Scores scores = GroupedScores();
  scores.groups[1].figures.thresholds[0].false_match_rate = {0, {0, 0}};
  scores.differential->measured.at_least = true;
  const std::string text = ReportText(scores);
  EXPECT_THAT(text, HasSubstr("FMR 0.00 % [0.00, 0.60], ")) << "by the rule of three";
  EXPECT_THAT(text, HasSubstr("worst       lfw: its FMR is at least 2.2 "));
}

TEST(ReportTextTest, SaysThatAModelHasNoCohortAndSaysNothingOfGroupsWhereThereAreNone) {
  const std::string text = ReportText(SomeScores());
  EXPECT_THAT(text, HasSubstr("the model has no cohort: one threshold for every pair\n"));
  EXPECT_THAT(text, Not(HasSubstr("groups")));
  EXPECT_THAT(text, Not(HasSubstr("worst  ")));
}

TEST(ReportJsonTest, HasEveryGroupAndTheDifferential) {
  const nlohmann::json json = nlohmann::json::parse(ReportJson(GroupedScores()));
  EXPECT_EQ(json["normalized"], true);
  ASSERT_EQ(json["groups"].size(), 3u);
  const nlohmann::json& young = json["groups"][1];
  EXPECT_EQ(young["name"], "ages/young");
  EXPECT_EQ(young["people"], 963);
  EXPECT_EQ(young["photos"]["total"], 700);
  EXPECT_EQ(young["photos"]["failed_by_reason"]["FACE_NOT_FOUND"], 2);
  EXPECT_EQ(young["at_server_threshold"]["fmr"]["value"], 0.0004);
  EXPECT_EQ(young["at_server_threshold"]["fnmr"]["value"], 0.012);
  EXPECT_EQ(young["at_server_threshold"]["fnmr_of_verdicts"]["value"], 0.008);
  EXPECT_EQ(young["fnmr_at_fmr"][1]["fnmr"]["interval"][1], 0.05);
  EXPECT_TRUE(json["groups"][2]["at_server_threshold"].is_null());
  EXPECT_EQ(json["differential"]["worst_group"], "lfw");
  EXPECT_EQ(json["differential"]["fmr_to_geometric_mean"]["value"], 2.25);
  EXPECT_EQ(json["differential"]["fmr_to_smallest"]["interval"][1], 9);
  EXPECT_EQ(json["differential"]["at_least"], false);
  EXPECT_EQ(json["differential"]["left_out"][0], "few");
  EXPECT_TRUE(nlohmann::json::parse(ReportJson(SomeScores()))["differential"].is_null());
}

TEST(ReportTextTest, SaysWhatCouldNotBeMeasured) {
  Scores scores;
  const std::string text = ReportText(scores);
  EXPECT_THAT(text, HasSubstr("EER         not measurable\n"));
  EXPECT_THAT(text, Not(HasSubstr("accuracy")));
  EXPECT_THAT(text, Not(HasSubstr("Cllr")));
}

TEST(ReportTextTest, GivesMeanAndStandardErrorOfTheFolds) {
  Scores scores = SomeScores();
  scores.accuracy->cross_validated = CrossValidatedAccuracy{0.9942, 0.0011, std::vector<ThresholdAccuracy>(10)};
  EXPECT_THAT(ReportText(scores), HasSubstr("accuracy    99.42 % ± 0.11 % (mean ± standard error of 10 folds"));
}

TEST(ReportTextTest, NamesTwentyFailedPhotosAndCountsAll) {
  Scores scores = SomeScores();
  for (int i = 1; i <= 23; ++i) {
    scores.failed_photos.push_back({absl::StrCat("photo ", i), i <= 3 ? "SEVERAL_FACES" : "FACE_NOT_FOUND"});
  }
  const std::string text = ReportText(scores);
  EXPECT_THAT(text, HasSubstr("1549 photos, 23 failed\n"));
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
  EXPECT_EQ(json["people"], 963);
  EXPECT_EQ(json["pairs"]["genuine"], 500);
  EXPECT_EQ(json["photos"]["total"], 1549);
  EXPECT_EQ(json["photos"]["failed"].size(), 2u);
  EXPECT_EQ(json["photos"]["failed"][0]["photo"], "a.jpg");
  EXPECT_EQ(json["photos"]["failed_by_reason"]["FACE_NOT_FOUND"], 2);
  EXPECT_EQ(json["accuracy"]["best"]["accuracy"], 0.994);
  EXPECT_EQ(json["accuracy"]["best"]["interval"][0], 0.99);
  EXPECT_TRUE(json["accuracy"]["cross_validated"].is_null());
  EXPECT_EQ(json["at_server_threshold"]["accuracy"]["value"], 0.992);
  EXPECT_EQ(json["at_server_threshold"]["fmr"]["value"], 0.002);
  EXPECT_EQ(json["eer"]["value"], 0.008);
  EXPECT_TRUE(json["auc"].is_null());
  EXPECT_EQ(json["fnmr_at_fmr"][0]["target_fmr"], 0.01);
  EXPECT_EQ(json["fnmr_at_fmr"][0]["fnmr"]["value"], 0.0125);
  EXPECT_EQ(json["fnmr_at_fmr"][0]["fmr"]["interval"][1], 0.014);
  EXPECT_EQ(json["cllr"]["value"], 0.04);
  EXPECT_EQ(json["fnmr_by_rejection"]["points"][2]["fnmr"], 0.005);
}

}  // namespace
}  // namespace likeness
