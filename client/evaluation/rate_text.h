// Rates as people read them.
#ifndef LIKENESS_CLIENT_EVALUATION_RATE_TEXT_H_
#define LIKENESS_CLIENT_EVALUATION_RATE_TEXT_H_

#include <cstdint>
#include <string>

#include "server/statistics/figures.h"

namespace likeness {

// A share in percent: "1.30 %"; one below 0.1 % with two digits more, "0.0124 %".
std::string RateText(double share);

// With its interval, in as many digits: "1.30 % [0.71, 2.05]".
std::string RateText(double share, const Interval& interval);
std::string RateText(const Figure& figure);

// The interval of a false match rate; up to an upper bound where no pair matched, which no resample shows.
Interval FalseMatchRateInterval(const Figure& rate, int64_t impostor_pairs);

// A false match rate; where no pair matched, with an upper bound instead of an interval that cannot be bootstrapped:
// "0.0000 % [0.0000, 0.0370]".
std::string FalseMatchRateText(const Figure& rate, int64_t impostor_pairs);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_RATE_TEXT_H_
