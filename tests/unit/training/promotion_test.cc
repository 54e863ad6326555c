#include "server/training/promotion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace likeness {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

GroupOutcome Yours(double fmr, double fnmr) {
  return {.name = "yours",
          .at_hand = true,
          .false_match_rate = fmr,
          .false_non_match_rate = fnmr,
          .genuine_pairs = 50,
          .impostor_pairs = 900};
}

GroupOutcome Few(double fnmr) {
  GroupOutcome few = Yours(0, fnmr);
  few.genuine_pairs = 10;
  return few;
}

GroupOutcome Foretold(const char* name, double fmr, double fnmr) {
  return {.name = name, .foretold = true, .false_match_rate = fmr, .false_non_match_rate = fnmr};
}

PromotionEvidence Evidence(std::vector<GroupOutcome> before, std::vector<GroupOutcome> after) {
  return {.target_fmr = 1e-3,
          .before = {.threshold = 1.04, .measured = true, .groups = std::move(before)},
          .after = {.threshold = 0.98, .measured = true, .groups = std::move(after)}};
}

TEST(PromotionTest, PromotesWhatIsWorseForNobodyAndSaysWhy) {
  struct Case {
    const char* name;
    PromotionEvidence evidence;
    bool promote;
    const char* reason;
  };
  const Case cases[] = {
      {"better", Evidence({Yours(1e-3, 0.2)}, {Yours(1e-3, 0.1)}), true, "10 % of genuine pairs instead of 20 %"},
      {"better, and at which threshold", Evidence({Yours(0, 0.2)}, {Yours(0, 0.1)}), true, "threshold 1.0400 → 0.9800"},
      {"the same", Evidence({Yours(0, 0)}, {Yours(0, 0)}), false, "better for nobody by more than chance"},
      {"a single pair of a few", Evidence({Few(0.2)}, {Few(0.1)}), false, "better for nobody by more than chance"},
      {"a fiftieth fewer", Evidence({Yours(0, 0.5)}, {Yours(0, 0.49)}), false, "better for nobody by more than chance"},
      {"rejects more", Evidence({Yours(0, 0.2)}, {Yours(0, 0.21)}), false,
       "would reject 21 % of genuine pairs instead of 20 %"},
      {"matches more strangers", Evidence({Yours(1e-3, 0.2)}, {Yours(2e-3, 0.1)}), false, "0.2 % of strangers"},
      {"matches more than none, within the rate", Evidence({Yours(0, 0.2)}, {Yours(9e-4, 0.1)}), true, "promoted"},
      {"fewer than before, above the rate", Evidence({Yours(5e-2, 0.2)}, {Yours(4e-2, 0.1)}), true, "promoted"},
      {"not a number", Evidence({Yours(0, 0.2)}, {Yours(0, kNan)}), false, "not promoted"},
      {"a rate of matches that is none", Evidence({Yours(0, 0.2)}, {Yours(kNan, 0.1)}), false, "not promoted"},
      {"others lose", Evidence({Yours(0, 0.5), Foretold("lfw", 0, 0.012)}, {Yours(0, 0.4), Foretold("lfw", 0, 0.023)}),
       false, "of lfw (foretold) it would reject 2.3 % of genuine pairs instead of 1.2 %"},
      {"others lose less than can be foretold",
       Evidence({Yours(0, 0.5), Foretold("lfw", 0, 0.01)}, {Yours(0, 0.4), Foretold("lfw", 0, 0.0119)}), true,
       "promoted"},
      {"others that nothing is known of", Evidence({Yours(0, 0.5), Foretold("lfw", 0, 0.01)}, {Yours(0, 0.4)}), false,
       "what becomes of lfw cannot be told"},
      {"nobody answered before", Evidence({}, {Yours(0, 0.4)}), true, "rejects 40 %"},
  };
  for (const Case& c : cases) {
    const PromotionDecision decision = DecidePromotion(PromotionRule::kIfNotWorse, c.evidence);
    EXPECT_EQ(decision.promote, c.promote) << c.name << ": " << decision.reason;
    EXPECT_THAT(decision.reason, HasSubstr(c.reason)) << c.name;
  }
}

TEST(PromotionTest, NeedsPairsOfPeopleLeftOut) {
  PromotionEvidence nobody = Evidence({}, {});
  EXPECT_THAT(DecidePromotion(PromotionRule::kIfNotWorse, nobody).reason, HasSubstr("nobody with two photos"));
  nobody.after.groups = {Foretold("lfw", 0, 0.01)};
  nobody.before.groups = nobody.after.groups;
  EXPECT_FALSE(DecidePromotion(PromotionRule::kIfNotWorse, nobody).promote);
}

TEST(PromotionTest, SaysWhyTwoModelsCannotBeCompared) {
  PromotionEvidence evidence = Evidence({Yours(0, 0.2)}, {Yours(0, 0.1)});
  evidence.incomparable = "the model that answers sees other crops";
  EXPECT_THAT(DecidePromotion(PromotionRule::kIfNotWorse, evidence).reason, HasSubstr("sees other crops"));
  EXPECT_TRUE(DecidePromotion(PromotionRule::kAlways, evidence).promote);
}

// A default training of twelve people put a model live that half the margin decided for: it rejected 43 % of genuine
// pairs and was called promoted.
TEST(PromotionTest, PromotesNoModelThatNobodyHasMeasuredWhateverTheRule) {
  PromotionEvidence evidence = Evidence({Yours(0, 0.2)}, {Yours(0, 0.1)});
  evidence.unmeasured = "about 40 more people are needed";
  for (PromotionRule rule : {PromotionRule::kIfNotWorse, PromotionRule::kAlways}) {
    evidence.after.threshold = 0.7071;
    evidence.after.measured = false;
    EXPECT_FALSE(DecidePromotion(rule, evidence).promote);
    EXPECT_THAT(DecidePromotion(rule, evidence).reason, HasSubstr("about 40 more people"));
    evidence.after.threshold.reset();
    evidence.after.measured = true;
    EXPECT_FALSE(DecidePromotion(rule, evidence).promote);
  }
}

TEST(PromotionTest, FollowsTheOtherRules) {
  const PromotionEvidence worse = Evidence({Yours(0, 0.2)}, {Yours(0, 0.9)});
  EXPECT_FALSE(DecidePromotion(PromotionRule::kNever, Evidence({Yours(0, 1)}, {Yours(0, 0)})).promote);
  EXPECT_TRUE(DecidePromotion(PromotionRule::kAlways, worse).promote);
}

}  // namespace
}  // namespace likeness
