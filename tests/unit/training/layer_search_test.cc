#include "server/training/layer_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "server/statistics/synthetic_draw.h"
#include "server/training/embedding_pairs.h"
#include "tests/support/matchers.h"

namespace likeness {
namespace {

using testing::HasSubstr;

constexpr size_t kSize = 16;
constexpr size_t kNoisy = 5;  // the first numbers of an embedding differ between photos of one person
constexpr double kRate = 1e-2;

LabelledFaces Draw(int people, int photos, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  LabelledFaces drawn;
  for (int person = 0; person < people; ++person) {
    std::vector<float> face(kSize);
    for (float& number : face) number = normal(random);
    for (int photo = 0; photo < photos; ++photo) {
      std::vector<float> values = face;
      for (size_t i = 0; i < kNoisy; ++i) values[i] += 1.5F * normal(random);
      float squares = 0;
      for (float value : values) squares += value * value;
      for (float& value : values) value /= std::sqrt(squares);
      drawn.base.push_back(std::move(values));
      drawn.people.push_back(person);
    }
  }
  drawn.active = drawn.base;
  return drawn;
}

// A model that was measured on other people of this kind.
BundleManifest Measured() {
  const LabelledFaces people = Draw(80, 4, 1);
  std::vector<CohortFace> faces;
  for (size_t i = 0; i < people.base.size(); ++i) {
    faces.push_back({people.base[i], static_cast<uint32_t>(people.people[i]), 0, false});
  }
  BundleManifest manifest;
  manifest.embedding_size = kSize;
  manifest.unit_length = true;
  manifest.synthetic_people =
      std::make_shared<const std::vector<SyntheticGroup>>(*DrawSyntheticPeople(faces, {"others"}, {}));
  const PairDistances distances = SortedDistances(*PairsAmong(people.base, people.people, nullptr));
  for (double rate : {kRate, 5 * kRate}) {
    const OperatingPointRates rates = *RatesAtFalseMatchRate(distances, rate);
    OperatingPoint point{.fmr = rate, .distance = rates.distance, .impostor_pairs = 50000, .source = "others"};
    point.groups = {{.name = "others", .fmr = rates.false_match_rate, .fnmr = rates.false_non_match_rate}};
    manifest.operating_points.push_back(point);
  }
  return manifest;
}

absl::StatusOr<std::optional<FoundLayer>> Find(const BundleManifest& base, const LabelledFaces& trained_on,
                                               const LabelledFaces& held_out) {
  const std::optional<Threshold> threshold =
      base.operating_points.empty() ? std::nullopt
                                    : std::optional<Threshold>(*MeasuredThreshold(base.operating_points, kRate));
  return FindLayer({.base = base,
                    .active = base,
                    .threshold = threshold,
                    .target_fmr = kRate,
                    .trained_on = trained_on,
                    .held_out = held_out,
                    .source = "here"},
                   [] { return absl::OkStatus(); });
}

// What a service does to people whom nobody has seen, with a layer or without.
OperatingPointRates OnOthers(const std::vector<OperatingPoint>& points, const LinearHead* layer) {
  const LabelledFaces others = Draw(80, 4, 4);
  const std::vector<std::vector<float>> faces = layer == nullptr ? others.base : layer->ApplyToAll(others.base);
  return *RatesAtThreshold(SortedDistances(*PairsAmong(faces, others.people, nullptr)),
                           MeasuredThreshold(points, kRate)->distance);
}

TEST(LayerSearchTest, FindsALayerThatIsBetterForThePeopleLeftOutAndWorseForNobody) {
  const BundleManifest base = Measured();
  const auto found = Find(base, Draw(60, 4, 2), Draw(20, 4, 3));
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  const FoundLayer& layer = **found;
  const PromotionDecision decision = DecidePromotion(PromotionRule::kIfNotWorse, layer.evidence);
  EXPECT_TRUE(decision.promote) << decision.reason;
  EXPECT_LT(layer.rejected_after, 0.8 * layer.rejected_before);
  EXPECT_LT(layer.choice.shrinkage, 1);
  const OperatingPointRates before = OnOthers(base.operating_points, nullptr);
  const OperatingPointRates after = OnOthers(layer.measurements.operating_points, &layer.layer);
  EXPECT_LT(after.false_non_match_rate, before.false_non_match_rate);
  EXPECT_LE(after.false_match_rate, 2 * kRate);
}

TEST(LayerSearchTest, PromotesNothingToTheHarmOfOthersWhereLabelsAreShuffled) {
  const BundleManifest base = Measured();
  const OperatingPointRates before = OnOthers(base.operating_points, nullptr);
  int refused = 0;
  for (uint32_t seed = 0; seed < 10; ++seed) {
    LabelledFaces shuffled = Draw(40, 4, 10 + seed);
    std::shuffle(shuffled.people.begin(), shuffled.people.end(), std::mt19937(seed));
    const auto found = Find(base, shuffled, Draw(10, 4, 20 + seed));
    ASSERT_THAT(found, IsOk());
    if (!found->has_value() || !DecidePromotion(PromotionRule::kIfNotWorse, (*found)->evidence).promote) {
      ++refused;
      continue;
    }
    const OperatingPointRates after = OnOthers((*found)->measurements.operating_points, &(*found)->layer);
    EXPECT_LE(after.false_non_match_rate, 1.1 * before.false_non_match_rate) << seed;
    EXPECT_LE(after.false_match_rate, 2 * kRate) << seed;
  }
  EXPECT_GE(refused, 5);
}

TEST(LayerSearchTest, ShowsWhatTheMostTellingLayerCostsWhereNoneMayBePromoted) {
  BundleManifest base = Measured();
  base.operating_points[0].groups[0].fnmr = 0;  // others are never rejected, so that every layer is worse for them
  base.operating_points[1].groups[0].fnmr = 0;
  LabelledFaces everybody = Draw(60, 4, 2);
  LabelledFaces nobody;
  const auto found = Find(base, everybody, nobody);
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->evidence.before.groups.size(), 2) << "in cross-validation, and the others";
}

TEST(LayerSearchTest, MeasuresThoseLeftOutWhereTheBaseBringsNothingAlong) {
  BundleManifest base = Measured();
  base.synthetic_people = nullptr;
  base.operating_points.clear();
  const auto found = Find(base, Draw(60, 4, 2), Draw(20, 4, 3));
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  ASSERT_FALSE((*found)->measurements.operating_points.empty());
  EXPECT_EQ((*found)->measurements.operating_points[0].source, "here");
  EXPECT_FALSE((*found)->evidence.before.threshold.has_value());
}

TEST(LayerSearchTest, SaysHowManyPeopleAreMissingWhereNothingCanBeMeasured) {
  BundleManifest base = Measured();
  base.synthetic_people = nullptr;
  base.operating_points.clear();
  const auto found = Find(base, Draw(12, 2, 2), {});
  ASSERT_THAT(found, IsOk());
  if (!found->has_value()) return;  // so few may teach nothing at all
  EXPECT_THAT(DecidePromotion(PromotionRule::kAlways, (*found)->evidence).reason, HasSubstr("more people"));
}

TEST(LayerSearchTest, EndsWhenItIsToldTo) {
  const BundleManifest base = Measured();
  const LabelledFaces people = Draw(20, 3, 2);
  const std::optional<Threshold> threshold = *MeasuredThreshold(base.operating_points, kRate);
  EXPECT_EQ(FindLayer({.base = base,
                       .active = base,
                       .threshold = threshold,
                       .target_fmr = kRate,
                       .trained_on = people,
                       .held_out = people,
                       .source = ""},
                      [] { return absl::CancelledError(); })
                .status()
                .code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace likeness
