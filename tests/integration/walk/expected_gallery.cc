#include "tests/integration/walk/expected_gallery.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace likeness {
namespace {

using Kind = Change::Kind;
using Answer = Change::Answer;
using States = std::set<ExpectedGallery>;

constexpr const char* kKinds[] = {"enrol",    "delete person", "delete reference",
                                  "activate", "delete model",  "allow model"};

std::string Placeholder(const std::string& request_id) { return "?" + request_id; }
bool IsPlaceholder(const std::string& reference) { return reference.starts_with('?'); }

bool ChangesPersons(const Change& change) {
  return change.kind == Kind::kEnrol || change.kind == Kind::kDeletePerson || change.kind == Kind::kDeleteReference;
}

// States by what a call may have done: nothing at all, or its effect; none where the answer cannot be right.
States Outcome(const Change& change, const ExpectedGallery& unchanged, std::optional<ExpectedGallery> effect,
               bool refusal_is_right) {
  switch (change.answer) {
    case Answer::kDone:
      if (effect.has_value()) return {*std::move(effect)};
      return {};
    case Answer::kRefused:
      if (refusal_is_right) return {unchanged};
      return {};
    case Answer::kUnknown: {
      States states = {unchanged};
      if (effect.has_value()) states.insert(*std::move(effect));
      return states;
    }
  }
  return {};
}

States AfterEnrol(const ExpectedGallery& state, const Change& call) {
  const auto person = state.persons.find(call.person);
  const bool known = person != state.persons.end();
  if (known && person->second.enrolments.contains(call.request_id)) {
    // Answered as it was the first time.
    const std::string& reference = person->second.enrolments.at(call.request_id);
    ExpectedGallery same = state;
    if (call.answer == Answer::kDone && IsPlaceholder(reference)) {
      // Made at once with the request that it repeats; this answer is the first that comes.
      ExpectedPerson& changed = same.persons[call.person];
      if (changed.references.erase(reference) > 0) changed.references.insert(call.new_reference);
      changed.enrolments[call.request_id] = call.new_reference;
      return {same};
    }
    const bool right = call.answer != Answer::kDone || (call.replayed && call.new_reference == reference);
    return Outcome(call, state, right ? std::optional(same) : std::nullopt, false);
  }
  const bool mismatch = known && !person->second.references.empty() && person->second.face != call.face;
  const bool duplicate = std::any_of(state.persons.begin(), state.persons.end(), [&](const auto& other) {
    return other.first != call.person && !other.second.references.empty() && other.second.face == call.face;
  });
  std::optional<ExpectedGallery> effect;
  if (!mismatch && !duplicate && !call.replayed) {
    effect = state;
    const std::string reference = call.answer == Answer::kDone ? call.new_reference : Placeholder(call.request_id);
    ExpectedPerson& changed = effect->persons[call.person];
    changed.face = call.face;
    changed.references.insert(reference);
    changed.enrolments[call.request_id] = reference;
  }
  const bool right = (duplicate && call.reason == "DUPLICATE_OF") || (mismatch && call.reason == "REFERENCE_MISMATCH");
  return Outcome(call, state, std::move(effect), right);
}

States AfterDeletePerson(const ExpectedGallery& state, const Change& call) {
  const bool known = state.persons.contains(call.person);
  std::optional<ExpectedGallery> effect;
  if (known) {
    effect = state;
    effect->persons.erase(call.person);
  }
  return Outcome(call, state, std::move(effect), !known && call.reason == "PERSON_NOT_FOUND");
}

States AfterDeleteReference(const ExpectedGallery& state, const Change& call) {
  const auto person = state.persons.find(call.person);
  if (person == state.persons.end()) return Outcome(call, state, {}, call.reason == "PERSON_NOT_FOUND");
  if (!person->second.references.contains(call.reference)) {
    return Outcome(call, state, {}, call.reason == "REFERENCE_NOT_FOUND");
  }
  ExpectedGallery effect = state;
  effect.persons[call.person].references.erase(call.reference);
  return Outcome(call, state, std::move(effect), false);
}

// `contended`: another activation is under way, or was among the calls that were made at once.
States AfterActivate(const ExpectedGallery& state, const Change& call, bool contended) {
  const bool allowed = state.allowed.contains(call.model);
  std::optional<ExpectedGallery> effect;
  if (allowed) {
    effect = state;
    effect->active = call.model;
  }
  const bool missing = !allowed && (call.reason == "MODEL_NOT_ALLOWED" || call.reason == "MODEL_NOT_FOUND");
  return Outcome(call, state, std::move(effect), missing || (contended && call.reason == "ACTIVATION_RUNNING"));
}

States AfterDeleteModel(const ExpectedGallery& state, const Change& call, bool contended) {
  const bool in_use = state.active == call.model;
  std::optional<ExpectedGallery> effect;
  if (!in_use) {
    effect = state;
    effect->allowed.erase(call.model);
  }
  const bool missing = !state.allowed.contains(call.model) && call.reason == "MODEL_NOT_FOUND";
  const bool used = (in_use || contended) && call.reason == "MODEL_IN_USE";
  const bool busy = contended && call.reason == "ACTIVATION_RUNNING";
  return Outcome(call, state, std::move(effect), missing || used || busy);
}

States AfterAllowModel(const ExpectedGallery& state, const Change& call) {
  ExpectedGallery effect = state;
  effect.allowed.insert(call.model);
  return Outcome(call, state, std::move(effect), false);
}

States AfterOne(const ExpectedGallery& state, const Change& call, bool contended) {
  switch (call.kind) {
    case Kind::kEnrol:
      return AfterEnrol(state, call);
    case Kind::kDeletePerson:
      return AfterDeletePerson(state, call);
    case Kind::kDeleteReference:
      return AfterDeleteReference(state, call);
    case Kind::kActivate:
      return AfterActivate(state, call, contended);
    case Kind::kDeleteModel:
      return AfterDeleteModel(state, call, contended);
    case Kind::kAllowModel:
      return AfterAllowModel(state, call);
  }
  return {};
}

bool HasItsPlaceInTheOrder(const Change& call) {
  return ChangesPersons(call) && call.answer == Answer::kDone && !call.replayed;
}

// Whether the calls, made in this order, have ascending revisions.
bool FollowsRevisions(const std::vector<Change>& calls, const std::vector<size_t>& order) {
  int64_t last = 0;
  for (const size_t i : order) {
    if (!HasItsPlaceInTheOrder(calls[i])) continue;
    if (calls[i].revision <= last) return false;
    last = calls[i].revision;
  }
  return true;
}

}  // namespace

