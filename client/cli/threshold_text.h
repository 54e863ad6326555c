// A threshold in words.
#ifndef LIKENESS_CLIENT_CLI_THRESHOLD_TEXT_H_
#define LIKENESS_CLIENT_CLI_THRESHOLD_TEXT_H_

#include <string>

#include "likeness/v1/types.pb.h"

namespace likeness {

// The distance and where it comes from: "threshold 0.9871 (base 1.0571, false match rate 0.001; worst measured group
// ages/young 0.12 %)". The base is that of faces which lie alone, where the pair's own threshold is lower.
std::string ThresholdText(const v1::Threshold& threshold);

// What would decide instead of what decides: "threshold 1.0419 → 1.0300, FMR 0.1 %".
std::string ThresholdChangeText(const v1::Threshold& before, const v1::Threshold& after);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_THRESHOLD_TEXT_H_
