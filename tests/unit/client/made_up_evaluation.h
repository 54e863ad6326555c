// Comparisons of photos on a line, for the tests of evaluations.
#ifndef LIKENESS_TESTS_UNIT_CLIENT_MADE_UP_EVALUATION_H_
#define LIKENESS_TESTS_UNIT_CLIENT_MADE_UP_EVALUATION_H_

#include <string>

#include "absl/status/status.h"
#include "client/evaluation/comparisons.h"
#include "client/evaluation/embed_photos.h"

namespace likeness {

// An embedding on a line, so that distances are differences.
inline v1::EmbedResponse At(float position) {
  v1::EmbedResponse response;
  response.add_embedding(position);
  response.mutable_model()->set_digest("digest");
  response.mutable_threshold()->set_distance(2.5);
  response.mutable_threshold()->set_base_distance(2.5);
  return response;
}

// Of a model with a cohort, whose cap is 1.
inline v1::EmbedResponse InACrowd(float position, double crowding) {
  v1::EmbedResponse response = At(position);
  response.set_crowding(crowding);
  response.mutable_threshold()->set_crowding_cap(1);
  return response;
}

// Of a model that was not measured.
inline v1::EmbedResponse Unmeasured(float position) {
  v1::EmbedResponse response = At(position);
  response.mutable_threshold()->set_distance(-1);
  response.mutable_threshold()->set_base_distance(-1);
  response.mutable_threshold()->set_source(v1::THRESHOLD_SOURCE_NOT_MEASURED);
  return response;
}

inline v1::EmbedResponse At(float position, float quality) {
  v1::EmbedResponse response = At(position);
  response.mutable_face()->mutable_quality()->set_score(quality);
  return response;
}

inline absl::Status NoFace() { return absl::InvalidArgumentError("no face"); }

// Photos a/1 and a/2 show one person, b/1 and b/2 another: two genuine and two impostor pairs.
inline Comparisons TwoPeople() {
  return *CompareListed({{{"a/1", "a/2", true}, {"b/1", "b/2", true}, {"a/1", "b/1", false}, {"a/2", "b/2", false}}});
}

}  // namespace likeness

#endif  // LIKENESS_TESTS_UNIT_CLIENT_MADE_UP_EVALUATION_H_
