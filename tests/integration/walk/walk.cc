#include "tests/integration/walk/walk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/integration/walk/material.h"

namespace likeness {
namespace {

using Kind = Change::Kind;
using Answer = Change::Answer;
using States = std::set<ExpectedGallery>;

constexpr size_t kLinesShown = 24;

template <typename Number>
Number FromEnvironment(const char* name, Number otherwise) {
  const char* text = std::getenv(name);
  Number value{};
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// What no caller may be answered, whatever is broken.
bool IsFault(const std::string& reason) {
  return reason == "INTERNAL" || reason == "STORE_CORRUPT" || reason == "MODEL_CORRUPT" || reason == "NETWORK_FAILED";
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
  // What was begun before the changes goes on with the first of them.
  const size_t disturbed = disturbance.before ? 0 : static_cast<size_t>(Below(static_cast<int>(step.rounds.size())));
  if (disturbance.before) disturbance.before();
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

void Walk::Expect(ExpectedGallery state, int64_t acknowledged) {
  expected_ = std::move(state);
  acknowledged_ = acknowledged;
}

}  // namespace likeness
