#include "server/training/contrastive_loss.h"

#include <cmath>

#include "server/verification/distance.h"

namespace likeness {

LossAndGradient ContrastiveLoss(absl::Span<const float> embeddings, size_t size, absl::Span<const FacePair> pairs,
                                double margin) {
  LossAndGradient result;
  result.distances.reserve(pairs.size());
  std::vector<double> gradient(embeddings.size());
  const double weight = 1 / static_cast<double>(pairs.size());
  for (const FacePair& pair : pairs) {
    const absl::Span<const float> a = embeddings.subspan(pair.a * size, size);
    const absl::Span<const float> b = embeddings.subspan(pair.b * size, size);
    const double distance = EuclideanDistance(a, b);
    result.distances.push_back(distance);
    const double missing = pair.genuine ? -distance : margin - distance;  // how much farther apart they should be
    if (!pair.genuine && missing <= 0 && std::isfinite(distance)) continue;
    result.loss += weight * missing * missing / 2;
    if (distance == 0) continue;
    // dL/dD = -missing and dD/da = (a − b) / D.
    const double slope = -weight * missing / distance;
    for (size_t i = 0; i < size; ++i) {
      const double change = slope * (static_cast<double>(a[i]) - b[i]);
      gradient[pair.a * size + i] += change;
      gradient[pair.b * size + i] -= change;
    }
  }
  result.gradient.assign(gradient.begin(), gradient.end());
  return result;
}

}  // namespace likeness
