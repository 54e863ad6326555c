// A random walk: changes of a gallery by callers and operators, at once and one after the other, while things break;
// after each step every server is held against what the gallery must hold.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_WALK_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_WALK_H_

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/integration/walk/expected_gallery.h"
#include "tests/integration/walk/plan.h"
#include "tests/integration/walk/verdicts.h"
#include "tests/integration/walk/walk_server.h"

namespace likeness {

struct WalkOptions {
  unsigned seed = 0;
  int steps = 0;
  int violations = 1;  // steps with one, after which it ends; before, it starts over with an empty gallery

  // `steps`, unless LIKENESS_WALK_STEPS says otherwise; LIKENESS_WALK_SEED, or any seed; LIKENESS_WALK_VIOLATIONS.
  static WalkOptions FromEnvironment(int steps);
};

// Something that goes wrong during a step. All functions may be empty.
struct Disturbance {
  std::string name = {};                // empty: nothing goes wrong
  std::set<int> changes_may_fail = {};  // servers by which changes may remain without an answer
  std::set<int> reads_may_fail = {};    // and reads
  std::function<void()> before = {};    // the step's changes are made after it
  std::function<void()> meanwhile =
      {};  // on a thread of its own, beginning with one of the rounds: the first where there is `before`
  std::function<void()> after = {};  // when the step's changes have been made
};

// Not thread-safe.
class Walk {
 public:
  explicit Walk(const WalkOptions& options);
  virtual ~Walk() = default;

  // Fails the test for each violation, with seed, step and the last steps.
  void Run();

 protected:
  // Starts the servers on an empty gallery, each time anew.
  virtual absl::Status Open() = 0;
  virtual int servers() const = 0;
  virtual WalkServer& server(int number) = 0;
  // Of those that run: those that can reach the gallery, of which there is one at least, and those that cannot.
  virtual std::vector<int> Healthy() = 0;
  virtual std::vector<int> CutOff() = 0;
  virtual Disturbance NextDisturbance() = 0;
  // Repairs what is to be repaired by now, or all of it.
  virtual absl::Status Repair(bool all) = 0;
  // Waits until no transaction is under way in the gallery; its revision.
  virtual int64_t AwaitQuiet() = 0;
  // Makes a step that is not about changes by calls; false where it is the turn of those.
  virtual bool SpecialStep() { return false; }

  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  // Remembers what happened, to be shown with a violation.
  void Note(const std::string& line);
  void Report(const Violation& violation);
  // Waits until the servers that were broken, and can reach the gallery now, read it and say so; a violation where they
  // do not. The others have to at any time.
  bool AwaitHealth();
  // Holds all servers against all that the gallery must hold.
  void CheckEverything();

  // Whether a violation was found since the gallery was empty.
  bool Broken() const { return broken_; }
  const ExpectedGallery& expected() const { return expected_; }
  // The last revision that a caller was told.
  int64_t acknowledged() const { return acknowledged_; }
  // From now on the gallery must hold this: it was restored.
  void Expect(ExpectedGallery state, int64_t acknowledged);

 private:
  // Somebody who asks for a person while a step is about others.
  struct Bystander {
    int server = 0;
    size_t round = 0;
    std::string person;
    std::optional<Violation> violation = {};
  };

  void StartOver();
  void NextStep();
  void Make(Step& step, const Disturbance& disturbance);
  void MakeAtOnce(Round& round, std::vector<Bystander>& bystanders, size_t number);
  // What the gallery may hold after the answers; nothing where one of them cannot be right.
  std::set<ExpectedGallery> Explain(const std::vector<Round>& rounds, const Disturbance& disturbance);
  void Repaired(bool all);
  std::optional<ListedPersons> List();
  // Looks which of the states it is, and makes certain what cannot be seen.
  bool Settle(const std::set<ExpectedGallery>& states, bool activation_without_answer);
  std::set<ExpectedGallery> ByFaces(std::set<ExpectedGallery> states);
  bool SettleModels(const std::set<ExpectedGallery>& states, bool activation_without_answer);
  bool ActivateAtLast(const std::string& model);
  int FaceOf(const std::string& person) const;
  void Check(const std::set<std::string>& persons, const std::set<int>& faces);
  void CheckPerson(int number, const std::string& person);
  void CheckFace(int number, int face);
  void CheckModel(int number);
  bool Ended() const;

  std::mt19937 random_;
  const WalkOptions options_;
  Plan plan_;
  ExpectedGallery expected_;
  int64_t revision_ = 0;  // the gallery's, when it was last quiet
  int64_t acknowledged_ = 0;
  int step_ = 0;
  std::deque<std::string> last_lines_;
  std::map<std::string, int> counts_;  // of what happened, for the summary
  std::map<Invariant, int> violations_;
  std::set<int> unwell_;  // servers that may need a moment once they are repaired
  int broken_steps_ = 0;
  bool broken_ = false;
  bool gave_up_ = false;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_WALK_H_
