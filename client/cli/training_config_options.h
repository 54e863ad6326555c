// The options that say how to train.
#ifndef LIKENESS_CLIENT_CLI_TRAINING_CONFIG_OPTIONS_H_
#define LIKENESS_CLIENT_CLI_TRAINING_CONFIG_OPTIONS_H_

#include "CLI/CLI.hpp"
#include "likeness/v1/training_service.pb.h"

namespace likeness {

// Adds --base-model, --margin and the others. Each sets its field of `config`, which must outlive the parsing; what is
// not given stays unset, so that the server's defaults hold.
void AddTrainingConfigOptions(CLI::App& command, v1::TrainingConfig& config);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_TRAINING_CONFIG_OPTIONS_H_
