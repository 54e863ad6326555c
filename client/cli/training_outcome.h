// How a command that follows a training ends.
#ifndef LIKENESS_CLIENT_CLI_TRAINING_OUTCOME_H_
#define LIKENESS_CLIENT_CLI_TRAINING_OUTCOME_H_

#include <string>

#include "absl/status/status.h"
#include "client/cli/invocation.h"
#include "likeness/v1/training_service.pb.h"

namespace likeness {

// kExitSuccess for a training that succeeded, kExitDifferent for one that failed or was cancelled.
ExitCode ExitCodeOf(const v1::Training& training);

// Writes a training: as JSON with --json, else in words.
void PrintTraining(Invocation& invocation, const v1::Training& training);

// Writes that Ctrl-C has ended the command and not the training, and returns kExitError: what comes of it is not known.
ExitCode LeaveTraining(Invocation& invocation, const std::string& training_id);

// The error of a call that was following a training, with how to find it again; its details are kept.
absl::Status LostSight(const absl::Status& status, const std::string& training_id);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TRAINING_OUTCOME_H_
