#include "server/statistics/resampled_figures.h"

#include <algorithm>
#include <limits>

#include "server/verification/pooled_cost.h"

namespace likeness {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double MeasuredImpostor(const ResampledCounts& counts) { return counts.all_impostor - counts.failed_impostor; }

bool LacksAKind(const ResampledCounts& counts) { return counts.all_genuine == 0 || MeasuredImpostor(counts) == 0; }

// How many of a kind lie at edge i and at no nearer one.
double At(const std::vector<double>& up_to, size_t i) { return i == 0 ? up_to[0] : up_to[i] - up_to[i - 1]; }

}  // namespace

double ResampledEqualErrorRate(const ResampledCounts& counts) {
  if (LacksAKind(counts)) return kNone;
  double fmr = 0;
  double fnmr = 1;
  for (size_t i = 0; i <= counts.genuine.size(); ++i) {
    const bool beyond = i == counts.genuine.size();  // the last segment leads to (1, 0)
    const double next_fmr = beyond ? 1 : counts.impostor[i] / MeasuredImpostor(counts);
    const double next_fnmr = beyond ? 0 : 1 - counts.genuine[i] / counts.all_genuine;
    if (next_fmr >= next_fnmr) {
      const double gap = fnmr - fmr;
      return fmr + (next_fmr - fmr) * gap / (gap - (next_fnmr - next_fmr));
    }
    fmr = next_fmr;
    fnmr = next_fnmr;
  }
  return kNone;  // not reached
}

double ResampledAreaUnderRoc(const ResampledCounts& counts) {
  if (LacksAKind(counts)) return kNone;
  double nearer = 0;
  for (size_t i = 0; i < counts.genuine.size(); ++i) {
    const double farther = MeasuredImpostor(counts) - counts.impostor[i];
    nearer += At(counts.genuine, i) * (farther + At(counts.impostor, i) / 2);
  }
  return nearer / counts.all_genuine / MeasuredImpostor(counts);
}

double ResampledFalseNonMatchRateAt(const ResampledCounts& counts, double target_false_match_rate) {
  if (LacksAKind(counts)) return kNone;
  const double allowed = target_false_match_rate * MeasuredImpostor(counts) * (1 + 1e-12);
  const auto refused = std::upper_bound(counts.impostor.begin(), counts.impostor.end(), allowed);
  const double matched = refused == counts.impostor.begin()
                             ? 0
                             : counts.genuine[static_cast<size_t>(refused - counts.impostor.begin()) - 1];
  return 1 - matched / counts.all_genuine;
}

double ResampledFalseMatchRate(const ResampledCounts& counts, size_t edge) {
  return MeasuredImpostor(counts) == 0 ? kNone : counts.impostor[edge] / MeasuredImpostor(counts);
}

double ResampledFalseNonMatchRate(const ResampledCounts& counts, size_t edge) {
  return counts.all_genuine == 0 ? kNone : 1 - counts.genuine[edge] / counts.all_genuine;
}

double ResampledFalseNonMatchRateOfVerdicts(const ResampledCounts& counts, size_t edge) {
  const double verdicts = counts.genuine.back();
  return verdicts == 0 ? kNone : 1 - counts.genuine[edge] / verdicts;
}

double ResampledAccuracy(const ResampledCounts& counts, size_t edge) {
  const double all = counts.all_genuine + counts.all_impostor;
  return all == 0 ? kNone : (counts.genuine[edge] + MeasuredImpostor(counts) - counts.impostor[edge]) / all;
}

double ResampledBestAccuracy(const ResampledCounts& counts) {
  const double all = counts.all_genuine + counts.all_impostor;
  if (all == 0) return kNone;
  double best = MeasuredImpostor(counts) / all;  // nothing is verified
  for (size_t i = 0; i < counts.genuine.size(); ++i) best = std::max(best, ResampledAccuracy(counts, i));
  return best;
}

double ResampledCllr(const ResampledCounts& counts, const std::vector<double>& genuine_costs,
                     const std::vector<double>& impostor_costs) {
  const size_t edges = counts.genuine.size();
  if (edges == 0 || counts.genuine.back() == 0 || counts.impostor.back() == 0) return kNone;
  double genuine = 0;
  double impostor = 0;
  for (size_t i = 0; i < edges; ++i) {
    genuine += At(counts.genuine, i) * genuine_costs[i];
    impostor += At(counts.impostor, i) * impostor_costs[i];
  }
  return (genuine / counts.genuine.back() + impostor / counts.impostor.back()) / 2;
}

double ResampledMinCllr(const ResampledCounts& counts) {
  PooledCost cost;
  for (size_t i = 0; i < counts.genuine.size(); ++i) cost.Add(At(counts.genuine, i), At(counts.impostor, i));
  return cost.Finish();
}

}  // namespace likeness
