#include "client/evaluation/rate_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/statistics/differential.h"

namespace likeness {
namespace {

std::string Digits(double share) {
  constexpr double kSmall = 0.000995;  // what is at least 0.10 % in two digits
  return absl::StrFormat("%.*f", share > 0 && share < kSmall ? 4 : 2, 100 * share);
}

}  // namespace

std::string RateText(double share) { return absl::StrCat(Digits(share), " %"); }

std::string RateText(double share, const Interval& interval) {
  return absl::StrCat(RateText(share), " [", Digits(interval.low), ", ", Digits(interval.high), "]");
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
