// Which people are trained on, and which are held out as strangers to evaluate on.
#ifndef LIKENESS_SERVER_TRAINING_PEOPLE_SPLIT_H_
#define LIKENESS_SERVER_TRAINING_PEOPLE_SPLIT_H_

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"

namespace likeness {

// Nobody is in both, so that all photos of a person are on one side.
struct PeopleSplit {
  std::set<std::string> trained_on;
  std::set<std::string> strangers;
};

// Holds out the people named. FIELD_INVALID, naming held_out_people, where one of them is not among `people` or fewer
// than two people remain. Messages name nobody.
absl::StatusOr<PeopleSplit> HoldOutPeople(const std::set<std::string>& people,
                                          const std::set<std::string>& held_out_people);

// Holds out `share` of the people, 0 to 0.9, rounded, but at least two unless it is 0: the same ones for the same seed
// and people. FIELD_INVALID, naming held_out_share, where the share is out of its range or fewer than two people
// remain.
absl::StatusOr<PeopleSplit> HoldOutShare(const std::set<std::string>& people, double share, uint64_t seed);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_PEOPLE_SPLIT_H_
