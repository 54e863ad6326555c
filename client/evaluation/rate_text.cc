#include "client/evaluation/rate_text.h"

#include "absl/strings/str_format.h"
#include "server/statistics/differential.h"

namespace likeness {
namespace {

// Digits after the point of a percentage: two, and two more where two would show little of it.
int DigitsFor(double share) {
  constexpr double kSmall = 0.000995;  // what is at least 0.10 % in two digits
  return share > 0 && share < kSmall ? 4 : 2;
}

}  // namespace

std::string RateText(double share) { return absl::StrFormat("%.*f %%", DigitsFor(share), 100 * share); }

std::string RateText(double share, const Interval& interval) {
  const int digits = DigitsFor(share > 0 ? share : interval.high);
  return absl::StrFormat("%.*f %% [%.*f, %.*f]", digits, 100 * share, digits, 100 * interval.low, digits,
                         100 * interval.high);
}

std::string RateText(const Figure& figure) { return RateText(figure.value, figure.interval); }

Interval FalseMatchRateInterval(const Figure& rate, int64_t impostor_pairs) {
  if (rate.value > 0) return rate.interval;
  return {0, UpperBoundWithoutMatch(static_cast<double>(impostor_pairs))};
}

std::string FalseMatchRateText(const Figure& rate, int64_t impostor_pairs) {
  return RateText(rate.value, FalseMatchRateInterval(rate, impostor_pairs));
}

}  // namespace likeness
