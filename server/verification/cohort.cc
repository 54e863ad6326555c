#include "server/verification/cohort.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/verification/wide_vectors.h"

namespace likeness {
namespace {

constexpr float kLargestByte = 127;

// Several sums side by side, so that the compiler can add them at once. A cohort is looked at in every Verify.
LIKENESS_WIDE_VECTORS float Dot(const float* a, const float* b, size_t size) {
  constexpr size_t kLanes = 16;
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float sum = 0;
  for (; i < size; ++i) sum += a[i] * b[i];
  for (float lane_sum : sums) sum += lane_sum;
  return sum;
}

absl::Status CheckDescription(const CohortDescription& description, size_t centroids) {
  if (description.nearest < 1 || static_cast<size_t>(description.nearest) > centroids) {
    return absl::InvalidArgumentError(absl::StrCat("the cohort's nearest is not 1 to ", centroids));
  }
  if (!std::isfinite(description.cap) || description.cap <= 0) {
    return absl::InvalidArgumentError("the cohort's cap is not a number above 0");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Cohort> Cohort::Create(absl::Span<const float> centroids, size_t size, CohortDescription description) {
  if (size == 0 || centroids.empty() || centroids.size() % size != 0) {
    return absl::InvalidArgumentError("the cohort's centroids are not as long as the embedding");
  }
  if (absl::Status status = CheckDescription(description, centroids.size() / size); !status.ok()) return status;
  std::vector<float> values(centroids.begin(), centroids.end());
  for (size_t begin = 0; begin < values.size(); begin += size) {
    double square = 0;
    for (size_t i = begin; i < begin + size; ++i) square += static_cast<double>(values[i]) * values[i];
    const double length = std::sqrt(square);
    if (!std::isfinite(length) || length <= 0) {
      return absl::InvalidArgumentError("a centroid of the cohort has no direction");
    }
    for (size_t i = begin; i < begin + size; ++i) values[i] = static_cast<float>(values[i] / length);
  }
  return Cohort(std::move(values), size, std::move(description));
}

double Cohort::Crowding(absl::Span<const float> embedding) const {
  if (embedding.size() != size_) return NAN;
  std::vector<float> cosines(centroids());
  for (size_t i = 0; i < cosines.size(); ++i) cosines[i] = Dot(embedding.data(), values_.data() + i * size_, size_);
  if (std::any_of(cosines.begin(), cosines.end(), [](float cosine) { return std::isnan(cosine); })) return NAN;
  const auto nearest = cosines.begin() + description_.nearest;
  std::nth_element(cosines.begin(), nearest - 1, cosines.end(), std::greater<>());
  double sum = 0;
  // Between unit vectors the squared distance is 2 − 2 cos.
  std::for_each(cosines.begin(), nearest,
                [&sum](float cosine) { sum += std::sqrt(std::max(0.0, 2 - 2 * static_cast<double>(cosine))); });
  return std::min(sum / description_.nearest, description_.cap);
}

std::string EncodeDirections(absl::Span<const float> directions, size_t size) {
  std::string bytes;
  for (size_t begin = 0; begin < directions.size(); begin += size) {
    float largest = 0;
    for (float value : directions.subspan(begin, size)) largest = std::max(largest, std::abs(value));
    for (float value : directions.subspan(begin, size)) {
      bytes.push_back(static_cast<char>(std::lround(value / largest * kLargestByte)));
    }
  }
  return absl::Base64Escape(bytes);
}

absl::StatusOr<std::vector<float>> DecodeDirections(const std::string& text, size_t size) {
  std::string bytes;
  if (size == 0 || !absl::Base64Unescape(text, &bytes)) {
    return absl::InvalidArgumentError("the directions are no base64");
  }
  if (bytes.empty() || bytes.size() % size != 0) {
    return absl::InvalidArgumentError("the directions are not as long as the embedding");
  }
  std::vector<float> directions;
  directions.reserve(bytes.size());
  for (char byte : bytes) directions.push_back(static_cast<float>(static_cast<signed char>(byte)));
  return directions;
}

}  // namespace likeness
