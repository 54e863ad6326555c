#include "client/cli/threshold_text.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/evaluation/rate_text.h"

namespace likeness {
namespace {

// The threshold of this pair is lower than that of faces which lie alone.
bool IsLowered(const v1::Threshold& threshold) {
  constexpr double kLeastShown = 5e-5;
  return threshold.base_distance() - threshold.distance() >= kLeastShown;
}

std::string MeasuredText(const v1::Threshold& threshold) {
  std::string text = absl::StrFormat("false match rate %g", threshold.false_match_rate());
  if (threshold.has_false_match_rate_high()) {
    absl::StrAppendFormat(&text, ", 95 %% between %.2g and %.2g", threshold.false_match_rate_low(),
                          threshold.false_match_rate_high());
  }
  if (threshold.has_worst_group()) {
    absl::StrAppend(&text, "; worst measured group ", threshold.worst_group().name(), " ",
                    RateText(threshold.worst_group().false_match_rate()));
  }
  return text;
}

std::string DistanceText(const v1::Threshold& threshold) {
  const bool none = threshold.source() == v1::THRESHOLD_SOURCE_NOT_MEASURED;
  return none ? "none" : absl::StrFormat("%.4f", threshold.distance());
}

}  // namespace

std::string ThresholdText(const v1::Threshold& threshold) {
  if (threshold.source() == v1::THRESHOLD_SOURCE_NOT_MEASURED) {
    return "no threshold (not measured at the server's --target-fmr: Verify and Compare do not answer)";
  }
  // A caller without the scope `scores` is not told the distance.
  const bool told = threshold.distance() >= 0;
  const std::string number =
      told ? absl::StrFormat("threshold %.4f", threshold.distance()) : "by the server's threshold";
  std::vector<std::string> notes;
  if (told && IsLowered(threshold)) notes.push_back(absl::StrFormat("base %.4f", threshold.base_distance()));
  switch (threshold.source()) {
    case v1::THRESHOLD_SOURCE_OPERATING_POINT:
      notes.push_back(MeasuredText(threshold));
      break;
    case v1::THRESHOLD_SOURCE_HALF_MARGIN:
      notes.push_back("half the margin: no measurement of the model supports the false match rate");
      break;
    case v1::THRESHOLD_SOURCE_REQUEST:
      notes.push_back("--max-distance");
      break;
    default:
      break;
  }
  return notes.empty() ? number : absl::StrCat(number, " (", absl::StrJoin(notes, ", "), ")");
}

std::string ThresholdChangeText(const v1::Threshold& before, const v1::Threshold& after) {
  const std::string change = absl::StrCat("threshold ", DistanceText(before), " → ", DistanceText(after), ", ");
  switch (after.source()) {
    case v1::THRESHOLD_SOURCE_OPERATING_POINT:
      return absl::StrCat(change, absl::StrFormat("FMR %g %%", 100 * after.false_match_rate()));
    case v1::THRESHOLD_SOURCE_NOT_MEASURED:
      return absl::StrCat(change, "not measured: Verify and Compare would not answer");
    default:
      return absl::StrCat(change, "not measured");
  }
}

}  // namespace likeness
