#include "server/training/hardest_pairs.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "server/verification/distance.h"

namespace likeness {
namespace {

struct Candidate {
  double distance;
  size_t a;
  size_t b;

  // Equal distances by number, so that the choice does not depend on the sorting.
  friend bool operator<(const Candidate& x, const Candidate& y) {
    return std::tie(x.distance, x.a, x.b) < std::tie(y.distance, y.a, y.b);
  }
};

std::vector<size_t> FirstFaceOfEachPhoto(absl::Span<const BatchFace> faces) {
  std::vector<size_t> firsts;
  std::set<size_t> photos;
  for (size_t face = 0; face < faces.size(); ++face) {
    if (photos.insert(faces[face].photo).second) firsts.push_back(face);
  }
  return firsts;
}

}  // namespace

std::vector<FacePair> HardestImpostorPairs(absl::Span<const float> embeddings, size_t size,
                                           absl::Span<const BatchFace> faces, size_t count) {
  const std::vector<size_t> candidates = FirstFaceOfEachPhoto(faces);
  std::vector<Candidate> pairs;
  for (auto a = candidates.begin(); a != candidates.end(); ++a) {
    for (auto b = a + 1; b != candidates.end(); ++b) {
      if (faces[*a].person == faces[*b].person) continue;
      pairs.push_back(
          {EuclideanDistance(embeddings.subspan(*a * size, size), embeddings.subspan(*b * size, size)), *a, *b});
    }
  }
  const auto end = pairs.begin() + static_cast<std::ptrdiff_t>(std::min(count, pairs.size()));
  std::partial_sort(pairs.begin(), end, pairs.end());
  std::vector<FacePair> hardest;
  for (auto pair = pairs.begin(); pair != end; ++pair) hardest.push_back({pair->a, pair->b, /*genuine=*/false});
  return hardest;
}

}  // namespace likeness
