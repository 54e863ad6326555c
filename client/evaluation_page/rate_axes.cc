#include "client/evaluation_page/rate_axes.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/strings/str_format.h"
#include "client/evaluation_page/probit.h"

namespace likeness {
namespace {

struct RoundRate {
  double rate;
  const char* label;
};

constexpr RoundRate kDecades[] = {{1e-9, "1e-7 %"},  {1e-8, "1e-6 %"}, {1e-7, "1e-5 %"}, {1e-6, "0.0001 %"},
                                  {1e-5, "0.001 %"}, {1e-4, "0.01 %"}, {1e-3, "0.1 %"},  {1e-2, "1 %"},
                                  {1e-1, "10 %"},    {1e+0, "100 %"}};
// Those that normal deviates have room for beside the decades below 1.
constexpr RoundRate kHighRates[] = {{0.05, "5 %"}, {0.2, "20 %"}, {0.5, "50 %"},
                                    {0.8, "80 %"}, {0.9, "90 %"}, {0.99, "99 %"}};

// The first decade of the axis.
const RoundRate* DecadeBelow(double smallest) {
  const RoundRate* at_or_above =
      std::lower_bound(std::begin(kDecades), std::end(kDecades), smallest,
                       [](const RoundRate& decade, double rate) { return decade.rate < rate; });
  return at_or_above == std::begin(kDecades) ? at_or_above : at_or_above - 1;
}

}  // namespace

std::string PercentText(double share) { return absl::StrFormat("%.3g %%", 100 * share); }

PageAxis LogarithmicRates(const std::string& label, double smallest) {
  PageAxis axis{.label = label, .to = 1, .logarithmic = true};
  for (const RoundRate* decade = DecadeBelow(smallest); decade != std::end(kDecades); ++decade) {
    axis.ticks.push_back({decade->rate, decade->label});
  }
  axis.from = axis.ticks.front().at;
  return axis;
}

PageAxis NormalDeviateRates(const std::string& label, double smallest, double largest) {
  std::vector<RoundRate> rates(DecadeBelow(smallest), std::end(kDecades) - 1);
  rates.insert(rates.end(), std::begin(kHighRates), std::end(kHighRates));
  std::sort(rates.begin(), rates.end(), [](const RoundRate& a, const RoundRate& b) { return a.rate < b.rate; });
  PageAxis axis{.label = label};
  for (const RoundRate& rate : rates) {
    axis.ticks.push_back({Probit(rate.rate), rate.label});
    // An axis has two ends.
    if (rate.rate >= largest && axis.ticks.size() > 1) break;
  }
  axis.from = axis.ticks.front().at;
  axis.to = axis.ticks.back().at;
  return axis;
}

}  // namespace likeness
