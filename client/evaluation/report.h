// Scores in words and as JSON.
#ifndef LIKENESS_CLIENT_EVALUATION_REPORT_H_
#define LIKENESS_CLIENT_EVALUATION_REPORT_H_

#include <string>

#include "client/evaluation/scores.h"

namespace likeness {

// A few lines for people, the last one ended. Names the first 20 failed photos only.
std::string ReportText(const Scores& scores);

// Which photos of the group failed: "2 FACE_NOT_FOUND, 1 FACE_QUALITY_TOO_LOW", or "none".
std::string FailedPhotosText(const GroupScores& group);

// Which group has the largest false match rate, and how it stands to the others' rates; one line without its end.
std::string WorstGroupText(const Scores& scores);

// One JSON object without line breaks. Rates are fractions; what could not be measured is null.
std::string ReportJson(const Scores& scores);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_EVALUATION_REPORT_H_
