#include "client/cli/training_outcome.h"

#include <ostream>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "client/cli/training_text.h"

namespace likeness {

ExitCode ExitCodeOf(const v1::Training& training) {
  return training.state() == v1::TRAINING_STATE_SUCCEEDED ? kExitSuccess : kExitDifferent;
}

void PrintTraining(Invocation& invocation, const v1::Training& training) {
  if (invocation.json) {
    invocation.PrintJson(training);
  } else {
    invocation.console.out << TrainingText(training);
  }
}

ExitCode LeaveTraining(Invocation& invocation, const std::string& training_id) {
  return invocation.Fail("INTERRUPTED", absl::StrCat("training ", training_id,
                                                     " goes on without this command: ", ComeBackText(training_id)));
}

absl::Status LostSight(const absl::Status& status, const std::string& training_id) {
  absl::Status result(status.code(), absl::StrCat(status.message(), "; training ", training_id,
                                                  " belongs to the server: ", ComeBackText(training_id)));
  status.ForEachPayload(
      [&result](absl::string_view type_url, const absl::Cord& payload) { result.SetPayload(type_url, payload); });
  return result;
}

}  // namespace likeness
