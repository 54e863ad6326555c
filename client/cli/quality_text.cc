#include "client/cli/quality_text.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace likeness {
namespace {

const char* IssueText(int issue) {
  switch (issue) {
    case v1::QUALITY_ISSUE_TOO_SMALL:
      return "too few pixels";
    case v1::QUALITY_ISSUE_BLURRED:
      return "blurred";
    case v1::QUALITY_ISSUE_TOO_DARK:
      return "too dark";
    case v1::QUALITY_ISSUE_TOO_BRIGHT:
      return "too bright";
    case v1::QUALITY_ISSUE_LOW_CONTRAST:
      return "too little contrast";
    case v1::QUALITY_ISSUE_YAW:
      return "head turned aside";
    case v1::QUALITY_ISSUE_PITCH:
      return "head raised or lowered";
    case v1::QUALITY_ISSUE_ROLL:
      return "head tilted";
    case v1::QUALITY_ISSUE_CUT_OFF:
      return "cut off by the photo's edge";
    case v1::QUALITY_ISSUE_COVERED:
      return "mouth or eyes covered";
    default:
      return "something that this version has no words for";
  }
}

void AddGateOption(CLI::App& command, const std::string& name, v1::QualityGate& gate, const std::string& description) {
  static const std::map<std::string, v1::QualityGate> kGates = {
      {"off", v1::QUALITY_GATE_OFF},
      {"standard", v1::QUALITY_GATE_STANDARD},
      {"strict", v1::QUALITY_GATE_STRICT},
  };
  command
      .add_option_function<std::string>(
          name, [&gate](const std::string& value) { gate = kGates.at(value); }, description)
      ->type_name("off|standard|strict")
      ->check(CLI::IsMember(&kGates).description(""));
}

}  // namespace

std::string QualityText(const v1::Face& face) {
  if (!face.has_quality()) return "";
  std::vector<std::string> issues;
  for (const int issue : face.quality().issues()) issues.emplace_back(IssueText(issue));
  const std::string score = absl::StrFormat("quality %.2f", face.quality().score());
  return issues.empty() ? score : absl::StrCat(score, ": ", absl::StrJoin(issues, ", "));
}

std::string TurnText(const v1::Face& face) {
  if (face.turned_degrees() == 0) return "";
  return absl::StrFormat(", photo turned by %d degrees clockwise", face.turned_degrees());
}

void AddQualityGateOption(CLI::App& command, v1::QualityGate& gate) {
  AddGateOption(command, "--quality-gate", gate, "How good each face must be; without it the server decides");
}

void AddProbeGateOption(CLI::App& command, v1::QualityGate& gate, const std::string& description) {
  AddGateOption(command, "--probe-gate", gate, description);
}

}  // namespace likeness
