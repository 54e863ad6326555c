#include "server/training/promotion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>

namespace likeness {
namespace {

using testing::HasSubstr;

constexpr double kFmr = 0.01;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Evaluation WithRate(double rate, double high, double target = kFmr) {
  Evaluation evaluation;
  evaluation.genuine_pairs = 50;
  evaluation.impostor_pairs = 500;
  TargetFigures& figures = evaluation.rates.emplace_back();
  figures.target = target;
  figures.rates.false_non_match_rate = rate;
  figures.false_non_match_rate.high = high;
  return evaluation;
}

TEST(PromotionTest, FollowsItsRuleAndSaysWhy) {
  struct Case {
    const char* name;
    PromotionRule rule;
    std::optional<Evaluation> before;
    std::optional<Evaluation> after;
    bool promote;
    const char* reason;
  };
  const auto if_not_worse = PromotionRule::kIfNotWorse;
  const Case cases[] = {
      {"better", if_not_worse, WithRate(0.2, 0.3), WithRate(0.1, 0.2), true, "not above the upper end 0.3000"},
      {"worse within the interval", if_not_worse, WithRate(0.2, 0.3), WithRate(0.25, 0.4), true, "not above"},
      {"at the interval's end", if_not_worse, WithRate(0.2, 0.3), WithRate(0.3, 0.4), true, "not above"},
      {"beyond the interval", if_not_worse, WithRate(0.2, 0.3), WithRate(0.31, 0.4), false, "0.3100, above"},
      {"without errors, as before", if_not_worse, WithRate(0, 0), WithRate(0, 0), true, "not above"},
      {"not a number", if_not_worse, WithRate(0.2, 0.3), WithRate(kNan, 1), false, "not promoted"},
      {"not a number before", if_not_worse, WithRate(0.2, kNan), WithRate(0.1, 1), false, "not promoted"},
      {"no strangers", if_not_worse, std::nullopt, std::nullopt, false, "nobody was held out"},
      {"no figure of the trained model", if_not_worse, WithRate(0.2, 0.3), std::nullopt, false, "nobody was held out"},
      {"not measurable before", if_not_worse, Evaluation{}, WithRate(0.1, 0.2), false, "the base model"},
      {"not measurable after", if_not_worse, WithRate(0.1, 0.2), Evaluation{}, false, "the trained model"},
      {"measured elsewhere", if_not_worse, WithRate(0.2, 0.3, 0.1), WithRate(0.1, 0.2, 0.1), false, "50 genuine"},
      {"never", PromotionRule::kNever, WithRate(0.2, 0.3), WithRate(0.1, 0.2), false, "rule is never"},
      {"always", PromotionRule::kAlways, WithRate(0.2, 0.3), WithRate(0.9, 1), true, "rule is always"},
      {"always, without strangers", PromotionRule::kAlways, std::nullopt, std::nullopt, true, "rule is always"},
  };
  for (const Case& c : cases) {
    const PromotionDecision decision = DecidePromotion(c.rule, kFmr, c.before, c.after);
    EXPECT_EQ(decision.promote, c.promote) << c.name;
    EXPECT_THAT(decision.reason, HasSubstr(c.reason)) << c.name;
  }
}

}  // namespace
}  // namespace likeness
