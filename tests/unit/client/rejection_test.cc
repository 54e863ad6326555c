#include "client/evaluation/rejection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/client/made_up_evaluation.h"

namespace likeness {
namespace {

// 50 people with a genuine pair each; those of the first five have a bad photo and lie too far apart.
TEST(RejectionTest, FallsWhereQualityTellsWhichPairsFail) {
  PairFolds pairs(1);
  PhotoEmbeddings embeddings;
  for (int person = 0; person < 50; ++person) {
    const bool bad = person < 5;
    const std::string a = absl::StrCat("p", person, "/1"), b = absl::StrCat("p", person, "/2");
    pairs[0].push_back({a, b, true});
    embeddings.emplace(a, At(0, 0.9f));
    embeddings.emplace(b, At(bad ? 3 : 1, bad ? 0.1f : 0.8f));
  }
  const Comparisons comparisons = *CompareListed(pairs);
  const MeasuredPairs measured = *MeasurePairs(comparisons, embeddings);
  TargetFigures target;
  target.target = 1e-3;
  target.rates.distance = 2;
  const RejectionCurve curve = MeasureRejection(comparisons, measured, target);
  EXPECT_EQ(curve.target, 1e-3);
  EXPECT_EQ(curve.threshold, 2);
  ASSERT_EQ(curve.steps.size(), 26u);
  EXPECT_EQ(curve.steps[0].rejected, 0);
  EXPECT_EQ(curve.steps[0].false_non_match_rate, 0.1);
  EXPECT_NEAR(curve.steps[2].rejected, 0.04, 1e-12);
  EXPECT_NEAR(curve.steps[2].false_non_match_rate, 3.0 / 48, 1e-12);
  EXPECT_EQ(curve.steps[5].false_non_match_rate, 0) << "at 10 %";
  EXPECT_NEAR(curve.steps[25].rejected, 0.5, 1e-12);
}

TEST(RejectionTest, IsFlatWhereTheQualityIsEqual) {
  const Comparisons comparisons = TwoPeople();
  const MeasuredPairs measured = *MeasurePairs(
      comparisons, {{"a/1", At(0, 0.5f)}, {"a/2", At(1, 0.5f)}, {"b/1", At(10, 0.5f)}, {"b/2", At(11, 0.5f)}});
  TargetFigures target;
  target.rates.distance = 2;
  for (const RejectionStep& step : MeasureRejection(comparisons, measured, target).steps) {
    EXPECT_EQ(step.false_non_match_rate, 0);
  }
}

}  // namespace
}  // namespace likeness
