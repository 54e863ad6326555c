#include "server/models/embedding_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "absl/status/statusor.h"
#include "server/encoding/crop_kind.h"
#include "server/image/picture.h"
#include "server/telemetry/log.h"
#include "server/verification/distance.h"

namespace likeness {
namespace {

// Far below what a decision turns on, far above what rounding comes to.
constexpr double kSamePoint = 1e-3;
constexpr double kNoPoint = std::numeric_limits<double>::infinity();

Picture Noise(int width, int height, uint32_t seed) {
  std::mt19937 random(seed);
  Picture picture{width, height, {}};
  picture.rgb.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  for (uint8_t& value : picture.rgb) value = static_cast<uint8_t>(random() & 0xff);
  return picture;
}

// Red grows to the right, green downward, and blue the other way.
Picture Gradient(int width, int height) {
  Picture picture{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto red = static_cast<uint8_t>(255 * x / width);
      const auto green = static_cast<uint8_t>(255 * y / height);
      picture.rgb.insert(picture.rgb.end(), {red, green, static_cast<uint8_t>(255 - red)});
    }
  }
  return picture;
}

// What the bundles say.
std::optional<EmbeddingMap> ClaimedMap(const Embedder& from, const Embedder& to) {
  const std::optional<NetworkDigest> network_from = from.network();
  const std::optional<NetworkDigest> network_to = to.network();
  if (!network_from.has_value() || !network_to.has_value()) return std::nullopt;
  const std::shared_ptr<const BundleHead>& head_from = from.manifest().head;
  const std::shared_ptr<const BundleHead>& head_to = to.manifest().head;
  const auto is_behind = [](const std::shared_ptr<const BundleHead>& head, const std::optional<NetworkDigest>& base) {
    return head != nullptr && head->base.has_value() && head->base == base;
  };
  if (network_from == network_to) return EmbeddingMap(nullptr, nullptr);
  if (is_behind(head_to, network_from)) return EmbeddingMap(nullptr, head_to);
  if (is_behind(head_from, network_to)) return EmbeddingMap(head_from, nullptr);
  if (head_from != nullptr && is_behind(head_to, head_from->base)) return EmbeddingMap(head_from, head_to);
  return std::nullopt;
}

// How far what becomes of an embedding by `from` is from that by `to`, at most.
absl::StatusOr<double> LargestError(const EmbeddingMap& map, const Embedder& from, const Embedder& to) {
  const int width = to.manifest().input_width;
  const int height = to.manifest().input_height;
  const std::vector<Picture> crops = {Noise(width, height, 1), Noise(width, height, 2), Gradient(width, height)};
  const absl::StatusOr<std::vector<Embedding>> before = from.Embed(crops);
  if (!before.ok()) return before.status();
  const absl::StatusOr<std::vector<Embedding>> after = to.Embed(crops);
  if (!after.ok()) return after.status();
  double largest = 0;
  for (size_t i = 0; i < crops.size(); ++i) {
    const std::vector<float> mapped = map.Map((*before)[i].values);
    const std::vector<float>& right = (*after)[i].values;
    const double error = mapped.size() == right.size() ? EuclideanDistance(mapped, right) : kNoPoint;
    largest = std::isfinite(error) ? std::max(largest, error) : kNoPoint;
  }
  return largest;
}

}  // namespace

std::vector<float> EmbeddingMap::Map(absl::Span<const float> embedding) const {
  std::vector<float> mapped(embedding.begin(), embedding.end());
  if (taken_away_ != nullptr) mapped = taken_away_->layer.Undo(mapped);
  if (put_on_ != nullptr) mapped = put_on_->layer.Apply(mapped);
  return mapped;
}

bool MayBeMapped(const BundleManifest& from, const BundleManifest& to) {
  return CropKindOf(from) == CropKindOf(to) && from.input_width == to.input_width &&
         from.input_height == to.input_height && from.input.mean == to.input.mean && from.input.std == to.input.std &&
         from.embedding_size == to.embedding_size && from.unit_length == to.unit_length;
}

std::optional<EmbeddingMap> MapBetween(const Embedder& from, const Embedder& to) {
  if (!MayBeMapped(from.manifest(), to.manifest())) return std::nullopt;
  std::optional<EmbeddingMap> map = ClaimedMap(from, to);
  if (!map.has_value()) return std::nullopt;
  const absl::StatusOr<double> error = LargestError(*map, from, to);
  if (error.ok() && *error <= kSamePoint) return map;
  Log(LogLevel::kWarning, "map_refused",
      {{"from", from.digest().Hex()},
       {"to", to.digest().Hex()},
       {"message", error.ok() ? "the networks do not differ by the layers that the bundles say; crops are needed"
                              : std::string(error.status().message())}});
  return std::nullopt;
}

}  // namespace likeness
