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
#include "client/evaluation/photo_groups.h"
#include "client/photo_folder/photo_folder.h"

namespace likeness {

// A photo of somebody.
struct KnownPhoto {
  std::string path;       // below the folder of the photos; in a named folder, with its name before it
  uint32_t person = 0;    // number of who it shows
  std::string file = {};  // to read it from
};

// Two of the photos, by number.
struct Comparison {
  uint32_t a = 0;
  uint32_t b = 0;
};

// Photos of a group of people, one after the other: photos[begin] to photos[end - 1].
struct PhotoRange {
  std::string name;
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct Comparisons {
  uint32_t people = 0;             // every person's number is below it
  std::vector<KnownPhoto> photos;  // no path twice
  // Which photos are compared; where `every_pair` is set, each with every other one of its group, and `listed` is
  // empty.
  bool every_pair = false;
  std::vector<Comparison> listed;
  // Where the list is divided into folds: how many of `listed` each has, in order. Else empty.
  std::vector<size_t> folds;
  // Not empty, one after the other, together all photos; none where people are not told apart.
  std::vector<PhotoRange> groups;
};

// What is compared among itself where `every_pair` is set: the groups, or all photos.
std::vector<PhotoRange> ComparedRanges(const Comparisons& comparisons);

// Calls `visit(a, b)` with the numbers of two photos for each comparison, in order.
template <typename Visit>
void ForEachComparison(const Comparisons& comparisons, Visit visit) {
  for (const Comparison& listed : comparisons.listed) visit(listed.a, listed.b);
  if (!comparisons.every_pair) return;
  for (const PhotoRange& range : ComparedRanges(comparisons)) {
    for (uint32_t a = range.begin; a < range.end; ++a) {
      for (uint32_t b = a + 1; b < range.end; ++b) visit(a, b);
    }
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

// Every pair of the photos of one group, of the people whose folders' names are in `part`. A group without anybody in
// it is left out. Pairs across groups are not compared: an error rate that holds for a group is of people who are hard
// to tell apart, and strangers of different groups are easier. INVALID_ARGUMENT where there are no photos.
absl::StatusOr<Comparisons> CompareGroups(const std::vector<PhotoGroup>& groups, const PeoplePart& part);

// Every probe with every reference; a photo is not compared with itself. Each line of either list is the name of a
// person and the path of a photo, divided by white space. INVALID_ARGUMENT, with the number of the line, where it is
// not, or where the lists say different things of who a photo shows.
absl::StatusOr<Comparisons> CompareProbes(std::istream& probes, std::istream& references);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_COMPARISONS_H_
