// The minimum Cllr of weighed pairs, by pooling adjacent violators. For calibration.cc and for resampled figures.
#ifndef LIKENESS_SERVER_VERIFICATION_POOLED_COST_H_
#define LIKENESS_SERVER_VERIFICATION_POOLED_COST_H_

#include <vector>

namespace likeness {

// Adds pairs in the order of their distances, nearest first, and gives the least cost that any likelihood ratio that
// falls with the distance has on them. Pairs at one distance go into one step. Not thread-safe; takes O(steps).
//
//   PooledCost cost;
//   cost.Add(/*genuine=*/2, /*impostor=*/0);
//   cost.Add(0, 5);
//   const double min_cllr = cost.Finish();
class PooledCost {
 public:
  // Weights of the next distance's pairs, >= 0.
  void Add(double genuine, double impostor);
  // In bits; NaN where there was no genuine or no impostor weight.
  double Finish() const;

 private:
  struct Pool {
    double genuine = 0;
    double impostor = 0;
  };
  std::vector<Pool> pools_;  // the share of genuine weight falls from each to the next
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_POOLED_COST_H_
