// What a distance says about "the same person": a likelihood ratio, measured on labelled pairs.
//
// The log-likelihood ratio (LLR, natural logarithm) is how much more probable the distance is between two photos of one
// person than between photos of two. It depends on no prior; with one it gives the probability of "the same person".
// The model is a straight line in the distance, fitted by logistic regression in which genuine and impostor pairs weigh
// the same (N. Brümmer and J. du Preez, "Application-independent evaluation of speaker detection", 2006, as are Cllr
// and minimum Cllr).
//
//   absl::StatusOr<Calibration> calibration = FitCalibration(distances);
//   const double llr = LogLikelihoodRatio(*calibration, distance);
//   const double probability = ProbabilityOfSamePerson(llr, /*prior=*/0.5);
//
// All functions are pure and thread-safe.
#ifndef LIKENESS_SERVER_VERIFICATION_CALIBRATION_H_
#define LIKENESS_SERVER_VERIFICATION_CALIBRATION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/verification/accuracy.h"

namespace likeness {

// LLR = offset + slope × distance.
struct Calibration {
  double offset = 0;           // finite
  double slope = 0;            // < 0: a larger distance speaks for two people
  int64_t genuine_pairs = 0;   // pairs of the same person measured, >= 1
  int64_t impostor_pairs = 0;  // pairs of different people measured, >= 1
  int64_t people = 0;          // people measured
  std::string source;          // the data, in words
};

// The line through the distances' log odds. Pairs at +infinity, which no network measured, are left out; `people` and
// `source` stay empty. INVALID_ARGUMENT for NaN or −infinity or where no finite genuine or impostor distance is left;
// FAILED_PRECONDITION where larger distances do not speak for two people, or where one distance parts the genuine from
// the impostor pairs without an error, so that no finite line is the best.
absl::StatusOr<Calibration> FitCalibration(const PairDistances& distances);

// Of a finite distance, in nats. Never more than the measured pairs can support: it lies within
// −log(genuine pairs + 1) and log(impostor pairs + 1).
double LogLikelihoodRatio(const Calibration& calibration, double distance);

// From a log-likelihood ratio and the probability before the comparison, above 0 and below 1.
double ProbabilityOfSamePerson(double log_likelihood_ratio, double prior);

// What a pair's LLR costs, in bits: little where it says firmly what is true, much where it says firmly what is not.
double CostOfLogLikelihoodRatio(double log_likelihood_ratio, bool genuine);

// Cllr: the mean cost of genuine pairs and the mean cost of impostor pairs, averaged. 0 is perfect, 1 says nothing.
// Pairs at +infinity are left out; INVALID_ARGUMENT as FitCalibration.
absl::StatusOr<double> Cllr(const Calibration& calibration, const PairDistances& distances);

// The Cllr that the best calibration that keeps the order of the distances would have (pool adjacent violators): what
// Cllr is above it is the fault of the calibration, not of the network.
absl::StatusOr<double> MinCllr(const PairDistances& distances);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_CALIBRATION_H_
