// The page that `likeness eval --report` writes.
#ifndef LIKENESS_CLIENT_CLI_EVALUATION_REPORT_H_
#define LIKENESS_CLIENT_CLI_EVALUATION_REPORT_H_

#include <string>

#include "client/evaluation/comparisons.h"
#include "client/evaluation/measured_pairs.h"
#include "client/evaluation/scores.h"

namespace likeness {

// As HTML. `data` says in a few words what was compared. The photos of the worst pairs are read again.
std::string EvaluationReport(const std::string& data, const Comparisons& comparisons, const MeasuredPairs& measured,
                             const Scores& scores);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_EVALUATION_REPORT_H_
