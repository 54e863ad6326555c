#include "server/training/embedding_pairs.h"

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "server/errors/errors.h"
#include "server/verification/decision.h"
#include "server/verification/distance.h"

namespace likeness {

std::vector<std::vector<size_t>> PhotosByPerson(absl::Span<const int> people) {
  std::map<int, std::vector<size_t>> photos;
  for (size_t photo = 0; photo < people.size(); ++photo) photos[people[photo]].push_back(photo);
  std::vector<std::vector<size_t>> by_person;
  for (auto& [person, of_person] : photos) by_person.push_back(std::move(of_person));
  return by_person;
}

absl::StatusOr<PeoplePairs> PairsAmong(absl::Span<const std::vector<float>> embeddings, absl::Span<const int> people,
                                       const Cohort* cohort) {
  std::vector<double> crowding;
  for (const std::vector<float>& embedding : embeddings) {
    crowding.push_back(cohort == nullptr ? 0 : cohort->Crowding(embedding));
  }
  const std::vector<std::vector<size_t>> photos = PhotosByPerson(people);
  std::vector<uint32_t> person_of(people.size());
  for (size_t person = 0; person < photos.size(); ++person) {
    for (size_t photo : photos[person]) person_of[photo] = static_cast<uint32_t>(person);
  }
  PeoplePairs pairs = AllPairs(person_of, photos.size());
  auto pair = pairs.pairs.begin();
  for (size_t a = 0; a < embeddings.size(); ++a) {
    for (size_t b = a + 1; b < embeddings.size(); ++b, ++pair) {
      std::optional<PairCrowding> places;
      if (cohort != nullptr) places = PairCrowding{crowding[a], crowding[b], cohort->cap()};
      pair->distance = NormalizedDistance(EuclideanDistance(embeddings[a], embeddings[b]), places);
      if (!std::isfinite(pair->distance)) {
        return MakeError(Reason::NETWORK_FAILED, "the distance between two photos is not a number");
      }
    }
  }
  return pairs;
}

void Append(const PeoplePairs& more, PeoplePairs& pairs) {
  const auto known = static_cast<uint32_t>(pairs.people);
  for (const PeoplePair& pair : more.pairs) {
    pairs.pairs.push_back({pair.distance, pair.person_a + known, pair.person_b + known});
  }
  pairs.people += more.people;
}

}  // namespace likeness
