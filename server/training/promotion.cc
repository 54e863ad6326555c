#include "server/training/promotion.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace likeness {
namespace {

const TargetFigures* RatesAt(const Evaluation& evaluation, double false_match_rate) {
  const auto found = std::find_if(evaluation.rates.begin(), evaluation.rates.end(),
                                  [&](const TargetFigures& rates) { return rates.target == false_match_rate; });
  return found == evaluation.rates.end() ? nullptr : &*found;
}

std::string NotMeasured(const char* model, double false_match_rate, const Evaluation& evaluation) {
  return absl::StrFormat(
      "not promoted: the false non-match rate of the %s model at a false match rate of %g cannot be measured on %d "
      "genuine and %d impostor pairs of strangers",
      model, false_match_rate, evaluation.genuine_pairs, evaluation.impostor_pairs);
}

PromotionDecision PromoteIfNotWorse(double false_match_rate, const Evaluation& before, const Evaluation& after) {
  const TargetFigures* base = RatesAt(before, false_match_rate);
  if (base == nullptr) return {false, NotMeasured("base", false_match_rate, before)};
  const TargetFigures* trained = RatesAt(after, false_match_rate);
  if (trained == nullptr) return {false, NotMeasured("trained", false_match_rate, after)};
  const double rate = trained->rates.false_non_match_rate;
  const bool promote = rate <= base->false_non_match_rate.high;
  return {promote, absl::StrFormat(
                       "%s: on strangers its false non-match rate at a false match rate of %g is %.4f, %s the upper "
                       "end %.4f of the base model's 95 %% confidence interval (%.4f)",
                       promote ? "promoted" : "not promoted", false_match_rate, rate, promote ? "not above" : "above",
                       base->false_non_match_rate.high, base->rates.false_non_match_rate)};
}

}  // namespace

PromotionDecision DecidePromotion(PromotionRule rule, double false_match_rate, const std::optional<Evaluation>& before,
                                  const std::optional<Evaluation>& after) {
  switch (rule) {
    case PromotionRule::kNever:
      return {false, "not promoted: the promotion rule is never"};
    case PromotionRule::kAlways:
      return {true, "promoted: the promotion rule is always"};
    case PromotionRule::kIfNotWorse:
      if (!before.has_value() || !after.has_value()) {
        return {false, "not promoted: nobody was held out, so nothing shows that the trained model is not worse"};
      }
      return PromoteIfNotWorse(false_match_rate, *before, *after);
  }
  return {false, "not promoted: the promotion rule is unknown"};
}

}  // namespace likeness
