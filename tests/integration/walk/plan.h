// What a random walk does next.
#ifndef LIKENESS_TESTS_INTEGRATION_WALK_PLAN_H_
#define LIKENESS_TESTS_INTEGRATION_WALK_PLAN_H_

#include <random>
#include <string>
#include <vector>

#include "tests/integration/walk/expected_gallery.h"

namespace likeness {

// Changes that are made at once, by callers of their own.
using Round = std::vector<Change>;

// Rounds that follow each other without a look at the gallery in between.
struct Step {
  std::string name;
  std::vector<Round> rounds;
};

// Not thread-safe. The steps depend on the random numbers and what they are told, on nothing else.
class Plan {
 public:
  explicit Plan(std::mt19937& random) : random_(random) {}

  // A step from this state by calls to these servers, of which there is at least one.
  Step Next(const ExpectedGallery& state, const std::vector<int>& servers);

  // One of the persons that steps are about, enrolled or not.
  std::string AnyPerson();
  int AnyFace();

 private:
  int Below(int limit);
  template <typename Container>
  auto OneOf(const Container& values);
  int AnyServer(const std::vector<int>& servers) {
    return servers[static_cast<size_t>(Below(static_cast<int>(servers.size())))];
  }
  // Another one than `server` where there is another.
  int OtherServer(const std::vector<int>& servers, int server);

  Change Enrol(int server, const std::string& person, int face);
  // Changes of one person or one face.
  Change AnyChange(const ExpectedGallery& state, int server);
  Step PersonStep(const ExpectedGallery& state, const std::vector<int>& servers);
  Step ModelStep(const ExpectedGallery& state, const std::vector<int>& servers);

  std::mt19937& random_;
  int requests_ = 0;
};

}  // namespace likeness

#endif  // LIKENESS_TESTS_INTEGRATION_WALK_PLAN_H_
