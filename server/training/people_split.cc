#include "server/training/people_split.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/statistics/seeded_random.h"

namespace likeness {
namespace {

constexpr double kLargestShare = 0.9;
constexpr size_t kLeastStrangers = 2;
constexpr size_t kLeastTrainedOn = 2;

absl::StatusOr<PeopleSplit> Split(const std::set<std::string>& people, std::set<std::string> strangers,
                                  absl::string_view field) {
  PeopleSplit split;
  std::set_difference(people.begin(), people.end(), strangers.begin(), strangers.end(),
                      std::inserter(split.trained_on, split.trained_on.end()));
  if (split.trained_on.size() < kLeastTrainedOn) {
    return InvalidField(field, absl::StrCat("of ", people.size(), " people, ", strangers.size(),
                                            " are held out: at least ", kLeastTrainedOn, " must remain to train on"));
  }
  split.strangers = std::move(strangers);
  return split;
}

}  // namespace

absl::StatusOr<PeopleSplit> HoldOutPeople(const std::set<std::string>& people,
                                          const std::set<std::string>& held_out_people) {
  if (!std::includes(people.begin(), people.end(), held_out_people.begin(), held_out_people.end())) {
    return InvalidField("held_out_people", "there is no photo of a person to be held out");
  }
  return Split(people, held_out_people, "held_out_people");
}

absl::StatusOr<PeopleSplit> HoldOutShare(const std::set<std::string>& people, double share, uint64_t seed) {
  if (!(share >= 0 && share <= kLargestShare)) {
    return InvalidField("held_out_share", absl::StrCat("must lie in 0 to ", kLargestShare));
  }
  std::vector<std::string> order(people.begin(), people.end());
  SeededRandom(seed, RandomPurpose::kPeopleSplit).Shuffle(order);
  size_t count = 0;
  if (share > 0) {
    const auto rounded = static_cast<size_t>(std::lround(share * static_cast<double>(people.size())));
    count = std::min(std::max(rounded, kLeastStrangers), people.size());
  }
  return Split(people, {order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count)}, "held_out_share");
}

}  // namespace likeness
