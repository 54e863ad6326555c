// Trainings in words.
#ifndef LIKENESS_CLIENT_CLI_TRAINING_TEXT_H_
#define LIKENESS_CLIENT_CLI_TRAINING_TEXT_H_

#include <string>

#include "likeness/v1/training_service.pb.h"

namespace likeness {

// "queued", "running", "succeeded", "failed" or "cancelled".
std::string StateText(v1::TrainingState state);

// What a whole epoch came to: "epoch 3 of 20: loss 0.1234, mean distance 0.412 genuine, 1.203 impostor, …".
std::string EpochText(const v1::Training& training, const v1::TrainingProgress& epoch);

// How far a running training is, as a bar and numbers, for a line that is redrawn in place.
std::string ProgressText(const v1::Training& training);

// A few lines for people, the last one ended: what the training is, has seen and came to.
std::string TrainingText(const v1::Training& training);

// The command line that makes the report of a training later.
std::string ReportText(const std::string& training_id);

// How to come back to a training that goes on without the command: three command lines.
std::string ComeBackText(const std::string& training_id);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TRAINING_TEXT_H_
