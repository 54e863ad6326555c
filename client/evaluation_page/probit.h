// Normal deviates: the scale of detection error tradeoff plots.
#ifndef LIKENESS_CLIENT_EVALUATION_PAGE_PROBIT_H_
#define LIKENESS_CLIENT_EVALUATION_PAGE_PROBIT_H_

namespace likeness {

// The normal deviate that a standard normal variable falls below with the probability `share`: Probit(0.5) is 0,
// Probit(0.975) about 1.96. −infinity for 0 and below, +infinity for 1 and above. Accurate to 1e-12 for shares from
// 1e-15 to 1 − 1e-15, and as accurate as the share itself is beyond.
double Probit(double share);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAGE_PROBIT_H_
