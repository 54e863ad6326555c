// People whom nobody is: what a bundle brings along to tell what a change of its network does to people who are not at
// hand.
#ifndef LIKENESS_SERVER_VERIFICATION_SYNTHETIC_PEOPLE_H_
#define LIKENESS_SERVER_VERIFICATION_SYNTHETIC_PEOPLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace likeness {

// Embeddings that are distributed as those of a measured group of people (server/statistics/synthetic_draw.h): their
// impostor pairs match about as often as the group's; their genuine pairs are cleaner than photos are.
struct SyntheticGroup {
  std::string name;                       // of the group that it stands for
  size_t faces_of_person = 0;             // >= 2
  std::vector<std::vector<float>> faces;  // of unit length; those of a person follow each other

  size_t PersonOf(size_t face) const { return face / faces_of_person; }
};

// As a bundle holds the faces: see EncodeDirections() in cohort.h.
std::string EncodeSyntheticFaces(const SyntheticGroup& group);
// INVALID_ARGUMENT where the text is not that of whole people with embeddings of `size` numbers.
absl::StatusOr<SyntheticGroup> DecodeSyntheticFaces(absl::string_view name, size_t faces_of_person,
                                                    const std::string& text, size_t size);

}  // namespace likeness

#endif  // LIKENESS_SERVER_VERIFICATION_SYNTHETIC_PEOPLE_H_
