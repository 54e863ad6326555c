#include "server/training/pair_sampler.h"

#include <map>
#include <utility>

#include "server/errors/errors.h"
#include "server/statistics/seeded_random.h"

namespace likeness {
namespace {

// Two different numbers below `bound`, which is at least 2.
std::pair<size_t, size_t> TwoBelow(SeededRandom& random, size_t bound) {
  const size_t first = random.Below(bound);
  const size_t second = random.Below(bound - 1);
  return {first, second < first ? second : second + 1};
}

FacePair DrawGenuine(SeededRandom& random, const std::vector<size_t>& photos) {
  const auto [a, b] = TwoBelow(random, photos.size());
  return {photos[a], photos[b], /*genuine=*/true};
}

FacePair DrawImpostor(SeededRandom& random, const std::vector<std::vector<size_t>>& photos) {
  const auto [a, b] = TwoBelow(random, photos.size());
  const size_t photo_a = photos[a][random.Below(photos[a].size())];
  const size_t photo_b = photos[b][random.Below(photos[b].size())];
  return {photo_a, photo_b, /*genuine=*/false};
}

}  // namespace

absl::StatusOr<PairSampler> PairSampler::Create(absl::Span<const int> people, uint64_t seed) {
  std::map<int, std::vector<size_t>> photos;
  for (size_t photo = 0; photo < people.size(); ++photo) photos[people[photo]].push_back(photo);
  if (photos.size() < 2) return MakeError(Reason::FIELD_INVALID, "training needs photos of two people or more");
  PairSampler sampler;
  sampler.seed_ = seed;
  for (auto& [person, of_person] : photos) {
    if (of_person.size() >= 2) sampler.people_with_two_.push_back(sampler.photos_.size());
    sampler.photos_.push_back(std::move(of_person));
  }
  if (sampler.people_with_two_.empty()) {
    return MakeError(Reason::FIELD_INVALID, "training needs a person with two photos or more");
  }
  return sampler;
}

std::vector<FacePair> PairSampler::Draw(int epoch, int count) const {
  SeededRandom random(seed_, RandomPurpose::kPairs, static_cast<uint64_t>(epoch));
  std::vector<FacePair> pairs;
  pairs.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    if (i % 2 == 0) {
      pairs.push_back(DrawGenuine(random, photos_[people_with_two_[random.Below(people_with_two_.size())]]));
    } else {
      pairs.push_back(DrawImpostor(random, photos_));
    }
  }
  return pairs;
}

}  // namespace likeness
