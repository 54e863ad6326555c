// Whether a trained model becomes the active one.
#ifndef LIKENESS_SERVER_TRAINING_PROMOTION_H_
#define LIKENESS_SERVER_TRAINING_PROMOTION_H_

#include <optional>
#include <string>

#include "server/training/evaluation.h"

namespace likeness {

enum class PromotionRule { kIfNotWorse, kNever, kAlways };

struct PromotionDecision {
  bool promote = false;
  std::string reason;  // in words, for people
};

// kIfNotWorse promotes when the trained model's false non-match rate at `false_match_rate` is not above the upper end
// of the base model's confidence interval. It fails closed: without strangers, or where either model's rate could not
// be measured at that false match rate, nothing is promoted. Pure, thread-safe.
PromotionDecision DecidePromotion(PromotionRule rule, double false_match_rate, const std::optional<Evaluation>& before,
                                  const std::optional<Evaluation>& after);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_PROMOTION_H_
