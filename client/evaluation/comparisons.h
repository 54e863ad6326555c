// What an evaluation compares: photos of known people, and which of them with which.
#ifndef LIKENESS_CLIENT_EVALUATION_COMPARISONS_H_
#define LIKENESS_CLIENT_EVALUATION_COMPARISONS_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/evaluation/pairs_file.h"
#include "client/photo_folder/photo_folder.h"

namespace likeness {

// A photo of somebody.
struct KnownPhoto {
  std::string path;     // below the folder of the photos
  uint32_t person = 0;  // number of who it shows
};

// Two of the photos, by number.
struct Comparison {
  uint32_t a = 0;
  uint32_t b = 0;
};

struct Comparisons {
  uint32_t people = 0;             // every person's number is below it
  std::vector<KnownPhoto> photos;  // no path twice
  // Which photos are compared; where `every_pair` is set, each with every other one, and `listed` is empty.
  bool every_pair = false;
  std::vector<Comparison> listed;
  // Where the list is divided into folds: how many of `listed` each has, in order. Else empty.
  std::vector<size_t> folds;
};

// Calls `visit(a, b)` with the numbers of two photos for each comparison, in order.
template <typename Visit>
void ForEachComparison(const Comparisons& comparisons, Visit visit) {
  for (const Comparison& listed : comparisons.listed) visit(listed.a, listed.b);
  if (!comparisons.every_pair) return;
  const auto photos = static_cast<uint32_t>(comparisons.photos.size());
  for (uint32_t a = 0; a < photos; ++a) {
    for (uint32_t b = a + 1; b < photos; ++b) visit(a, b);
  }
}

// A share of the people: those whose names' SHA-256, read as a number, leaves `part` − 1 when divided by `parts`. So
// the same people are always in the same part, whoever else is there. 1 <= part <= parts.
struct PeoplePart {
  uint64_t part = 1;
  uint64_t parts = 1;
};

bool IsInPart(const std::string& person, const PeoplePart& part);

// The pairs of a list whose people are all in `part`. A photo shows the person that its folder is named after.
// INVALID_ARGUMENT where a pair's label contradicts that, or where a fold is left without a pair.
absl::StatusOr<Comparisons> CompareListed(const PairFolds& folds, const PeoplePart& part = {});

// Every pair of the photos of the people in `part`. INVALID_ARGUMENT where there are none.
absl::StatusOr<Comparisons> CompareAll(const PhotoFolder& folder, const PeoplePart& part);

// Every probe with every reference; a photo is not compared with itself. Each line of either list is the name of a
// person and the path of a photo, divided by white space. INVALID_ARGUMENT, with the number of the line, where it is
// not, or where the lists say different things of who a photo shows.
absl::StatusOr<Comparisons> CompareProbes(std::istream& probes, std::istream& references);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_COMPARISONS_H_
