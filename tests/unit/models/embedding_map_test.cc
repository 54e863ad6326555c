#include "server/models/embedding_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "server/errors/errors.h"
#include "tests/support/fake_embedder.h"

namespace likeness {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

using Embed = std::function<absl::StatusOr<std::vector<float>>(const Picture&)>;

NetworkDigest NetworkNamed(uint8_t name) {
  NetworkDigest digest;
  digest.fill(name);
  return digest;
}

// A direction that differs from picture to picture.
absl::StatusOr<std::vector<float>> Direction(const Picture& crop) {
  std::vector<float> values = MeanColour(crop);
  double squares = 0;
  for (float& value : values) squares += value * value;
  for (float& value : values) value /= static_cast<float>(std::sqrt(squares));
  return values;
}

std::shared_ptr<const BundleHead> Head(const std::vector<float>& matrix, std::optional<NetworkDigest> base) {
  return std::make_shared<const BundleHead>(BundleHead{*LinearHead::Create({0.1F, 0, 0.2F}, matrix), base});
}

std::shared_ptr<const BundleHead> Stretch(std::optional<NetworkDigest> base) {
  return Head({1, 0, 0, 0, 0.5F, 0, 0, 0.25F, 0.25F}, base);
}

std::shared_ptr<const BundleHead> Turn(std::optional<NetworkDigest> base) {
  return Head({0, 1, 0, 1, 0, 0, 0, 0.5F, 1}, base);
}

std::unique_ptr<FakeEmbedder> Model(NetworkDigest network, const std::shared_ptr<const BundleHead>& head = nullptr) {
  auto model = std::make_unique<FakeEmbedder>();
  model->mutable_manifest().unit_length = true;
  model->mutable_manifest().head = head;
  model->set_network(network);
  model->embed = [head](const Picture& crop) -> absl::StatusOr<std::vector<float>> {
    return head == nullptr ? Direction(crop) : absl::StatusOr<std::vector<float>>(head->layer.Apply(*Direction(crop)));
  };
  return model;
}

const NetworkDigest kBase = NetworkNamed(1);

TEST(EmbeddingMapTest, TheSameNetworkMeasuredAgainNeedsNothingDone) {
  const auto map = MapBetween(*Model(kBase), *Model(kBase));
  ASSERT_TRUE(map.has_value());
  EXPECT_THAT(map->Map({0.6F, 0, 0.8F}), ElementsAre(0.6F, 0, 0.8F));
}

TEST(EmbeddingMapTest, ALayerBehindTheNetworkIsPutOn) {
  const auto head = Stretch(kBase);
  const auto map = MapBetween(*Model(kBase), *Model(NetworkNamed(2), head));
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->Map({0.6F, 0, 0.8F}), head->layer.Apply({0.6F, 0, 0.8F}));
}

TEST(EmbeddingMapTest, TheWayBackTakesTheLayerAway) {
  const auto head = Stretch(kBase);
  const auto map = MapBetween(*Model(NetworkNamed(2), head), *Model(kBase));
  ASSERT_TRUE(map.has_value());
  EXPECT_THAT(map->Map(head->layer.Apply({0.6F, 0, 0.8F})),
              ElementsAre(FloatNear(0.6F, 1e-5F), FloatNear(0, 1e-5F), FloatNear(0.8F, 1e-5F)));
}

TEST(EmbeddingMapTest, OneLayerTakesThePlaceOfAnother) {
  const auto first = Stretch(kBase);
  const auto second = Turn(kBase);
  const auto map = MapBetween(*Model(NetworkNamed(2), first), *Model(NetworkNamed(3), second));
  ASSERT_TRUE(map.has_value());
  const std::vector<float> right = second->layer.Apply({0.6F, 0, 0.8F});
  EXPECT_THAT(map->Map(first->layer.Apply({0.6F, 0, 0.8F})),
              ElementsAre(FloatNear(right[0], 1e-5F), FloatNear(right[1], 1e-5F), FloatNear(right[2], 1e-5F)));
}

TEST(EmbeddingMapTest, ThereIsNoneBetweenNetworksThatSayNothingOfEachOther) {
  EXPECT_FALSE(MapBetween(*Model(kBase), *Model(NetworkNamed(2))).has_value());
  EXPECT_FALSE(MapBetween(*Model(kBase), *Model(NetworkNamed(2), Stretch(NetworkNamed(9)))).has_value());
  EXPECT_FALSE(MapBetween(*Model(kBase), *Model(NetworkNamed(2), Stretch(std::nullopt))).has_value());
  EXPECT_FALSE(MapBetween(*Model(NetworkNamed(2), Stretch(std::nullopt)), *Model(NetworkNamed(3), Turn(std::nullopt)))
                   .has_value())
      << "two that do not say whose layer they are";
  FakeEmbedder without_digest;
  EXPECT_FALSE(MapBetween(without_digest, without_digest).has_value());
}

TEST(EmbeddingMapTest, ThereIsNoneBetweenModelsThatSeeAPhotoDifferently) {
  const auto base = Model(kBase);
  const std::vector<std::function<void(BundleManifest&)>> changes = {
      [](BundleManifest& manifest) { manifest.alignment = Alignment::kArcFace112; },
      [](BundleManifest& manifest) { manifest.input_width = 9; },
      [](BundleManifest& manifest) { manifest.input.mean[0] = 1; },
      [](BundleManifest& manifest) { manifest.input.std[2] = 1; },
      [](BundleManifest& manifest) { manifest.embedding_size = 4; },
      [](BundleManifest& manifest) { manifest.unit_length = false; },
  };
  for (const auto& change : changes) {
    const auto other = Model(kBase);
    change(other->mutable_manifest());
    EXPECT_FALSE(MapBetween(*base, *other).has_value());
  }
}

// A bundle is written by anybody.
TEST(EmbeddingMapTest, ALayerThatTheNetworkDoesNotHaveIsNotBelieved) {
  const auto base = Model(kBase);
  const auto liar = Model(NetworkNamed(2), Stretch(kBase));
  liar->mutable_manifest().head = Turn(kBase);
  EXPECT_FALSE(MapBetween(*base, *liar).has_value());
  EXPECT_FALSE(MapBetween(*liar, *base).has_value());
  const auto other = Model(kBase);
  other->embed = [](const Picture&) { return std::vector<float>{0, 0, 1}; };
  EXPECT_FALSE(MapBetween(*base, *other).has_value()) << "not even where it has the same digest";
}

TEST(EmbeddingMapTest, ANetworkThatFailsOrMakesNoNumbersHasNone) {
  const auto base = Model(kBase);
  const Embed fails = [](const Picture&) { return MakeError(Reason::NETWORK_FAILED, "out of memory"); };
  const Embed makes_no_number = [](const Picture&) { return std::vector<float>{NAN, 0, 1}; };
  const Embed makes_too_few = [](const Picture&) { return std::vector<float>{1, 0}; };
  for (const Embed& embed : {fails, makes_no_number, makes_too_few}) {
    const auto broken = Model(kBase);
    broken->embed = embed;
    EXPECT_FALSE(MapBetween(*base, *broken).has_value());
    EXPECT_FALSE(MapBetween(*broken, *base).has_value());
  }
}

}  // namespace
}  // namespace likeness
