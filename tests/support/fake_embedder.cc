#include "tests/support/fake_embedder.h"

#include <array>

namespace likeness {

std::vector<float> MeanColour(const Picture& crop) {
  std::array<double, 3> sums{};
  for (size_t i = 0; i < crop.rgb.size(); ++i) sums[i % 3] += crop.rgb[i];
  std::vector<float> mean;
  for (double sum : sums) mean.push_back(static_cast<float>(sum * 3 / (255.0 * static_cast<double>(crop.rgb.size()))));
  return mean;
}

FakeEmbedder::FakeEmbedder() {
  manifest_.name = "mean-colour";
  manifest_.version = "1.0.0";
  manifest_.input_width = 8;
  manifest_.input_height = 8;
  manifest_.input = {{0, 0, 0}, {255, 255, 255}};
  manifest_.alignment = Alignment::kNone;
  manifest_.embedding_size = 3;
  manifest_.margin = 1;
  digest_.bytes.fill(0xAB);
}

absl::StatusOr<std::vector<Embedding>> FakeEmbedder::Embed(absl::Span<const Picture> crops) const {
  std::vector<Embedding> embeddings;
  for (const Picture& crop : crops) {
    ++calls_;
    absl::StatusOr<std::vector<float>> values = embed(crop);
    if (!values.ok()) return values.status();
    embeddings.push_back(Embedding{digest_, *std::move(values)});
  }
  return embeddings;
}

}  // namespace likeness
