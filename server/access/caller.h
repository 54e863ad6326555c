// Who calls.
#ifndef LIKENESS_SERVER_ACCESS_CALLER_H_
#define LIKENESS_SERVER_ACCESS_CALLER_H_

#include <cstdint>
#include <optional>
#include <string>

namespace likeness {

// What may be set for each token, otherwise for all callers.
struct CallerLimits {
  std::optional<double> calls_per_second;  // above 0
  std::optional<int64_t> max_persons;      // that the caller has enrolled and nobody has deleted
};

struct Caller {
  std::string name;    // of the token; empty where callers need none
  bool admin = false;  // whether the token has the scope
  CallerLimits limits;
};

}  // namespace likeness

#endif  // LIKENESS_SERVER_ACCESS_CALLER_H_
