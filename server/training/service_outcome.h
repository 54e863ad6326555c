// What a service does to people by a threshold, from measured pairs: what the promotion rule judges by.
#ifndef LIKENESS_SERVER_TRAINING_SERVICE_OUTCOME_H_
#define LIKENESS_SERVER_TRAINING_SERVICE_OUTCOME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/training/promotion.h"
#include "server/verification/accuracy.h"
#include "server/verification/decision.h"

namespace likeness {

// The people of a training in ServiceOutcome: those held out, and those who were trained on, by layers that they were
// left out of.
inline constexpr char kHeldOut[] = "your people, held out";
inline constexpr char kCrossValidated[] = "your people, cross-validated";

// Pairs among people at hand.
struct AtHandGroup {
  std::string name;
  const PairDistances& pairs;
};

// What the service does with a threshold to the people at hand, those without both kinds of pairs left out, and to the
// groups of people that the threshold was measured on.
ServiceOutcome OutcomeAt(const std::optional<Threshold>& threshold, const std::vector<AtHandGroup>& at_hand,
                         bool foretold);

// Why `pairs` among `people` show no threshold for the rate, and how many people would.
std::string WhatIsMissing(double target_fmr, int64_t impostor_pairs, int64_t people);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_SERVICE_OUTCOME_H_
