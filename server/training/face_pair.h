// Two faces that the network is shown together.
#ifndef LIKENESS_SERVER_TRAINING_FACE_PAIR_H_
#define LIKENESS_SERVER_TRAINING_FACE_PAIR_H_

#include <cstddef>

namespace likeness {

struct FacePair {
  size_t a = 0;  // the faces' numbers in their list
  size_t b = 0;
  bool genuine = false;  // whether both are of one person

  friend bool operator==(const FacePair&, const FacePair&) = default;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAINING_FACE_PAIR_H_
