// Axes of error rates.
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_RATE_AXES_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_RATE_AXES_H_

#include <string>

#include "client/evaluation_page/plot_data.h"

namespace likeness {

// A share as readers take it in: 0.00123 is "0.123 %".
std::string PercentText(double share);

// Powers of ten, from the next one below `smallest` to 1: below, because neither scale has a place for a rate of 0,
// which is drawn at the lower edge. `smallest` is the smallest rate that can be measured, one in so many pairs.
PageAxis LogarithmicRates(const std::string& label, double smallest);

// Normal deviates (Probit), from the power of ten below `smallest` to the round rate at or above `largest`, which is
// at most 99 %.
PageAxis NormalDeviateRates(const std::string& label, double smallest, double largest);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_RATE_AXES_H_
