// The options that say what photos an evaluation or a calibration compares, and the way from them to measured pairs.
#ifndef LIKENESS_CLIENT_CLI_COMPARISON_OPTIONS_H_
#define LIKENESS_CLIENT_CLI_COMPARISON_OPTIONS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/cli/invocation.h"
#include "client/evaluation/comparisons.h"
#include "client/evaluation/measured_pairs.h"

namespace likeness {

struct ComparisonOptions {
  std::string images;
  std::string pairs;       // a file; or
  std::string probes;      // two files, or
  std::string references;  // nothing: everybody in the folder
  PeoplePart part;
  int jobs = 4;
};

// --images, --part and --jobs. `options` must outlive the command's parsing.
void AddFolderOptions(CLI::App& command, ComparisonOptions& options);

// And --pairs, --probes and --references.
void AddListOptions(CLI::App& command, ComparisonOptions& options);

// Reads the lists or the folder. Errors name the file.
absl::StatusOr<Comparisons> ReadComparisons(const ComparisonOptions& options);

// Embeds every photo once through the server, taking its most central face, with a progress bar.
absl::StatusOr<MeasuredPairs> MeasureThroughServer(Invocation& invocation, const ComparisonOptions& options,
                                                   const Comparisons& comparisons);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_COMPARISON_OPTIONS_H_
