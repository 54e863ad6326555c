#include "server/image/face_evidence.h"

#include <algorithm>
#include <cmath>

namespace likeness {
namespace {

// Chosen on photos of one half of the people; docs/accuracy.md has the figures of the other half. Of 1,000 upright LFW
// photos one has less than kLeast, and ten less than kCertain; of 1,000 turned ones two have more than that.
constexpr double kLeast = -3;
constexpr double kCertain = 13.5;

// No probability counts for more than 9.2, so that no network outvotes the others alone.
double LogOdds(double probability) {
  constexpr double kSmallest = 1e-4;
  return std::log(std::max(probability, kSmallest) / std::max(1 - probability, kSmallest));
}

}  // namespace

double FaceEvidence(const Face& face) {
  const SecondOpinion& opinion = face.opinion;
  return LogOdds(face.score) + LogOdds(opinion.first_probability) + LogOdds(opinion.last_probability) - opinion.shift;
}

bool IsFace(const Face& face) { return FaceEvidence(face) >= kLeast; }

bool IsCertainlyUpright(const Face& face) { return FaceEvidence(face) >= kCertain; }

}  // namespace likeness
