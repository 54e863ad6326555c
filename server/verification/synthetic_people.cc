#include "server/verification/synthetic_people.h"

#include <cmath>
#include <utility>

#include "server/verification/cohort.h"

namespace likeness {

std::string EncodeSyntheticFaces(const SyntheticGroup& group) {
  std::vector<float> numbers;
  for (const std::vector<float>& face : group.faces) numbers.insert(numbers.end(), face.begin(), face.end());
  return EncodeDirections(numbers, group.faces.empty() ? 1 : group.faces.front().size());
}

absl::StatusOr<SyntheticGroup> DecodeSyntheticFaces(absl::string_view name, size_t faces_of_person,
                                                    const std::string& text, size_t size) {
  const absl::StatusOr<std::vector<float>> numbers = DecodeDirections(text, size);
  if (!numbers.ok()) return numbers.status();
  if (faces_of_person < 2 || (numbers->size() / size) % faces_of_person != 0) {
    return absl::InvalidArgumentError("the synthetic people do not have two faces or more each");
  }
  SyntheticGroup group{std::string(name), faces_of_person, {}};
  for (auto face = numbers->begin(); face != numbers->end(); face += static_cast<std::ptrdiff_t>(size)) {
    std::vector<float> values(face, face + static_cast<std::ptrdiff_t>(size));
    double squares = 0;
    for (float value : values) squares += static_cast<double>(value) * value;
    if (!(squares > 0)) return absl::InvalidArgumentError("a synthetic face has no direction");
    for (float& value : values) value = static_cast<float>(value / std::sqrt(squares));
    group.faces.push_back(std::move(values));
  }
  return group;
}

}  // namespace likeness
