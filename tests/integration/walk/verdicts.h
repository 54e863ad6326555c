// What is wrong with an answer, given what the gallery must hold. Pure functions.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_VERDICTS_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_VERDICTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "likeness/v1/face_verification_service.pb.h"
#include "tests/integration/walk/expected_gallery.h"

namespace likeness {

// What holds on every server that runs and can reach the gallery, whatever happened before.
enum class Invariant {
  kNobodyAcknowledgedIsLost,
  kNobodyDeletedAnswers,
  kAllAnswerByTheChosenModel,
  kNoDuplicateIsAccepted,
  kNobodyElseIsVerified,
  kAnswersHaveAnOrder,    // answers of calls made at once, and their revisions, fit together
  kServersAgree,          // all list the same
  kHealthyServersAnswer,  // no call fails where nothing is broken
  kServersComeBack,       // once what was broken is whole
};
std::string NameOf(Invariant invariant);

struct Violation {
  Invariant invariant;
  std::string what;
};

// Of the answer when a face is held against a person. By which model is another matter.
std::optional<Violation> JudgeVerify(const ExpectedGallery& state, const std::string& person, int face,
                                     const absl::StatusOr<v1::VerifyResponse>& response);

// The same of a server that cannot reach the gallery: it may fail, but not be wrong.
std::optional<Violation> JudgeVerifyCutOff(const ExpectedGallery& state, const std::string& person, int face,
                                           const absl::StatusOr<v1::VerifyResponse>& response);

// Of the answer when somebody new would be enrolled with the face.
std::optional<Violation> JudgeTryEnrolment(const ExpectedGallery& state, int face, const absl::Status& status);

// Of answers that no order explains.
Violation ExplainAnswers(const ExpectedGallery& before, const std::vector<Change>& at_once);

// Of a list that none of the states explains, of which there is at least one.
Violation ExplainList(const std::set<ExpectedGallery>& states, const ListedPersons& listed);

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_VERDICTS_H_
