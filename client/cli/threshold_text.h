// A threshold in words.
#ifndef LIKENESS_CLIENT_CLI_THRESHOLD_TEXT_H_
#define LIKENESS_CLIENT_CLI_THRESHOLD_TEXT_H_

#include <string>

#include "likeness/v1/types.pb.h"

namespace likeness {

// The distance and where it comes from: "threshold 1.0420 (false match rate 0.001)".
std::string ThresholdText(const v1::Threshold& threshold);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_THRESHOLD_TEXT_H_
