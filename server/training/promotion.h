// Whether a trained model becomes the active one: a model can only get better.
//
// What is judged is what the service would do: how many genuine pairs it rejects and how many strangers it takes for
// the same person, at the threshold that decides now and at the one that would.
#ifndef LIKENESS_SERVER_TRAINING_PROMOTION_H_
#define LIKENESS_SERVER_TRAINING_PROMOTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace likeness {

enum class PromotionRule { kIfNotWorse, kNever, kAlways };

// The errors that one group of people sees.
struct GroupOutcome {
  std::string name;
  bool at_hand = false;             // measured here, on people who were left out
  bool foretold = false;            // from synthetic people, where no photo of the group is at hand
  double false_match_rate = 0;      // 0 to 1
  double false_non_match_rate = 0;  // 0 to 1
  int64_t genuine_pairs = 0;
  int64_t impostor_pairs = 0;
};

// What a model does by its threshold.
struct ServiceOutcome {
  std::optional<double> threshold;        // a distance; nothing where nobody would be verified
  bool measured = false;                  // whether somebody measured how often strangers match at it
  std::vector<GroupOutcome> groups = {};  // those whose photos are at hand first
};

struct PromotionEvidence {
  double target_fmr = 0;          // that the server keeps to
  ServiceOutcome before;          // of the model that answers now
  ServiceOutcome after;           // of the trained one
  std::string unmeasured = {};    // where `after` has no measured threshold: what is missing, in words
  std::string incomparable = {};  // why the two cannot be compared at all, in words; empty where they can
};

struct PromotionDecision {
  bool promote = false;
  std::string reason;  // in words, for people
};

// kIfNotWorse promotes when, for every group of `before` that has photos or is foretold, the trained model rejects no
// more genuine pairs and verifies no more impostor pairs than the model that answers now, where a rate of false matches
// below the target is none too many, and where what is foretold may be off by a tenth and a thousandth; and when of the
// genuine pairs at hand it rejects at least a twentieth and five fewer: less is chance, and every change moves
// everybody. It fails closed: a group of `before` that `after` does not know, or no pair at hand, is a reason not to.
// Whatever the rule, no model without a measured threshold is promoted. Pure, thread-safe.
PromotionDecision DecidePromotion(PromotionRule rule, const PromotionEvidence& evidence);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_PROMOTION_H_
