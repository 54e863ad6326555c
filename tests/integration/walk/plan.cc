#include "tests/integration/walk/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/integration/walk/material.h"

namespace likeness {
namespace {

using Kind = Change::Kind;

constexpr int kPersons = 12;  // a few more than faces
constexpr size_t kMaxReferences = 5;

std::vector<std::string> Persons(const ExpectedGallery& state, bool enrolled) {
  std::vector<std::string> persons;
  for (int i = 0; i < kPersons; ++i) {
    std::string id = absl::StrCat("p", i);
    if (state.persons.contains(id) == enrolled) persons.push_back(std::move(id));
  }
  return persons;
}

std::vector<int> FreeFaces(const ExpectedGallery& state) {
  std::vector<int> faces;
  for (int face = 0; face < static_cast<int>(WalkPhotos().size()); ++face) {
    const bool taken = std::any_of(state.persons.begin(), state.persons.end(), [face](const auto& person) {
      return !person.second.references.empty() && person.second.face == face;
    });
    if (!taken) faces.push_back(face);
  }
  return faces;
}

Change OnPerson(Kind kind, int server, const std::string& person) {
  return {.kind = kind, .server = server, .person = person};
}

Change OnModel(Kind kind, int server, const std::string& model) {
  return {.kind = kind, .server = server, .model = model};
}

}  // namespace

int Plan::Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

template <typename Container>
auto Plan::OneOf(const Container& values) {
  return *std::next(values.begin(), Below(static_cast<int>(values.size())));
}

int Plan::OtherServer(const std::vector<int>& servers, int server) {
  std::vector<int> others = servers;
  std::erase(others, server);
  return others.empty() ? server : OneOf(others);
}

std::string Plan::AnyPerson() { return absl::StrCat("p", Below(kPersons)); }
int Plan::AnyFace() { return Below(static_cast<int>(WalkPhotos().size())); }

Change Plan::Enrol(int server, const std::string& person, int face) {
  return {.kind = Kind::kEnrol,
          .server = server,
          .person = person,
          .face = face,
          .request_id = absl::StrCat("r", ++requests_)};
}

Step Plan::Next(const ExpectedGallery& state, const std::vector<int>& servers) {
  return Below(100) < 86 ? PersonStep(state, servers) : ModelStep(state, servers);
}

Change Plan::AnyChange(const ExpectedGallery& state, int server) {
  const std::vector<std::string> enrolled = Persons(state, true);
  const std::vector<std::string> absent = Persons(state, false);
  const std::vector<int> free = FreeFaces(state);
  const int what = Below(100);
  if (what < 40 && !free.empty() && !absent.empty()) return Enrol(server, OneOf(absent), OneOf(free));
  if (what < 50) return Enrol(server, AnyPerson(), AnyFace());  // mostly one that is to be refused
  if (enrolled.empty()) return OnPerson(Kind::kDeletePerson, server, AnyPerson());
  const std::string id = OneOf(enrolled);
  const ExpectedPerson& person = state.persons.at(id);
  if (what < 65 && !person.references.empty() && person.references.size() < kMaxReferences) {
    return Enrol(server, id, person.face);
  }
  if (what < 75 && !person.references.empty()) {
    Change change = OnPerson(Kind::kDeleteReference, server, id);
    change.reference = OneOf(person.references);
    return change;
  }
  if (what < 80 && !person.enrolments.empty()) {
    // A caller who did not hear the answer asks again.
    Change change = Enrol(server, id, person.face);
    change.request_id = OneOf(person.enrolments).first;
    return change;
  }
  return OnPerson(Kind::kDeletePerson, server, id);
}

Step Plan::PersonStep(const ExpectedGallery& state, const std::vector<int>& servers) {
  const int here = AnyServer(servers);
  const int there = OtherServer(servers, here);
  const std::vector<std::string> enrolled = Persons(state, true);
  std::vector<std::string> absent = Persons(state, false);
  std::vector<int> free = FreeFaces(state);
  std::shuffle(absent.begin(), absent.end(), random_);
  std::shuffle(free.begin(), free.end(), random_);
  const int what = Below(100);
  if (what < 45) return {"one change", {{AnyChange(state, here)}}};
  if (what < 60 && !enrolled.empty()) {
    const std::string id = OneOf(enrolled);
    const int face = state.persons.at(id).references.empty() ? AnyFace() : state.persons.at(id).face;
    Step step{"delete here, enrol again there", {{OnPerson(Kind::kDeletePerson, here, id)}, {Enrol(there, id, face)}}};
    // Elsewhere somebody else comes with that face, at once.
    if (!absent.empty() && Below(2) == 0) step.rounds.push_back({Enrol(AnyServer(servers), absent[0], face)});
    return step;
  }
  if (what < 72 && !free.empty() && absent.size() >= 2) {
    return {"one face, two persons, at once", {{Enrol(here, absent[0], free[0]), Enrol(there, absent[1], free[0])}}};
  }
  if (what < 78 && free.size() >= 2 && !absent.empty()) {
    return {"two faces, one person, at once", {{Enrol(here, absent[0], free[0]), Enrol(there, absent[0], free[1])}}};
  }
  if (what < 84 && !enrolled.empty() && !state.persons.at(enrolled[0]).references.empty()) {
    return {"delete and enrol one person at once",
            {{OnPerson(Kind::kDeletePerson, here, enrolled[0]),
              Enrol(there, enrolled[0], state.persons.at(enrolled[0]).face)}}};
  }
  if (what < 88 && !free.empty() && !absent.empty()) {
    const Change first = Enrol(here, absent[0], free[0]);
    Change again = first;
    again.server = there;
    return {"one request twice at once", {{first, again}}};
  }
  return {"three changes at once",
          {{AnyChange(state, here), AnyChange(state, there), AnyChange(state, AnyServer(servers))}}};
}

Step Plan::ModelStep(const ExpectedGallery& state, const std::vector<int>& servers) {
  const int here = AnyServer(servers);
  const int there = OtherServer(servers, here);
  for (const WalkModel& model : WalkModels()) {
    if (!state.allowed.contains(model.digest) && Below(2) == 0) {
      return {"allow a model", {{OnModel(Kind::kAllowModel, here, model.digest)}}};
    }
  }
  std::vector<std::string> others(state.allowed.begin(), state.allowed.end());
  std::erase(others, state.active);
  if (others.empty()) return {"the same model", {{OnModel(Kind::kActivate, here, state.active)}}};
  std::shuffle(others.begin(), others.end(), random_);
  const std::string& next = others[0];
  const bool may_be_deleted = next != WalkModels()[0].digest;
  const Change activate = OnModel(Kind::kActivate, here, next);
  const int what = Below(100);
  if (what < 25) return {"activate", {{activate}}};
  if (what < 40) return {"activate here, back there", {{activate}, {OnModel(Kind::kActivate, there, state.active)}}};
  if (what < 55) return {"activate beside a change", {{activate, AnyChange(state, there), AnyChange(state, here)}}};
  if (what < 65) return {"activate here, then a change here", {{activate}, {AnyChange(state, here)}}};
  if (what < 75 && others.size() > 1) {
    return {"two activations at once", {{activate, OnModel(Kind::kActivate, there, others[1])}}};
  }
  if (!may_be_deleted) return {"activate", {{activate}}};
  if (what < 83) return {"activate here, delete it there", {{activate}, {OnModel(Kind::kDeleteModel, there, next)}}};
  if (what < 90) return {"activate and delete at once", {{activate, OnModel(Kind::kDeleteModel, there, next)}}};
  return {"delete a model", {{OnModel(Kind::kDeleteModel, here, next)}}};
}

}  // namespace likeness
