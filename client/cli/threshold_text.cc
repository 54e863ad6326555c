#include "client/cli/threshold_text.h"

#include "absl/strings/str_format.h"

namespace likeness {

std::string ThresholdText(const v1::Threshold& threshold) {
  const std::string number = absl::StrFormat("threshold %.4f", threshold.distance());
  switch (threshold.source()) {
    case v1::THRESHOLD_SOURCE_OPERATING_POINT:
      if (!threshold.has_false_match_rate_high()) {
        return absl::StrFormat("%s (false match rate %g)", number, threshold.false_match_rate());
      }
      return absl::StrFormat("%s (false match rate %g, 95 %% between %.2g and %.2g)", number,
                             threshold.false_match_rate(), threshold.false_match_rate_low(),
                             threshold.false_match_rate_high());
    case v1::THRESHOLD_SOURCE_HALF_MARGIN:
      return number + " (half the margin: no measurement of the model supports the false match rate)";
    case v1::THRESHOLD_SOURCE_REQUEST:
      return number + " (--max-distance)";
    default:
      return number;
  }
}

}  // namespace likeness
