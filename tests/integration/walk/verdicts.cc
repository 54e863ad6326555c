#include "tests/integration/walk/verdicts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/call_status.h"

namespace likeness {
namespace {

using Kind = Change::Kind;
using Answer = Change::Answer;

std::string TextOf(const absl::Status& status) {
  return absl::StrCat(ErrorNameOf(status), " (", status.message(), ")");
}

}  // namespace

std::string NameOf(Invariant invariant) {
  switch (invariant) {
    case Invariant::kNobodyAcknowledgedIsLost:
      return "nobody acknowledged is lost";
    case Invariant::kNobodyDeletedAnswers:
      return "nobody deleted answers";
    case Invariant::kAllAnswerByTheChosenModel:
      return "all answer by the chosen model";
    case Invariant::kNoDuplicateIsAccepted:
      return "no duplicate is accepted";
    case Invariant::kNobodyElseIsVerified:
      return "nobody else is verified";
    case Invariant::kAnswersHaveAnOrder:
      return "answers have an order";
    case Invariant::kServersAgree:
      return "servers agree";
    case Invariant::kHealthyServersAnswer:
      return "healthy servers answer";
    case Invariant::kServersComeBack:
      return "servers come back";
  }
  return "";
}

std::optional<Violation> JudgeVerify(const ExpectedGallery& state, const std::string& person, int face,
                                     const absl::StatusOr<v1::VerifyResponse>& response) {
  const std::string reason = response.ok() ? "" : ErrorNameOf(response.status());
  const auto found = state.persons.find(person);
  if (found == state.persons.end() || found->second.references.empty()) {
    const std::string right = found == state.persons.end() ? "PERSON_NOT_FOUND" : "PERSON_WITHOUT_REFERENCE";
    if (reason == right) return std::nullopt;
    if (response.ok() || reason == "PERSON_WITHOUT_REFERENCE" || reason == "MODEL_MISMATCH") {
      return Violation{Invariant::kNobodyDeletedAnswers,
                       absl::StrCat(person, " is to answer ", right, " and answers ", response.ok() ? "OK" : reason)};
    }
    if (reason == "PERSON_NOT_FOUND") {
      return Violation{Invariant::kNobodyAcknowledgedIsLost, absl::StrCat(person, " is enrolled without references")};
    }
    return Violation{Invariant::kHealthyServersAnswer,
                     absl::StrCat(person, ", not enrolled: ", TextOf(response.status()))};
  }
  if (!response.ok()) {
    const std::string what = absl::StrCat(person, ", enrolled: ", TextOf(response.status()));
    if (reason == "MODEL_MISMATCH") return Violation{Invariant::kAllAnswerByTheChosenModel, what};
    const bool lost = reason == "PERSON_NOT_FOUND" || reason == "PERSON_WITHOUT_REFERENCE" || reason == "STORE_CORRUPT";
    return Violation{lost ? Invariant::kNobodyAcknowledgedIsLost : Invariant::kHealthyServersAnswer, what};
  }
  if (face != found->second.face) {
    if (!response->verified()) return std::nullopt;
    return Violation{Invariant::kNobodyElseIsVerified,
                     absl::StrCat(person, " has face ", found->second.face, " and is verified with face ", face)};
  }
  if (!found->second.references.contains(response->reference_id())) {
    return Violation{Invariant::kNobodyDeletedAnswers,
                     absl::StrCat(person, " is compared with reference ", response->reference_id().substr(0, 6),
                                  ", which was deleted or never acknowledged")};
  }
  if (response->verified()) return std::nullopt;
  return Violation{Invariant::kNobodyAcknowledgedIsLost,
                   absl::StrCat(person, " is not verified with the photo enrolled: distance ", response->distance())};
}

std::optional<Violation> JudgeVerifyCutOff(const ExpectedGallery& state, const std::string& person, int face,
                                           const absl::StatusOr<v1::VerifyResponse>& response) {
  std::optional<Violation> violation = JudgeVerify(state, person, face, response);
  if (violation.has_value() && violation->invariant == Invariant::kHealthyServersAnswer) return std::nullopt;
  return violation;
}

std::optional<Violation> JudgeTryEnrolment(const ExpectedGallery& state, int face, const absl::Status& status) {
  const auto owner = std::find_if(state.persons.begin(), state.persons.end(), [face](const auto& person) {
    return !person.second.references.empty() && person.second.face == face;
  });
  const bool duplicate = ErrorNameOf(status) == "DUPLICATE_OF";
  if (!status.ok() && !duplicate) {
    return Violation{Invariant::kHealthyServersAnswer,
                     absl::StrCat("enrolment tried with face ", face, ": ", TextOf(status))};
  }
  if (owner == state.persons.end()) {
    if (!duplicate) return std::nullopt;
    return Violation{Invariant::kNobodyDeletedAnswers,
                     absl::StrCat("face ", face, " is nobody's and is refused: ", TextOf(status))};
  }
  if (duplicate) return std::nullopt;
  return Violation{Invariant::kNoDuplicateIsAccepted,
                   absl::StrCat("face ", face, " is ", owner->first, "'s and somebody else may be enrolled with it")};
}

Violation ExplainAnswers(const ExpectedGallery& before, const std::vector<Change>& at_once) {
  std::vector<std::string> texts;
  for (const Change& change : at_once) texts.push_back(change.Describe());
  const std::string what = absl::StrJoin(texts, "; ");
  for (const Change& one : at_once) {
    if (one.kind != Kind::kEnrol || one.answer != Answer::kDone || one.replayed) continue;
    for (const Change& other : at_once) {
      const bool also = other.kind == Kind::kEnrol && other.answer == Answer::kDone && !other.replayed;
      if (also && (one.face == other.face) != (one.person == other.person)) {
        return {Invariant::kNoDuplicateIsAccepted, what};
      }
    }
    for (const auto& [id, person] : before.persons) {
      if (!person.references.empty() && (person.face == one.face) != (id == one.person)) {
        return {Invariant::kNoDuplicateIsAccepted, what};
      }
    }
  }
  return {Invariant::kAnswersHaveAnOrder, what};
}

Violation ExplainList(const std::set<ExpectedGallery>& states, const ListedPersons& listed) {
  const auto nearest = std::min_element(states.begin(), states.end(), [&listed](const auto& a, const auto& b) {
    return Compare(a, listed).size() < Compare(b, listed).size();
  });
  const Differences differences = Compare(*nearest, listed);
  std::vector<std::string> texts = differences.lost;
  texts.insert(texts.end(), differences.undead.begin(), differences.undead.end());
  return {differences.lost.empty() ? Invariant::kNobodyDeletedAnswers : Invariant::kNobodyAcknowledgedIsLost,
          absl::StrJoin(texts, "; ")};
}

}  // namespace likeness
