// How a walk looks at the gallery after a step, and what it holds servers against.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "tests/integration/walk/material.h"
#include "tests/integration/walk/walk.h"

namespace likeness {
namespace {

using Kind = Change::Kind;
using Answer = Change::Answer;
using States = std::set<ExpectedGallery>;

// After a repair, and after another server's activation. On a machine that is busy with other tests as well.
constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kActivationPatience = absl::Seconds(90);
constexpr absl::Duration kPause = absl::Milliseconds(50);

}  // namespace

bool Walk::AwaitHealth() {
  if (gave_up_) return false;
  for (const int i : Healthy()) {
    if (!unwell_.contains(i)) continue;
    const absl::Time until = absl::Now() + kPatience;
    while (!server(i).GalleryServes() || !server(i).List().ok()) {
      if (absl::Now() > until) {
        Report({Invariant::kServersComeBack, absl::StrCat("server ", i, " does not read its gallery again")});
        return false;
      }
      absl::SleepFor(kPause);
    }
    unwell_.erase(i);
  }
  return true;
}

std::optional<ListedPersons> Walk::List() {
  std::optional<ListedPersons> all;
  int first = 0;
  for (const int i : Healthy()) {
    const auto listed = server(i).List();
    if (!listed.ok()) {
      Report({Invariant::kHealthyServersAnswer,
              absl::StrCat("server ", i, ", list: ", ErrorNameOf(listed.status()), " ", listed.status().message())});
      return std::nullopt;
    }
    if (!all.has_value()) {
      all = *listed;
      first = i;
    } else if (*all != *listed) {
      Report({Invariant::kServersAgree, absl::StrCat("server ", first, " lists ", all->size(), " persons and server ",
                                                     i, " ", listed->size(), ", or other references")});
      return std::nullopt;
    }
  }
  return all;
}

bool Walk::Settle(const States& states, bool activation_without_answer) {
  revision_ = AwaitQuiet();
  const std::optional<ListedPersons> listed = List();
  if (!listed.has_value()) return false;
  States recognized;
  for (const ExpectedGallery& state : states) {
    std::optional<ExpectedGallery> whole = Recognize(state, *listed);
    if (whole.has_value()) recognized.insert(*std::move(whole));
  }
  if (recognized.empty()) {
    Report(ExplainList(states, *listed));
    return false;
  }
  recognized = ByFaces(std::move(recognized));
  if (recognized.empty()) return false;
  const std::vector<std::string> twins = PersonsWithOneFace(*recognized.begin());
  if (!twins.empty()) {
    Report({Invariant::kNoDuplicateIsAccepted, absl::StrJoin(twins, ", ") + " have one face"});
    return false;
  }
  expected_.persons = recognized.begin()->persons;
  for (auto& [id, person] : expected_.persons) {
    // What not all states remember, nobody relies on.
    std::erase_if(person.enrolments, [&, id = id](const auto& enrolment) {
      return std::any_of(recognized.begin(), recognized.end(), [&](const ExpectedGallery& state) {
        return !state.persons.at(id).enrolments.contains(enrolment.first);
      });
    });
  }
  return SettleModels(recognized, activation_without_answer);
}

States Walk::ByFaces(States states) {
  if (states.size() < 2) return states;
  const int asked = Healthy().front();
  States right;
  std::string what;
  for (const ExpectedGallery& state : states) {
    std::optional<Violation> violation;
    for (const auto& [id, person] : state.persons) {
      if (violation.has_value() || person.references.empty()) continue;
      const bool certain = std::all_of(states.begin(), states.end(), [&, id = id](const ExpectedGallery& other) {
        return other.persons.at(id).face == state.persons.at(id).face;
      });
      if (certain) continue;
      violation = JudgeVerify(state, id, person.face, server(asked).Verify(id, person.face, revision_));
    }
    if (violation.has_value()) {
      what = violation->what;
    } else {
      right.insert(state);
    }
  }
  if (right.empty()) Report({Invariant::kNobodyAcknowledgedIsLost, what});
  return right;
}

bool Walk::SettleModels(const States& states, bool activation_without_answer) {
  std::set<std::string> active;
  std::set<std::string> doubtful;
  for (const ExpectedGallery& state : states) {
    active.insert(state.active);
    for (const ExpectedGallery& other : states) {
      std::set_difference(state.allowed.begin(), state.allowed.end(), other.allowed.begin(), other.allowed.end(),
                          std::inserter(doubtful, doubtful.end()));
    }
  }
  expected_.allowed = states.begin()->allowed;
  const int caller = Healthy().front();
  for (const std::string& model : doubtful) {
    Round allow = {{.kind = Kind::kAllowModel, .server = caller, .model = model}};
    std::vector<Bystander> nobody;
    MakeAtOnce(allow, nobody, 0);
    Note("  to be sure: " + allow[0].Describe());
    if (allow[0].answer != Answer::kDone) {
      Report({Invariant::kHealthyServersAnswer, allow[0].Describe()});
      return false;
    }
    expected_.allowed.insert(model);
  }
  if (activation_without_answer)
    return ActivateAtLast(*std::next(active.begin(), Below(static_cast<int>(active.size()))));
  // All servers agree on one of those that it may be.
  const absl::Time until = absl::Now() + kPatience;
  while (true) {
    std::set<std::string> found;
    for (const int i : Healthy()) found.insert(server(i).ActiveModel().value_or("no answer"));
    if (found.size() == 1 && active.contains(*found.begin())) {
      expected_.active = *found.begin();
      return true;
    }
    if (absl::Now() > until) {
      Report({Invariant::kAllAnswerByTheChosenModel, absl::StrCat("active is one of ", absl::StrJoin(active, ", "),
                                                                  "; the servers say ", absl::StrJoin(found, ", "))});
      return false;
    }
    absl::SleepFor(kPause);
  }
}

bool Walk::ActivateAtLast(const std::string& model) {
  const absl::Time until = absl::Now() + kActivationPatience;
  while (true) {
    Change activate{.kind = Kind::kActivate, .server = Healthy().front(), .model = model};
    server(activate.server).Make(activate);
    if (activate.answer == Answer::kDone) {
      Note("  to be sure: " + activate.Describe());
      expected_.active = model;
      return true;
    }
    if (absl::Now() > until) {
      Report({Invariant::kServersComeBack, "no activation succeeds: " + activate.Describe()});
      return false;
    }
    absl::SleepFor(kPause);
  }
}

int Walk::FaceOf(const std::string& person) const {
  const auto found = expected_.persons.find(person);
  return found == expected_.persons.end() ? 0 : found->second.face;
}

void Walk::CheckEverything() {
  revision_ = AwaitQuiet();
  const std::optional<ListedPersons> listed = List();
  if (!listed.has_value()) return;
  if (!Recognize(expected_, *listed).has_value()) return Report(ExplainList({expected_}, *listed));
  std::set<std::string> persons;
  std::set<int> faces;
  for (const auto& [id, person] : expected_.persons) persons.insert(id);
  for (size_t face = 0; face < WalkPhotos().size(); ++face) faces.insert(static_cast<int>(face));
  Check(persons, faces);
}

void Walk::Check(const std::set<std::string>& persons, const std::set<int>& faces) {
  for (const int i : Healthy()) {
    // Before the server has been told what it must have heard of, and after it.
    for (const int face : faces) CheckFace(i, face);
    for (const std::string& person : persons) CheckPerson(i, person);
    for (const int face : faces) CheckFace(i, face);
    CheckModel(i);
    if (broken_) return;
  }
  for (const int i : CutOff()) {
    const std::string& person = *persons.begin();
    const auto response = server(i).Verify(person, FaceOf(person), revision_);
    if (const auto violation = JudgeVerifyCutOff(expected_, person, FaceOf(person), response); violation.has_value()) {
      Report({violation->invariant, absl::StrCat("server ", i, ", cut off: ", violation->what)});
    }
  }
}

void Walk::CheckPerson(int number, const std::string& person) {
  const bool somebody_else = Below(8) == 0;
  const int face = somebody_else ? plan_.AnyFace() : FaceOf(person);
  const absl::Time until = absl::Now() + kPatience;
  while (true) {
    const auto response = server(number).Verify(person, face, revision_);
    if (const auto violation = JudgeVerify(expected_, person, face, response); violation.has_value()) {
      return Report({violation->invariant, absl::StrCat("server ", number, ": ", violation->what)});
    }
    // It may lag, but not fail, until it has followed the activation.
    if (!response.ok() || response->model().digest() == expected_.active) return;
    if (absl::Now() > until) {
      return Report({Invariant::kAllAnswerByTheChosenModel,
                     absl::StrCat("server ", number, " answers by ", response->model().digest())});
    }
    absl::SleepFor(kPause);
  }
}

void Walk::CheckFace(int number, int face) {
  if (const auto violation = JudgeTryEnrolment(expected_, face, server(number).TryEnrolment(face));
      violation.has_value()) {
    Report({violation->invariant, absl::StrCat("server ", number, ": ", violation->what)});
  }
}

void Walk::CheckModel(int number) {
  const absl::Time until = absl::Now() + kPatience;
  absl::StatusOr<std::string> active = server(number).ActiveModel();
  while (active.value_or("") != expected_.active && absl::Now() < until) {
    absl::SleepFor(kPause);
    active = server(number).ActiveModel();
  }
  if (active.value_or("") == expected_.active) return;
  Report({Invariant::kAllAnswerByTheChosenModel,
          absl::StrCat("server ", number, " says that ", active.ok() ? *active : std::string(active.status().message()),
                       " is active")});
}

}  // namespace likeness
