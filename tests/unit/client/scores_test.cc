#include "client/evaluation/scores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "client/evaluation/report.h"
#include "tests/support/matchers.h"
#include "tests/unit/client/made_up_evaluation.h"

namespace likeness {
namespace {

using testing::IsEmpty;

absl::StatusOr<Scores> Score(const Comparisons& comparisons, const PhotoEmbeddings& embeddings) {
  const absl::StatusOr<MeasuredPairs> measured = MeasurePairs(comparisons, embeddings);
  if (!measured.ok()) return measured.status();
  return ScorePairs(comparisons, *measured);
}

TEST(ScorePairsTest, ScoresPairsThatAllWorked) {
  // Genuine distances 1 and 3, impostor distances 10 and 12.
  const auto scores = Score(TwoPeople(), {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", At(13)}});
  ASSERT_THAT(scores, IsOk());
  EXPECT_EQ(scores->photos, 4);
  EXPECT_THAT(scores->failed_photos, IsEmpty());
  EXPECT_EQ(scores->figures.genuine_pairs, 2);
  EXPECT_EQ(scores->figures.impostor_pairs, 2);
  ASSERT_TRUE(scores->accuracy.has_value());
  EXPECT_EQ(scores->accuracy->best.accuracy, 1);
  EXPECT_EQ(scores->accuracy->best.threshold, 6.5);
  EXPECT_LE(scores->accuracy->best_interval.low, 1);
  EXPECT_FALSE(scores->accuracy->cross_validated.has_value());
  EXPECT_EQ(scores->figures.thresholds[0].accuracy.value, 0.75);
  EXPECT_EQ(scores->figures.thresholds[0].distance, 2.5);
  EXPECT_EQ(scores->figures.equal_error_rate->value, 0);
  EXPECT_EQ(scores->figures.area_under_roc->value, 1);
  EXPECT_THAT(scores->figures.targets, IsEmpty()) << "two impostor pairs show no rate";
  EXPECT_FALSE(scores->figures.cllr.has_value());
  EXPECT_FALSE(scores->rejection.has_value());
}

TEST(ScorePairsTest, MeasuresAServerWithoutAThresholdAtNone) {
  const auto scores =
      Score(TwoPeople(), {{"a/1", Unmeasured(0)}, {"a/2", Unmeasured(1)}, {"b/1", Unmeasured(10)}, {"b/2", NoFace()}});
  ASSERT_THAT(scores, IsOk());
  EXPECT_THAT(scores->figures.thresholds, IsEmpty());
  EXPECT_TRUE(scores->figures.equal_error_rate.has_value());
  EXPECT_THAT(ReportText(*scores), testing::HasSubstr("server      no threshold: the model was not measured"));
  EXPECT_THAT(ReportJson(*scores), testing::HasSubstr(R"("at_server_threshold":null)"));
}

TEST(ScorePairsTest, CountsAFailedPhotoAgainstTheScore) {
  const auto scores = Score(TwoPeople(), {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", NoFace()}});
  ASSERT_THAT(scores, IsOk());
  ASSERT_EQ(scores->failed_photos.size(), 1u);
  EXPECT_EQ(scores->figures.failed_genuine_pairs, 1);
  EXPECT_EQ(scores->figures.failed_impostor_pairs, 1);
  // Both pairs with b/2 are wrong at every threshold, the genuine and the impostor one.
  EXPECT_EQ(scores->accuracy->best.accuracy, 0.5);
  EXPECT_EQ(scores->figures.thresholds[0].accuracy.value, 0.5);
  EXPECT_EQ(scores->figures.thresholds[0].false_non_match_rate.value, 0.5);
  EXPECT_EQ(scores->figures.equal_error_rate->value, 0.5);
}

TEST(ScorePairsTest, CrossValidatesWhereThereAreFolds) {
  const Comparisons folds =
      *CompareListed({{{"a/1", "a/2", true}, {"a/1", "b/1", false}}, {{"b/1", "b/2", true}, {"a/2", "b/2", false}}});
  const auto scores = Score(folds, {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", At(13)}});
  ASSERT_THAT(scores, IsOk());
  ASSERT_TRUE(scores->accuracy->cross_validated.has_value());
  EXPECT_EQ(scores->accuracy->cross_validated->folds.size(), 2u);
  EXPECT_EQ(scores->accuracy->cross_validated->mean, 1);
}

TEST(ScorePairsTest, HasNoAccuracyWhereEveryPhotoIsComparedWithEveryOther) {
  const Comparisons all = *CompareAll({{{"a", "a/1"}, {"a", "a/2"}, {"b", "b/1"}}, 2, 0}, {});
  const auto scores = Score(all, {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}});
  ASSERT_THAT(scores, IsOk());
  EXPECT_FALSE(scores->accuracy.has_value());
  EXPECT_EQ(scores->figures.genuine_pairs, 1);
  EXPECT_EQ(scores->figures.impostor_pairs, 2);
}

TEST(ScorePairsTest, HoldsTheModelsCalibrationAgainstTheBestOne) {
  PhotoEmbeddings embeddings = {{"a/1", At(0)}, {"a/2", At(1)}, {"b/1", At(10)}, {"b/2", At(13)}};
  for (auto& [path, response] : embeddings) {
    v1::Calibration& calibration = *response->mutable_calibration();
    calibration.set_offset(6);
    calibration.set_slope(-1);
    calibration.set_genuine_pairs(1000);
    calibration.set_impostor_pairs(1000);
  }
  const auto scores = Score(TwoPeople(), embeddings);
  ASSERT_THAT(scores, IsOk());
  EXPECT_EQ(scores->figures.min_cllr->value, 0);
  EXPECT_GT(scores->figures.cllr->value, 0);
  EXPECT_LT(scores->figures.cllr->value, 0.1);
}

// Two groups of 20 people with two photos each. In the second, strangers lie nearer; the people of both are the same.
struct MadeUpGroups {
  std::vector<PhotoGroup> groups;
  PhotoEmbeddings embeddings;
};

MadeUpGroups MakeGroups() {
  MadeUpGroups made{
      .groups =
          {{.name = "ages/adult", .people = "ages", .path_prefix = "ages/adult/", .file_prefix = "", .photos = {}},
           {.name = "ages/young", .people = "ages", .path_prefix = "ages/young/", .file_prefix = "", .photos = {}}},
      .embeddings = {}};
  for (size_t group = 0; group < 2; ++group) {
    for (int person = 0; person < 20; ++person) {
      for (int photo = 0; photo < 2; ++photo) {
        const std::string folder = absl::StrCat("p", 10 + person);
        const std::string name = absl::StrCat(folder, "/", photo);
        made.groups[group].photos.push_back({folder, name});
        const float apart = group == 0 ? 2.45f : 1.0f;
        const float position = apart * static_cast<float>(person) + (person % 5 == 0 ? 3.0f : 1.0f) * photo;
        made.embeddings.emplace(made.groups[group].path_prefix + name, At(position));
      }
    }
  }
  made.embeddings.at("ages/young/p12/1") = NoFace();
  return made;
}

TEST(ScorePairsTest, ScoresEachGroupAsIfItWereEvaluatedAlone) {
  const MadeUpGroups made = MakeGroups();
  const auto together = Score(*CompareGroups(made.groups, {}), made.embeddings);
  ASSERT_THAT(together, IsOk());
  ASSERT_EQ(together->groups.size(), 2u);
  int64_t genuine = 0, impostor = 0;
  for (size_t i = 0; i < 2; ++i) {
    PhotoFolder folder{made.groups[i].photos, 20, 0};
    for (PhotoFile& photo : folder.photos) photo.name = made.groups[i].path_prefix + photo.name;
    PhotoEmbeddings embeddings;
    for (const PhotoFile& photo : folder.photos) embeddings.emplace(photo.name, made.embeddings.at(photo.name));
    const auto alone = Score(*CompareAll(folder, {}), embeddings);
    ASSERT_THAT(alone, IsOk());
    const GroupScores& group = together->groups[i];
    EXPECT_EQ(group.photos, 40);
    EXPECT_EQ(group.figures.people, 20);
    const ThresholdFigures& a = group.figures.thresholds.at(0);
    const ThresholdFigures& b = alone->figures.thresholds.at(0);
    EXPECT_EQ(a.false_match_rate.value, b.false_match_rate.value);
    EXPECT_EQ(a.false_match_rate.interval.low, b.false_match_rate.interval.low);
    EXPECT_EQ(a.false_match_rate.interval.high, b.false_match_rate.interval.high);
    EXPECT_EQ(a.false_non_match_rate.value, b.false_non_match_rate.value);
    EXPECT_EQ(a.false_non_match_rate.interval.high, b.false_non_match_rate.interval.high);
    EXPECT_EQ(group.figures.targets.size(), alone->figures.targets.size());
    genuine += group.figures.genuine_pairs;
    impostor += group.figures.impostor_pairs;
  }
  EXPECT_EQ(together->figures.genuine_pairs, genuine) << "pooled";
  EXPECT_EQ(together->figures.impostor_pairs, impostor);
  EXPECT_EQ(together->figures.people, 20) << "the groups share them";
}

TEST(ScorePairsTest, NamesTheWorstGroupAndCountsFailedPhotosByReason) {
  const MadeUpGroups made = MakeGroups();
  const auto scores = Score(*CompareGroups(made.groups, {}), made.embeddings);
  ASSERT_THAT(scores, IsOk());
  EXPECT_THAT(scores->groups[0].failed_photos, IsEmpty());
  EXPECT_THAT(scores->groups[1].failed_photos, testing::ElementsAre(testing::Pair("INVALID_ARGUMENT", 1)));
  ASSERT_TRUE(scores->differential.has_value());
  EXPECT_EQ(scores->differential->measured.worst, 1u);
  const double adult = scores->groups[0].figures.thresholds[0].false_match_rate.value;
  const double young = scores->groups[1].figures.thresholds[0].false_match_rate.value;
  EXPECT_GT(adult, 0);
  EXPECT_DOUBLE_EQ(scores->differential->measured.to_smallest, young / adult);
}

TEST(ScorePairsTest, CountsARefusedGenuinePairAsANonMatchOrLeavesItOut) {
  const MadeUpGroups made = MakeGroups();
  const auto scores = Score(*CompareGroups(made.groups, {}), made.embeddings);
  ASSERT_THAT(scores, IsOk());
  const ThresholdFigures& young = scores->groups[1].figures.thresholds[0];
  // Of 20 pairs four lie 3 apart, and another lacks a photo.
  EXPECT_EQ(young.false_non_match_rate.value, 5.0 / 20);
  ASSERT_TRUE(young.false_non_match_rate_of_verdicts.has_value());
  EXPECT_EQ(young.false_non_match_rate_of_verdicts->value, 4.0 / 19);
  EXPECT_LT(young.false_non_match_rate_of_verdicts->interval.low, 4.0 / 19);
  EXPECT_GT(young.false_non_match_rate_of_verdicts->interval.high, 4.0 / 19);
}

TEST(ScorePairsTest, HoldsNormalizedDistancesAgainstTheBaseThreshold) {
  const auto scores =
      Score(TwoPeople(),
            {{"a/1", InACrowd(0, 1)}, {"a/2", InACrowd(1, 1)}, {"b/1", InACrowd(2.25f, 0)}, {"b/2", InACrowd(4, 1)}});
  ASSERT_THAT(scores, IsOk());
  EXPECT_TRUE(scores->has_cohort);
  EXPECT_EQ(scores->figures.thresholds[0].distance, 2.5);
  EXPECT_EQ(scores->figures.thresholds[0].false_match_rate.value, 0) << "2.25, but in a crowd";
}

}  // namespace
}  // namespace likeness
