// A bundle with a linear layer behind its network (docs/bundle.md), as a training of one writes it.
#ifndef LIKENESS_TESTS_SUPPORT_HEADED_BUNDLE_H_
#define LIKENESS_TESTS_SUPPORT_HEADED_BUNDLE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "server/verification/linear_head.h"

namespace likeness {

// A layer that moves every face by a good deal, and does so each time alike; another one for each seed.
LinearHead AnyHead(size_t embedding_size, unsigned seed = 5);

struct HeadedBundle {
  std::string bytes;     // of the sealed file
  std::string manifest;  // its likeness.json
};

// The bundle at `path` with the layer behind its network. Its manifest says so and has no cohort; its operating points
// are those of the network without the layer, so that it has some. Errors are those of Archive.
absl::StatusOr<HeadedBundle> PutHeadBehind(const std::string& path, const LinearHead& head);

}  // namespace likeness

#endif  // LIKENESS_TESTS_SUPPORT_HEADED_BUNDLE_H_
