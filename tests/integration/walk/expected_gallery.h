// What a gallery must hold after calls that were answered, or whose answer was lost: the model that a random walk holds
// the servers against. Pure functions: no server, no clock.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_EXPECTED_GALLERY_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_EXPECTED_GALLERY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace likeness {

struct ExpectedPerson {
  int face = 0;                                   // whose photo all references are of
  std::set<std::string> references;               // their ids; may be empty
  std::map<std::string, std::string> enrolments;  // reference by request_id, of all since the person came

  friend auto operator<=>(const ExpectedPerson&, const ExpectedPerson&) = default;
};

struct ExpectedGallery {
  std::map<std::string, ExpectedPerson> persons;
  std::string active;             // digest of the model that answers
  std::set<std::string> allowed;  // digests of the models that may be activated

  friend auto operator<=>(const ExpectedGallery&, const ExpectedGallery&) = default;
};

// A call that changes the gallery, and what became of it.
struct Change {
  enum class Kind { kEnrol, kDeletePerson, kDeleteReference, kActivate, kDeleteModel, kAllowModel };
  enum class Answer {
    kDone,
    kRefused,  // certainly without effect, for the reason
    kUnknown,  // it may have had its effect
  };

  Kind kind = Kind::kEnrol;
  int server = 0;
  std::string person = {};
  int face = 0;                 // kEnrol
  std::string request_id = {};  // kEnrol
  std::string reference = {};   // kDeleteReference
  std::string model = {};       // the three of models

  Answer answer = Answer::kUnknown;
  std::string reason = {};         // of a refusal or a failure
  std::string message = {};        // of a failure
  std::string new_reference = {};  // kEnrol, done
  bool replayed = false;           // kEnrol, done
  int64_t revision = 0;            // done

  std::string Describe() const;
};

// The states in which the gallery may be after calls that were made at once; none where their answers cannot all be
// right, in whatever order they took effect. Acknowledged changes of persons took effect in the order of their
// revisions. `models_busy`: servers may still be at activations from before. The reference of an enrolment without an
// answer is "?" and its request_id.
std::set<ExpectedGallery> StatesAfter(const std::set<ExpectedGallery>& before, const std::vector<Change>& at_once,
                                      bool models_busy = false);

// Who is enrolled with which references, as a server lists them.
using ListedPersons = std::map<std::string, std::set<std::string>>;

// The state with the names of references filled in where it had none, if that is what the server lists.
std::optional<ExpectedGallery> Recognize(ExpectedGallery state, const ListedPersons& listed);

// How a list differs from a state, in words that name each person; empty where it does not.
struct Differences {
  std::vector<std::string> lost;    // is to be there
  std::vector<std::string> undead;  // is not to be there
  bool empty() const { return lost.empty() && undead.empty(); }
  size_t size() const { return lost.size() + undead.size(); }
};
Differences Compare(const ExpectedGallery& state, const ListedPersons& listed);

// Two persons with the same face; empty where there are none.
std::vector<std::string> PersonsWithOneFace(const ExpectedGallery& state);

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_EXPECTED_GALLERY_H_
