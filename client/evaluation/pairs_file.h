// Lists of labelled photo pairs in the format of Labeled Faces in the Wild (pairs.txt, pairsDevTest.txt).
//
// The first line is the number of genuine pairs, and of impostor pairs, that follow: `500`. Where the list is divided
// into folds it is the number of folds and of pairs of each kind in each fold: `10 300`. Then, one pair a line, fields
// divided by white space:
//
//   name i j            photos i and j of one person
//   name1 i name2 j     photo i of one person and photo j of another
//
// Photo i of a person is the file name/name_%04d.jpg. Blank lines are ignored.
#ifndef LIKENESS_CLIENT_EVALUATION_PAIRS_FILE_H_
#define LIKENESS_CLIENT_EVALUATION_PAIRS_FILE_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace likeness {

// Two photos, and whether they show the same person.
struct PhotoPair {
  // Paths relative to the folder of the photos.
  std::string photo_a;
  std::string photo_b;
  bool genuine = false;
};

// The pairs of each fold; one fold where the list is not divided.
using PairFolds = std::vector<std::vector<PhotoPair>>;

// Reads a list. INVALID_ARGUMENT, with the number of the line, where it is not in the format or where the pairs of a
// fold are not as many of each kind as the heading says.
absl::StatusOr<PairFolds> ReadPairs(std::istream& in);

// The distinct photos of a list, in the order of their paths.
std::vector<std::string> PhotosOf(const PairFolds& folds);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_PAIRS_FILE_H_
