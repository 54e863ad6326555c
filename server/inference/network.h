// A TorchScript network behind plain structs, so that no other room compiles LibTorch's headers.
#ifndef LIKENESS_SERVER_INFERENCE_NETWORK_H_
#define LIKENESS_SERVER_INFERENCE_NETWORK_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace likeness {

// The longest side of a network's input: more would be a slip in the bundle, and no memory could hold it.
inline constexpr int kMaxInputSide = 4096;

// A dense array of numbers, last index fastest.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// Thread-safe: any number of threads may run one network at once, each on one processor core, or on a CUDA device in a
// stream of its own, so that one thread's copies overlap with another's computing.
//
// Frozen and optimised for inference when it is loaded. Every thread that runs it flushes subnormal numbers to zero:
// they make a convolution ten times slower and change nothing that matters.
class Network {
 public:
  class Impl;
  explicit Network(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

  // Runs the network on `input` of the given shape and returns its outputs in order: one tensor, or those of a tuple.
  // NETWORK_FAILED when LibTorch throws.
  absl::StatusOr<std::vector<Tensor>> Run(absl::Span<const float> input, absl::Span<const int64_t> shape) const;

  // Runs the network on zeros until LibTorch has finished specialising it for `shape`.
  absl::Status WarmUp(absl::Span<const int64_t> shape) const;

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_INFERENCE_NETWORK_H_
