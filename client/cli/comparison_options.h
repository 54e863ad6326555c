// The options that say what photos an evaluation or a calibration compares, and the way from them to measured pairs.
#ifndef LIKENESS_CLIENT_CLI_COMPARISON_OPTIONS_H_
#define LIKENESS_CLIENT_CLI_COMPARISON_OPTIONS_H_

#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "client/cli/invocation.h"
#include "client/evaluation/comparisons.h"
#include "client/evaluation/embed_photos.h"
#include "client/evaluation/measured_pairs.h"

namespace likeness {

struct ComparisonOptions {
  std::vector<std::string> images;  // DIR, or NAME=DIR for each group of people
  std::string groups;               // a file that tells the people of one DIR apart, or nothing
  std::string pairs;                // a file; or
  std::string probes;               // two files, or
  std::string references;           // nothing: everybody in the folder
  PeoplePart part;
  int jobs = 4;
  v1::QualityGate probe_gate = v1::QUALITY_GATE_STANDARD;  // what Verify refuses by default tells nothing of its rates
};

// --images, --groups, --part, --jobs and --probe-gate. `options` must outlive the command's parsing.
void AddFolderOptions(CLI::App& command, ComparisonOptions& options);

// And --pairs, --probes and --references.
void AddListOptions(CLI::App& command, ComparisonOptions& options);

// Reads the lists or the folders. Errors name the file.
absl::StatusOr<Comparisons> ReadComparisons(const ComparisonOptions& options);

// Embeds photos once each through the server, taking their most central face, with a progress bar. A photo that the
// probe gate refuses has failed. `read` gives the bytes of one by its name, and must be thread-safe.
PhotoEmbeddings EmbedThroughServer(Invocation& invocation, const ComparisonOptions& options, const std::string& label,
                                   const std::vector<std::string>& photos,
                                   const std::function<absl::StatusOr<std::string>(const std::string&)>& read);

// The same with every photo that is compared, by path.
PhotoEmbeddings EmbedComparedPhotos(Invocation& invocation, const ComparisonOptions& options,
                                    const Comparisons& comparisons);

// And compares them.
absl::StatusOr<MeasuredPairs> MeasureThroughServer(Invocation& invocation, const ComparisonOptions& options,
                                                   const Comparisons& comparisons);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_COMPARISON_OPTIONS_H_
