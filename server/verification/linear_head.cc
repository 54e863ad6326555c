#include "server/verification/linear_head.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kLargestUnit = 32767;
// A matrix that is worse conditioned than this cannot be undone in single precision.
constexpr double kWorstCondition = 1e4;

bool AllFinite(absl::Span<const float> numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](float number) { return std::isfinite(number); });
}

Eigen::Map<const Matrix> AsMatrix(const std::vector<float>& numbers, size_t n) {
  return {numbers.data(), static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n)};
}

Eigen::Map<const Eigen::VectorXf> AsVector(absl::Span<const float> numbers) {
  return {numbers.data(), static_cast<Eigen::Index>(numbers.size())};
}

std::vector<int16_t> Units(absl::Span<const float> matrix) {
  double largest = 0;
  for (float number : matrix) largest = std::max(largest, std::abs(static_cast<double>(number)));
  std::vector<int16_t> units;
  units.reserve(matrix.size());
  for (float number : matrix) units.push_back(static_cast<int16_t>(std::lround(number / largest * kLargestUnit)));
  return units;
}

float FromUnit(int16_t unit) { return static_cast<float>(unit / kLargestUnit); }

std::vector<float> NotANumber(size_t n) { return std::vector<float>(n, std::numeric_limits<float>::quiet_NaN()); }

std::vector<float> ToPlain(const Eigen::VectorXf& vector) { return {vector.data(), vector.data() + vector.size()}; }

}  // namespace

absl::StatusOr<LinearHead> LinearHead::Create(std::vector<float> mean, absl::Span<const float> matrix) {
  const size_t n = mean.size();
  if (n == 0 || matrix.size() != n * n) {
    return absl::InvalidArgumentError(absl::StrCat("the head's matrix is not ", n, "x", n, ", as its mean is long"));
  }
  if (!AllFinite(mean) || !AllFinite(matrix)) return absl::InvalidArgumentError("a number of the head is not finite");
  if (AsVector(mean).norm() >= 1) return absl::InvalidArgumentError("the head's mean is not shorter than 1");
  if (std::all_of(matrix.begin(), matrix.end(), [](float number) { return number == 0; })) {
    return absl::InvalidArgumentError("the head's matrix is 0");
  }
  std::vector<float> rounded;
  rounded.reserve(matrix.size());
  for (int16_t unit : Units(matrix)) rounded.push_back(FromUnit(unit));

  const Eigen::MatrixXd exact = AsMatrix(rounded, n).cast<double>();
  const Eigen::PartialPivLU<Eigen::MatrixXd> decomposed(exact);
  if (!(decomposed.rcond() > 1 / kWorstCondition)) {
    return absl::InvalidArgumentError("the head's matrix cannot be inverted");
  }
  const Matrix undo = decomposed.inverse().cast<float>();
  return LinearHead(std::move(mean), std::move(rounded), {undo.data(), undo.data() + undo.size()});
}

std::vector<float> LinearHead::Apply(absl::Span<const float> embedding) const {
  if (embedding.size() != size()) return NotANumber(size());
  Eigen::VectorXf moved = AsMatrix(matrix_, size()) * (AsVector(embedding) - AsVector(mean_));
  moved /= moved.norm();
  return moved.allFinite() ? ToPlain(moved) : NotANumber(size());
}

std::vector<std::vector<float>> LinearHead::ApplyToAll(absl::Span<const std::vector<float>> embeddings) const {
  std::vector<std::vector<float>> moved;
  moved.reserve(embeddings.size());
  for (const std::vector<float>& embedding : embeddings) moved.push_back(Apply(embedding));
  return moved;
}

std::vector<float> LinearHead::Undo(absl::Span<const float> embedding) const {
  if (embedding.size() != size()) return NotANumber(size());
  // x = mean + s·u with u = M⁻¹ y and the one s > 0 at which x has unit length; there is one because the mean is
  // shorter than that.
  const Eigen::VectorXf u = AsMatrix(inverse_, size()) * AsVector(embedding);
  const Eigen::Map<const Eigen::VectorXf> mean = AsVector(mean_);
  const double along = mean.cast<double>().dot(u.cast<double>());
  const double square = u.cast<double>().squaredNorm();
  const double rest = 1 - mean.cast<double>().squaredNorm();
  const double s = (std::sqrt(along * along + square * rest) - along) / square;
  Eigen::VectorXf undone = mean + static_cast<float>(s) * u;
  undone /= undone.norm();
  return undone.allFinite() ? ToPlain(undone) : NotANumber(size());
}

std::string EncodeMatrix(absl::Span<const float> matrix) {
  std::string bytes;
  bytes.reserve(2 * matrix.size());
  for (int16_t unit : Units(matrix)) {
    const auto bits = static_cast<uint16_t>(unit);
    bytes.push_back(static_cast<char>(bits & 0xff));
    bytes.push_back(static_cast<char>(bits >> 8));
  }
  return absl::Base64Escape(bytes);
}

absl::StatusOr<std::vector<float>> DecodeMatrix(const std::string& text, size_t n) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes)) return absl::InvalidArgumentError("the head's matrix is no base64");
  if (bytes.size() != 2 * n * n) {
    return absl::InvalidArgumentError(
        absl::StrCat("the head's matrix is not ", n, "x", n, ", as the embedding is long"));
  }
  std::vector<float> matrix;
  matrix.reserve(n * n);
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const auto low = static_cast<unsigned char>(bytes[i]);
    const auto high = static_cast<unsigned char>(bytes[i + 1]);
    matrix.push_back(FromUnit(static_cast<int16_t>(static_cast<uint16_t>(low | (high << 8)))));
  }
  return matrix;
}

}  // namespace likeness
