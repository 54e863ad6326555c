// Who calls.
#ifndef LIKENESS_SERVER_ACCESS_CALLER_H_
#define LIKENESS_SERVER_ACCESS_CALLER_H_

#include <cstdint>
#include <optional>
#include <string>

namespace likeness {

// What may be set for each token, otherwise for all callers.
struct CallerLimits {
  std::optional<double> calls_per_second = {};  // above 0
  std::optional<int64_t> max_persons = {};      // that the caller has enrolled and nobody has deleted
  std::optional<int64_t> mismatches = {};       // an hour, over all people; 0: any number
};

struct Caller {
  std::string name;        // of the token; empty where callers need none
  bool admin = false;      // whether the token has the scope
  bool activates = false;  // whether it may make another model answer: an admin, or where callers need no tokens
  // Whether it may be told what depends on a reference beyond yes and no, and choose the threshold.
  bool scores = false;
  CallerLimits limits;
  std::string address = {};  // of the caller's machine

  // What the caller's limits go by.
  const std::string& who() const { return name.empty() ? address : name; }
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_CALLER_H_
