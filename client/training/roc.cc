#include "client/training/roc.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace likeness {

std::vector<RocPoint> RocOf(const v1::Evaluation& evaluation) {
  const auto& genuine = evaluation.genuine_histogram();
  const auto& impostor = evaluation.impostor_histogram();
  const int64_t all_genuine = std::accumulate(genuine.begin(), genuine.end(), int64_t{0});
  const int64_t all_impostor = std::accumulate(impostor.begin(), impostor.end(), int64_t{0});
  if (all_genuine <= 0 || all_impostor <= 0) return {};
  std::vector<RocPoint> points = {{0, 0}};
  int64_t genuine_below = 0;
  int64_t impostor_below = 0;
  for (int bin = 0; bin < std::max(genuine.size(), impostor.size()); ++bin) {
    if (bin < genuine.size()) genuine_below += genuine[bin];
    if (bin < impostor.size()) impostor_below += impostor[bin];
    points.push_back({static_cast<double>(impostor_below) / static_cast<double>(all_impostor),
                      static_cast<double>(genuine_below) / static_cast<double>(all_genuine)});
  }
  return points;
}

}  // namespace likeness
