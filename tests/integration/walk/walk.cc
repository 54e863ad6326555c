#include "tests/integration/walk/walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "client/call_status.h"
#include "tests/integration/walk/material.h"

namespace likeness {
namespace {

using Kind = Change::Kind;
using Answer = Change::Answer;
using States = std::set<ExpectedGallery>;

// After a repair, and after another server's activation. On a machine that is busy with other tests as well.
constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kActivationPatience = absl::Seconds(90);
constexpr absl::Duration kPause = absl::Milliseconds(50);
constexpr size_t kLinesShown = 24;

template <typename Number>
Number FromEnvironment(const char* name, Number otherwise) {
  const char* text = std::getenv(name);
  Number value{};
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// Calls that no caller may be answered, whatever is broken.
bool IsFault(const std::string& reason) {
  return reason == "INTERNAL" || reason == "STORE_CORRUPT" || reason == "DATA_LOSS" || reason == "UNKNOWN";
}

std::set<std::string> PersonsOf(const Step& step) {
  std::set<std::string> persons;
  for (const Round& round : step.rounds) {
    for (const Change& change : round) {
      if (!change.person.empty()) persons.insert(change.person);
    }
  }
  return persons;
}

std::set<int> FacesOf(const Step& step) {
  std::set<int> faces;
  for (const Round& round : step.rounds) {
    for (const Change& change : round) {
      if (change.kind == Kind::kEnrol) faces.insert(change.face);
    }
  }
  return faces;
}

bool AnyChange(const std::vector<Round>& rounds, bool (*is)(const Change&)) {
  return std::any_of(rounds.begin(), rounds.end(),
                     [is](const Round& round) { return std::any_of(round.begin(), round.end(), is); });
}

}  // namespace

WalkOptions WalkOptions::FromEnvironment(int steps) {
  return {.seed = likeness::FromEnvironment<unsigned>("LIKENESS_WALK_SEED", std::random_device()()),
          .steps = likeness::FromEnvironment<int>("LIKENESS_WALK_STEPS", steps),
          .violations = likeness::FromEnvironment<int>("LIKENESS_WALK_VIOLATIONS", 1)};
}

Walk::Walk(const WalkOptions& options) : random_(options.seed), options_(options), plan_(random_) {}

void Walk::Run() {
  std::cout << "seed " << options_.seed << '\n';
  const absl::Time begun = absl::Now();
  StartOver();
  for (step_ = 1; step_ <= options_.steps && !Ended(); ++step_) {
    if (!SpecialStep()) NextStep();
    if (broken_ && !Ended()) StartOver();
  }
  if (!Ended()) {
    Note("the end");
    Repaired(/*all=*/true);
    if (AwaitHealth()) CheckEverything();
  }
  std::cout << step_ - 1 << " steps in " << absl::ToInt64Seconds(absl::Now() - begun) << " s";
  for (const auto& [what, count] : counts_) std::cout << "; " << what << ": " << count;
  std::cout << '\n';
  for (const auto& [invariant, count] : violations_)
    std::cout << "broken " << count << "×: " << NameOf(invariant) << '\n';
}

bool Walk::Ended() const { return gave_up_ || broken_steps_ >= options_.violations; }

void Walk::Note(const std::string& line) {
  last_lines_.push_back(absl::StrCat(step_, ". ", line));
  if (last_lines_.size() > kLinesShown) last_lines_.pop_front();
}

void Walk::Report(const Violation& violation) {
  ++violations_[violation.invariant];
  if (broken_) {
    ADD_FAILURE() << "nor: " << NameOf(violation.invariant) << "\n  " << violation.what;
    return;
  }
  broken_ = true;
  ++broken_steps_;
  std::vector<std::string> logs;
  for (int i = 0; i < servers(); ++i) logs.push_back(absl::StrCat("log of server ", i, ":\n", server(i).LastOfLog()));
  ADD_FAILURE() << "not so: " << NameOf(violation.invariant) << "\n  " << violation.what << "\nat step " << step_
                << " of the walk with LIKENESS_WALK_SEED=" << options_.seed << ", active model "
                << expected_.active.substr(0, 6) << ", revision " << revision_ << "\nafter\n  "
                << absl::StrJoin(last_lines_, "\n  ") << "\n"
                << absl::StrJoin(logs, "\n");
}

void Walk::StartOver() {
  broken_ = false;
  ++counts_["empty galleries"];
  const absl::Status opened = Open();
  if (!opened.ok()) {
    Report({Invariant::kServersComeBack, std::string(opened.message())});
    gave_up_ = true;
    return;
  }
  expected_ = {.persons = {}, .active = WalkModels()[0].digest, .allowed = {WalkModels()[0].digest}};
  acknowledged_ = 0;
  unwell_.clear();
  for (const WalkModel& model : WalkModels()) {
    Change allow{.kind = Kind::kAllowModel, .server = 0, .model = model.digest};
    server(0).Make(allow);
    if (allow.answer == Answer::kDone) expected_.allowed.insert(model.digest);
  }
  revision_ = AwaitQuiet();
}

void Walk::NextStep() {
  std::vector<int> callable = Healthy();
  // Callers do not know which server is cut off.
  if (Below(8) == 0) {
    for (const int server : CutOff()) callable.push_back(server);
  }
  Step step = plan_.Next(expected_, callable);
  Disturbance disturbance = NextDisturbance();
  for (const int server : CutOff()) disturbance.changes_may_fail.insert(server);
  unwell_.insert(disturbance.reads_may_fail.begin(), disturbance.reads_may_fail.end());
  Note(absl::StrCat(step.name, disturbance.name.empty() ? "" : ", while ", disturbance.name));
  ++counts_[absl::StrCat("“", step.name, "”")];
  if (!disturbance.name.empty()) ++counts_[absl::StrCat("while ", disturbance.name)];
  Make(step, disturbance);
  const States states = Explain(step.rounds, disturbance);
  Repaired(/*all=*/false);
  if (!AwaitHealth() || states.empty()) return;
  const bool activation_without_answer = AnyChange(step.rounds, [](const Change& change) {
    return change.kind == Kind::kActivate && change.answer == Answer::kUnknown;
  });
  if (!Settle(states, activation_without_answer)) return;
  std::set<std::string> persons = PersonsOf(step);
  std::set<int> faces = FacesOf(step);
  persons.insert(plan_.AnyPerson());
  faces.insert(plan_.AnyFace());
  Check(persons, faces);
}

void Walk::Make(Step& step, const Disturbance& disturbance) {
  const std::vector<int> healthy = Healthy();
  const std::set<std::string> touched = PersonsOf(step);
  std::vector<Bystander> bystanders;
  for (size_t round = 0; round < step.rounds.size(); ++round) {
    for (const int server : healthy) {
      std::string person = plan_.AnyPerson();
      if (!touched.contains(person)) bystanders.push_back({.server = server, .round = round, .person = person});
    }
  }
  if (disturbance.before) disturbance.before();
  const size_t disturbed = static_cast<size_t>(Below(static_cast<int>(step.rounds.size())));
  std::thread meanwhile;
  for (size_t round = 0; round < step.rounds.size(); ++round) {
    if (round == disturbed && disturbance.meanwhile) meanwhile = std::thread(disturbance.meanwhile);
    MakeAtOnce(step.rounds[round], bystanders, round);
  }
  if (meanwhile.joinable()) meanwhile.join();
  if (disturbance.after) disturbance.after();
  for (const Round& round : step.rounds) {
    for (const Change& change : round) {
      Note("  " + change.Describe());
      ++counts_[change.answer == Answer::kDone ? "done" : change.answer == Answer::kRefused ? "refused" : "no answer"];
    }
  }
  for (const Bystander& bystander : bystanders) {
    if (!bystander.violation.has_value()) continue;
    const bool excused = disturbance.reads_may_fail.contains(bystander.server);
    if (excused && bystander.violation->invariant == Invariant::kHealthyServersAnswer) continue;
    Report({bystander.violation->invariant,
            absl::StrCat("server ", bystander.server,
                         ", asked during the step for a person whom it is not about: ", bystander.violation->what)});
  }
}

void Walk::MakeAtOnce(Round& round, std::vector<Bystander>& bystanders, size_t number) {
  for (const Change& change : round) {
    if (change.kind != Kind::kAllowModel) continue;
    for (int i = 0; i < servers(); ++i) PutWalkModels(server(i).models_folder());
  }
  std::vector<std::thread> callers;
  for (Change& change : round) {
    callers.emplace_back([this, &change] { server(change.server).Make(change); });
  }
  for (Bystander& bystander : bystanders) {
    if (bystander.round != number) continue;
    callers.emplace_back([this, &bystander] {
      const int face = FaceOf(bystander.person);
      const auto response = server(bystander.server).Verify(bystander.person, face, /*min_revision=*/0);
      bystander.violation = JudgeVerify(expected_, bystander.person, face, response);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

States Walk::Explain(const std::vector<Round>& rounds, const Disturbance& disturbance) {
  States states = {expected_};
  bool models_busy = false;
  for (const Round& round : rounds) {
    for (const Change& change : round) {
      if (change.answer != Answer::kUnknown) continue;
      if (!disturbance.changes_may_fail.contains(change.server) || IsFault(change.reason)) {
        Report({Invariant::kHealthyServersAnswer, change.Describe()});
      }
    }
    const States after = StatesAfter(states, round, models_busy);
    if (after.empty()) {
      Report(ExplainAnswers(*states.begin(), round));
      return {};
    }
    states = after;
    models_busy =
        models_busy || AnyChange({round}, [](const Change& change) { return change.kind == Kind::kActivate; });
    int64_t last = acknowledged_;
    for (const Change& change : round) {
      if (change.answer != Answer::kDone || change.replayed || change.person.empty()) continue;
      if (change.revision <= acknowledged_) {
        Report(
            {Invariant::kAnswersHaveAnOrder, absl::StrCat("after revision ", acknowledged_, ": ", change.Describe())});
        return {};
      }
      last = std::max(last, change.revision);
    }
    acknowledged_ = last;
  }
  return states;
}

void Walk::Repaired(bool all) {
  const absl::Status repaired = Repair(all);
  if (repaired.ok()) return;
  Report({Invariant::kServersComeBack, std::string(repaired.message())});
  gave_up_ = true;
}

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

void Walk::Expect(ExpectedGallery state, int64_t acknowledged) {
  expected_ = std::move(state);
  acknowledged_ = acknowledged;
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
