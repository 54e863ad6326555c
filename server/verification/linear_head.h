// A linear layer behind an embedding network.
//
// A network is trained once, on people who may not be those that it is used for. One matrix behind it, found in closed
// form from some hundred people's embeddings (server/training/head_fit.h), moves what tells these people apart to the
// front and what photos of one person differ by to the back, and because it is a matrix, embeddings that are stored
// need no photo to follow: they are multiplied.
//
//   y = M (x − mean), scaled to unit length
//
//   const absl::StatusOr<LinearHead> head = LinearHead::Create(mean, matrix);
//   const std::vector<float> moved = head->Apply(embedding.values);
#ifndef LIKENESS_SERVER_VERIFICATION_LINEAR_HEAD_H_
#define LIKENESS_SERVER_VERIFICATION_LINEAR_HEAD_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace likeness {

// Immutable, thread-safe.
class LinearHead {
 public:
  // `mean` has n numbers, and lies inside the unit sphere; `matrix` has n rows of n numbers, one after the other, and
  // can be inverted. INVALID_ARGUMENT otherwise, or where a number is not finite. The matrix is rounded to what
  // EncodeMatrix() keeps, so that a head is the same before it is written and after it was read.
  static absl::StatusOr<LinearHead> Create(std::vector<float> mean, absl::Span<const float> matrix);

  // What the head makes of an embedding of unit length, and of which embedding it makes one: both of unit length, NaN
  // where the embedding has no size() finite numbers or no direction is left.
  std::vector<float> Apply(absl::Span<const float> embedding) const;
  std::vector<float> Undo(absl::Span<const float> embedding) const;
  // Apply() of each.
  std::vector<std::vector<float>> ApplyToAll(absl::Span<const std::vector<float>> embeddings) const;

  size_t size() const { return mean_.size(); }
  absl::Span<const float> mean() const { return mean_; }
  // Row after row; its largest number is 1 or −1.
  absl::Span<const float> matrix() const { return matrix_; }

 private:
  LinearHead(std::vector<float> mean, std::vector<float> matrix, std::vector<float> inverse)
      : mean_(std::move(mean)), matrix_(std::move(matrix)), inverse_(std::move(inverse)) {}

  std::vector<float> mean_;
  std::vector<float> matrix_;
  std::vector<float> inverse_;
};

// A matrix as a bundle holds it (docs/bundle.md): base64 of signed 16-bit numbers, the low byte first, in units of
// 1/32767 of the largest, which is all that counts because what comes of it is scaled to unit length.
std::string EncodeMatrix(absl::Span<const float> matrix);
// INVALID_ARGUMENT where it is no base64 or not of n × n numbers.
absl::StatusOr<std::vector<float>> DecodeMatrix(const std::string& text, size_t n);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_LINEAR_HEAD_H_
