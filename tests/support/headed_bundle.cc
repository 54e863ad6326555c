#include "tests/support/headed_bundle.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>
#include <vector>

#include "server/inference/archive.h"
#include "server/seal/seal.h"

namespace likeness {

LinearHead AnyHead(size_t embedding_size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  const float spread = 1 / std::sqrt(static_cast<float>(embedding_size));
  std::vector<float> mean(embedding_size);
  for (float& number : mean) number = 0.2F * spread * normal(random);
  std::vector<float> matrix(embedding_size * embedding_size);
  for (float& number : matrix) number = 0.3F * spread * normal(random);
  for (size_t i = 0; i < embedding_size; ++i) matrix[i * embedding_size + i] += 1;
  return *LinearHead::Create(std::move(mean), matrix);
}

absl::StatusOr<HeadedBundle> PutHeadBehind(const std::string& path, const LinearHead& head) {
  const absl::StatusOr<Archive> base = Archive::Open(path, Device{});
  if (!base.ok()) return base.status();
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(base->manifest());
  manifest["name"] = manifest["name"].get<std::string>() + "-headed";
  manifest["cohort"] = nullptr;
  manifest["head"] = {{"base_network", ModelDigest{base->network_digest()}.Hex()},
                      {"mean", std::vector<float>(head.mean().begin(), head.mean().end())},
                      {"matrix", EncodeMatrix(head.matrix())}};
  HeadedBundle headed{"", manifest.dump()};
  absl::StatusOr<std::string> archive = base->SaveWithHead(head, headed.manifest);
  if (!archive.ok()) return archive.status();
  absl::StatusOr<std::string> sealed = SealArchive(*std::move(archive));
  if (!sealed.ok()) return sealed.status();
  headed.bytes = *std::move(sealed);
  return headed;
}

}  // namespace likeness
