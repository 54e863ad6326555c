// How crowded the place of a face is among the faces that a network was measured on.
//
// A network does not spread all people alike: those it saw few of in training, and photos it was not made for, lie
// close together, so that one threshold for everybody lets strangers among them match far more often than it says. A
// cohort is a set of points that stand for many people's faces. The crowding of a face is its mean distance to the
// nearest of them, small where it is crowded, and the threshold of a pair is lowered by what both faces lack to the cap
// (decision.h). Nothing needs to be known of whom a photo shows. The method is known from speaker verification as
// adaptive symmetric score normalization; for faces see Linghu et al., "Score normalization for demographic fairness in
// face recognition" (2024, arXiv:2407.14087).
//
//   const double crowding = cohort.Crowding(embedding.values);
#ifndef LIKENESS_SERVER_VERIFICATION_COHORT_H_
#define LIKENESS_SERVER_VERIFICATION_COHORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace likeness {

// People whose faces went into a cohort.
struct CohortSource {
  std::string name;    // for example "ages/young"
  int64_t people = 0;  // >= 1
  int64_t faces = 0;   // photos and degraded copies of them, >= people
};

struct CohortDescription {
  int nearest = 0;                 // k: so many of the nearest centroids count, 1 … number of centroids
  double cap = 0;                  // the largest crowding, > 0: who lies farther from everybody gains nothing by it
  int64_t people_in_centroid = 0;  // the fewest people whose mean a centroid is
  std::vector<CohortSource> sources = {};  // in the order in which they were given
};

// Immutable, thread-safe.
class Cohort {
 public:
  // `centroids` are `size` numbers each, one after the other, and are scaled to unit length. INVALID_ARGUMENT where
  // there is none, where one is no direction, where a number is not finite, or where the description is out of range.
  static absl::StatusOr<Cohort> Create(absl::Span<const float> centroids, size_t size, CohortDescription description);

  // The mean Euclidean distance to the nearest centroids, at most the cap; 0 … cap, or NaN where a number of the
  // embedding is NaN or it has not size() numbers. `embedding` has unit length.
  double Crowding(absl::Span<const float> embedding) const;

  const CohortDescription& description() const { return description_; }
  double cap() const { return description_.cap; }
  size_t size() const { return size_; }
  size_t centroids() const { return values_.size() / size_; }
  // Of unit length.
  absl::Span<const float> Centroid(size_t i) const { return absl::MakeSpan(values_).subspan(i * size_, size_); }

 private:
  Cohort(std::vector<float> values, size_t size, CohortDescription description)
      : values_(std::move(values)), size_(size), description_(std::move(description)) {}

  std::vector<float> values_;
  size_t size_;
  CohortDescription description_;
};

// A direction takes a byte for each of its `size` numbers in a bundle (docs/bundle.md): whole numbers −127 … 127, as
// base64. What the decoder returns is not scaled yet.
std::string EncodeDirections(absl::Span<const float> directions, size_t size);
// INVALID_ARGUMENT where it is no base64 or no multiple of `size` bytes.
absl::StatusOr<std::vector<float>> DecodeDirections(const std::string& text, size_t size);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_COHORT_H_
