#include "server/training/promotion.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace likeness {
namespace {

// By what share the rejections among the people at hand must fall.
constexpr double kLeastGain = 0.05;
// And by how many pairs.
constexpr double kFewestPairsGained = 5;
// How far what is foretold may be off before it is held against a model.
constexpr double kForetoldShare = 0.1;
constexpr double kForetoldRate = 1e-3;

std::string Percent(double rate) { return absl::StrFormat("%.3g %%", 100 * rate); }

std::string ThresholdText(const ServiceOutcome& outcome) {
  if (!outcome.threshold.has_value()) return "none";
  return absl::StrFormat("%.4f%s", *outcome.threshold, outcome.measured ? "" : " (not measured)");
}

const GroupOutcome* Find(const std::vector<GroupOutcome>& groups, const std::string& name) {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

std::string Named(const GroupOutcome& group) {
  return group.foretold ? absl::StrCat(group.name, " (foretold)") : group.name;
}

// Written so that what is not a number is worse.
bool Rejects(const GroupOutcome& before, const GroupOutcome& after) {
  const double slack = after.foretold ? kForetoldShare * before.false_non_match_rate + kForetoldRate : 0;
  return !(after.false_non_match_rate <= before.false_non_match_rate + slack);
}

bool Matches(const GroupOutcome& before, const GroupOutcome& after, double target_fmr) {
  return !(after.false_match_rate <= std::max(before.false_match_rate, target_fmr));
}

// What is worse for somebody, a clause each.
std::vector<std::string> Harms(const PromotionEvidence& evidence) {
  std::vector<std::string> harms;
  std::vector<std::string> unknown;
  for (const GroupOutcome& before : evidence.before.groups) {
    const GroupOutcome* after = Find(evidence.after.groups, before.name);
    if (after == nullptr) {
      unknown.push_back(before.name);
      continue;
    }
    if (Rejects(before, *after)) {
      harms.push_back(absl::StrFormat("of %s it would reject %s of genuine pairs instead of %s", Named(*after),
                                      Percent(after->false_non_match_rate), Percent(before.false_non_match_rate)));
    }
    if (Matches(before, *after, evidence.target_fmr)) {
      harms.push_back(absl::StrFormat("of %s it would take %s of strangers for the same person instead of %s",
                                      Named(*after), Percent(after->false_match_rate),
                                      Percent(before.false_match_rate)));
    }
  }
  if (!unknown.empty()) {
    harms.push_back(
        absl::StrCat("what becomes of ", absl::StrJoin(unknown, ", "), " cannot be told from the photos at hand"));
  }
  return harms;
}

// How many genuine pairs of the people at hand are rejected.
double Rejected(const std::vector<GroupOutcome>& groups) {
  double rejected = 0;
  for (const GroupOutcome& group : groups) {
    if (group.at_hand) rejected += group.false_non_match_rate * static_cast<double>(group.genuine_pairs);
  }
  return rejected;
}

// Also where nobody at hand is known of the model so far.
bool GainsEnough(const PromotionEvidence& evidence) {
  const bool known = std::any_of(evidence.before.groups.begin(), evidence.before.groups.end(),
                                 [](const GroupOutcome& group) { return group.at_hand; });
  const double before = Rejected(evidence.before.groups);
  return !known || before - Rejected(evidence.after.groups) >= std::max(kLeastGain * before, kFewestPairsGained);
}

// What becomes of the people at hand.
std::string Gain(const PromotionEvidence& evidence) {
  const GroupOutcome& after = evidence.after.groups.front();
  const GroupOutcome* before = Find(evidence.before.groups, after.name);
  if (before == nullptr) {
    return absl::StrFormat("of %s it rejects %s of genuine pairs", after.name, Percent(after.false_non_match_rate));
  }
  return absl::StrFormat(
      "of %s it rejects %s of genuine pairs instead of %s, and takes %s of strangers for the same person "
      "instead of %s",
      after.name, Percent(after.false_non_match_rate), Percent(before->false_non_match_rate),
      Percent(after.false_match_rate), Percent(before->false_match_rate));
}

bool HasPairsAtHand(const ServiceOutcome& outcome) {
  return !outcome.groups.empty() && outcome.groups.front().at_hand && outcome.groups.front().genuine_pairs > 0 &&
         outcome.groups.front().impostor_pairs > 0;
}

PromotionDecision PromoteIfNotWorse(const PromotionEvidence& evidence) {
  if (!evidence.incomparable.empty()) return {false, absl::StrCat("not promoted: ", evidence.incomparable)};
  if (!HasPairsAtHand(evidence.after)) {
    return {false,
            "not promoted: nobody with two photos was held out, so nothing shows that the trained model is not worse"};
  }
  const std::string thresholds =
      absl::StrCat("threshold ", ThresholdText(evidence.before), " → ", ThresholdText(evidence.after));
  const std::vector<std::string> harms = Harms(evidence);
  if (harms.empty() && !GainsEnough(evidence)) {
    return {false, absl::StrCat("not promoted: it is better for nobody by more than chance: ", Gain(evidence), "; ",
                                thresholds)};
  }
  if (harms.empty()) return {true, absl::StrCat("promoted: ", Gain(evidence), "; ", thresholds)};
  return {false,
          absl::StrCat("not promoted: ", absl::StrJoin(harms, "; "), ". Otherwise ", Gain(evidence), "; ", thresholds)};
}

}  // namespace

PromotionDecision DecidePromotion(PromotionRule rule, const PromotionEvidence& evidence) {
  if (rule == PromotionRule::kNever) return {false, "not promoted: the promotion rule is never"};
  if (!evidence.after.threshold.has_value() || !evidence.after.measured) {
    return {false, absl::StrFormat(
                       "not promoted: nothing shows at which distance it keeps to the server's false match rate of "
                       "%g: %s",
                       evidence.target_fmr, evidence.unmeasured)};
  }
  if (rule == PromotionRule::kAlways) return {true, "promoted: the promotion rule is always"};
  return PromoteIfNotWorse(evidence);
}

}  // namespace likeness
