// Whether anybody still waits for the answer that is being worked on.
#ifndef LIKENESS_SERVER_ERRORS_STILL_WANTED_H_
#define LIKENESS_SERVER_ERRORS_STILL_WANTED_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace likeness {

// OK as long as somebody waits for the answer; CANCELLED or DEADLINE_EXCEEDED when the work would be for nothing.
// Cheap, and may be asked from any thread while the call lasts.
using StillWanted = absl::FunctionRef<absl::Status()>;

}  // namespace likeness

#endif  // LIKENESS_SERVER_ERRORS_STILL_WANTED_H_
