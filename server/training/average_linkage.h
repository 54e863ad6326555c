// Divides photos in two by how near they are to each other.
#ifndef LIKENESS_SERVER_TRAINING_AVERAGE_LINKAGE_H_
#define LIKENESS_SERVER_TRAINING_AVERAGE_LINKAGE_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"

namespace likeness {

// The last two clusters of agglomerative clustering with average linkage (UPGMA; R. Sokal, C. Michener 1958): the
// larger one first, of equal ones that with the first item. Items keep their order. At least two items. Pure; time goes
// by the cube of the items, memory by their square.
std::pair<std::vector<size_t>, std::vector<size_t>> DivideInTwo(const std::vector<size_t>& items,
                                                                absl::FunctionRef<double(size_t, size_t)> distance);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_AVERAGE_LINKAGE_H_
