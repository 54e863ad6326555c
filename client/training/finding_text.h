// What is wrong with photos of a training, in words.
#ifndef LIKENESS_CLIENT_TRAINING_FINDING_TEXT_H_
#define LIKENESS_CLIENT_TRAINING_FINDING_TEXT_H_

#include <functional>
#include <string>

#include "likeness/v1/training_service.pb.h"

namespace likeness {

// "left out ada/3.jpg: nearly the same photo as ada/2.jpg (distance 0.05)". `name` gives the photo with a number in the
// stream.
std::string FindingText(const v1::PhotoFinding& finding, const std::function<std::string(int)>& name);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_TRAINING_FINDING_TEXT_H_
