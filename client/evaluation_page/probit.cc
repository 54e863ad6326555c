#include "client/evaluation_page/probit.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace likeness {

double Probit(double share) {
  if (share <= 0) return -std::numeric_limits<double>::infinity();
  if (share >= 1) return std::numeric_limits<double>::infinity();
  if (share > 0.5) return -Probit(1 - share);  // the lower tail keeps its digits
  double low = -40;
  double high = 0;
  // Bisection: a page asks some thousand times, and the C++ library has the error function but not its inverse.
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::numbers::sqrt2) / 2 < share ? low : high) = middle;
  }
  return high;
}

}  // namespace likeness