std::string Change::Describe() const {
  std::string text = absl::StrCat("server ", server, ": ", kKinds[static_cast<int>(kind)]);
  if (!person.empty()) absl::StrAppend(&text, " ", person);
  if (kind == Kind::kEnrol) absl::StrAppend(&text, " with face ", face, " (request ", request_id, ")");
  if (kind == Kind::kDeleteReference) absl::StrAppend(&text, " ", reference.substr(0, 6));
  if (!model.empty()) absl::StrAppend(&text, " ", model.substr(0, 6));
  absl::StrAppend(&text, " → ");
  if (answer == Answer::kDone) {
    absl::StrAppend(&text, replayed ? "replayed" : "done", ", revision ", revision);
    if (!new_reference.empty()) absl::StrAppend(&text, ", reference ", new_reference.substr(0, 6));
  } else {
    absl::StrAppend(&text, answer == Answer::kRefused ? "refused: " : "no answer: ", reason);
    if (!message.empty()) absl::StrAppend(&text, " (", message, ")");
  }
  return text;
}

States StatesAfter(const States& before, const std::vector<Change>& at_once, bool models_busy) {
  const auto activations =
      std::count_if(at_once.begin(), at_once.end(), [](const Change& call) { return call.kind == Kind::kActivate; });
  std::vector<size_t> order(at_once.size());
  std::iota(order.begin(), order.end(), 0);
  States after;
  do {
    if (!FollowsRevisions(at_once, order)) continue;
    States states = before;
    for (const size_t i : order) {
      const bool contended = models_busy || activations > (at_once[i].kind == Kind::kActivate ? 1 : 0);
      States next;
      for (const ExpectedGallery& state : states) next.merge(AfterOne(state, at_once[i], contended));
      states = std::move(next);
    }
    after.merge(states);
  } while (std::next_permutation(order.begin(), order.end()));
  return after;
}

std::optional<ExpectedGallery> Recognize(ExpectedGallery state, const ListedPersons& listed) {
  if (state.persons.size() != listed.size()) return std::nullopt;
  for (auto& [id, person] : state.persons) {
    const auto found = listed.find(id);
    if (found == listed.end() || found->second.size() != person.references.size()) return std::nullopt;
    std::set<std::string> named, nameless;
    std::partition_copy(person.references.begin(), person.references.end(), std::inserter(nameless, nameless.end()),
                        std::inserter(named, named.end()), IsPlaceholder);
    if (!std::includes(found->second.begin(), found->second.end(), named.begin(), named.end())) return std::nullopt;
    std::vector<std::string> news;
    std::set_difference(found->second.begin(), found->second.end(), named.begin(), named.end(),
                        std::back_inserter(news));
    person.references = found->second;
    for (auto& [request_id, reference] : person.enrolments) {
      if (nameless.size() == 1 && nameless.contains(reference)) reference = news[0];
    }
    // Of several, nobody knows which is which.
    std::erase_if(person.enrolments, [](const auto& enrolment) { return IsPlaceholder(enrolment.second); });
  }
  return state;
}

Differences Compare(const ExpectedGallery& state, const ListedPersons& listed) {
  Differences differences;
  for (const auto& [id, person] : state.persons) {
    const auto found = listed.find(id);
    if (found == listed.end()) {
      differences.lost.push_back(absl::StrCat(id, " is enrolled and is not listed"));
      continue;
    }
    size_t nameless = 0;
    for (const std::string& reference : person.references) {
      if (IsPlaceholder(reference)) {
        ++nameless;
      } else if (!found->second.contains(reference)) {
        differences.lost.push_back(absl::StrCat("reference ", reference.substr(0, 6), " of ", id, " is not listed"));
      }
    }
    for (const std::string& reference : found->second) {
      if (person.references.contains(reference)) continue;
      if (nameless > 0) {
        --nameless;
      } else {
        differences.undead.push_back(absl::StrCat("reference ", reference.substr(0, 6), " of ", id,
                                                  " is listed and was deleted or never acknowledged"));
      }
    }
    if (nameless > 0) differences.lost.push_back(absl::StrCat(id, " lacks ", nameless, " references"));
  }
  for (const auto& [id, references] : listed) {
    if (!state.persons.contains(id)) differences.undead.push_back(absl::StrCat(id, " is listed and not enrolled"));
  }
  return differences;
}

std::vector<std::string> PersonsWithOneFace(const ExpectedGallery& state) {
  std::map<int, std::vector<std::string>> by_face;
  for (const auto& [id, person] : state.persons) {
    if (!person.references.empty()) by_face[person.face].push_back(id);
  }
  for (const auto& [face, ids] : by_face) {
    if (ids.size() > 1) return ids;
  }
  return {};
}

}  // namespace likeness
