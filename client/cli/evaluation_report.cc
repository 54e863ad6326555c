#include "client/cli/evaluation_report.h"
namespace likeness {
std::string EvaluationReport(const std::string&, const Comparisons&, const MeasuredPairs&, const Scores&) { return ""; }
}
