#include "server/training/trainable_network.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/bundles.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

std::unique_ptr<TrainableNetwork> LoadNetwork(const std::string& path) {
  auto network = TrainableNetwork::Load(*VerifiedBundle::Read(path), Device{}, {});
  EXPECT_THAT(network, IsOk());
  return *std::move(network);
}

// The default network, half of whose embeddings' numbers are dropped at random.
std::string BundleWithDropout() {
  const std::string division =
      "    denom = torch.expand_as(_1, input)\n"
      "    _0 = torch.div(input, denom)\n";
  std::string dropout = "    _0 = torch.dropout(torch.div(input, _1), 0.5, True)";
  dropout.resize(division.size() - 1, ' ');
  const std::string path = UniquePath("dropout.pt");
  WriteFile(path, EditAndSeal(ReadFile(ModelPath("mobilefacenet-192.pt")), division, dropout + "\n"));
  return path;
}

TEST(TrainableNetworkTest, FindsWhetherAPicturesEmbeddingIsItsOwn) {
  EXPECT_TRUE(LoadNetwork(ModelPath("mobilefacenet-192.pt"))->rows_are_independent());
  EXPECT_FALSE(LoadNetwork(ModelPath("siamese-article.pt"))->rows_are_independent()) << "batch norm";
  EXPECT_FALSE(LoadNetwork(BundleWithDropout())->rows_are_independent()) << "dropout";
}

TEST(TrainableNetworkTest, NeedsMemoryForEachPictureThatGoesThroughItAtOnce) {
  const auto network = LoadNetwork(ModelPath("mobilefacenet-192.pt"));
  const auto memory = [&network](size_t pictures_at_once) {
    const auto bytes = network->MeasureMemory(pictures_at_once);
    EXPECT_THAT(bytes, IsOk());
    return static_cast<double>(*bytes);
  };
  const double of_a_picture = (memory(256) - memory(16)) / 240;
  // The outputs of its layers, which backpropagation wants, are 5.5 million numbers for a picture.
  EXPECT_GT(of_a_picture, 5.5e6 * sizeof(float));
  EXPECT_LT(of_a_picture, 2 * 5.5e6 * sizeof(float));
  EXPECT_NEAR(memory(16) - memory(2), 14 * of_a_picture, of_a_picture);
}

TEST(TrainableNetworkTest, NeedsRoomForWeightsGradientsAndWhatTheOptimizerKeeps) {
  constexpr double kWeights = 160'600'000;  // bytes of the article's network, of which a layer has nearly all
  const auto memory = [](OptimizerKind optimizer) {
    const auto network = TrainableNetwork::Load(*VerifiedBundle::Read(ModelPath("siamese-article.pt")), Device{},
                                                {.optimizer = optimizer});
    EXPECT_THAT(network, IsOk());
    const auto bytes = (*network)->MeasureMemory(2);
    EXPECT_THAT(bytes, IsOk());
    return static_cast<double>(*bytes);
  };
  EXPECT_GT(memory(OptimizerKind::kAdam), 4 * kWeights);
  EXPECT_GT(memory(OptimizerKind::kAdam) - memory(OptimizerKind::kSgd), kWeights) << "one number less of each weight";
}

}  // namespace
}  // namespace likeness
