#include "server/verification/pooled_cost.h"

#include <cmath>
#include <limits>

namespace likeness {

void PooledCost::Add(double genuine, double impostor) {
  if (genuine == 0 && impostor == 0) return;
  pools_.push_back({genuine, impostor});
  // A pool with a larger share of genuine pairs than the nearer one before it joins that one.
  while (pools_.size() > 1) {
    Pool& last = pools_.back();
    Pool& before = pools_[pools_.size() - 2];
    if (last.genuine * before.impostor <= before.genuine * last.impostor) break;
    before.genuine += last.genuine;
    before.impostor += last.impostor;
    pools_.pop_back();
  }
}

double PooledCost::Finish() const {
  Pool total;
  for (const Pool& pool : pools_) {
    total.genuine += pool.genuine;
    total.impostor += pool.impostor;
  }
  if (total.genuine == 0 || total.impostor == 0) return std::numeric_limits<double>::quiet_NaN();
  // A pool's likelihood ratio is (g / G) / (i / I); a pool of one kind alone costs nothing.
  double genuine_cost = 0;
  double impostor_cost = 0;
  for (const Pool& pool : pools_) {
    if (pool.genuine == 0 || pool.impostor == 0) continue;
    const double ratio = (pool.genuine / total.genuine) / (pool.impostor / total.impostor);
    genuine_cost += pool.genuine * std::log2(1 + 1 / ratio);
    impostor_cost += pool.impostor * std::log2(1 + ratio);
  }
  return (genuine_cost / total.genuine + impostor_cost / total.impostor) / 2;
}

}  // namespace likeness
