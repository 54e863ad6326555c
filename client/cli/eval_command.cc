#include "client/cli/eval_command.h"

#include <fstream>
#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/comparison_options.h"
#include "client/cli/evaluation_report.h"
#include "client/evaluation/report.h"
#include "client/evaluation/scores.h"
#include "server/files/files.h"

namespace likeness {
namespace {

constexpr char kDescription[] = "Measure the server's errors on photos of known people";
constexpr char kFooter[] =
    "Compares every photo of the folder with every other, or what --pairs, or --probes and --references, say.\n"
    "Embeds each photo once, taking its most central face, and holds the distances of the pairs against their labels.\n"
    "A photo that fails counts against the score: all its pairs count as wrong in the accuracies; elsewhere its "
    "genuine\n"
    "pairs count as rejected, and its impostor pairs, which tell nothing about false matches, are left out.\n"
    "Distances are normalized as the server's decisions are, and held against its base threshold.\n"
    "With --groups, or with several --images NAME=DIR, photos are compared within each group, and the figures are of "
    "all\n"
    "groups' pairs together and of each group. Groups whose names agree up to the first slash (ages/adult, "
    "ages/young)\n"
    "share their people. Of each group's FNMR at the server's threshold one counts the pairs that got a verdict, one "
    "all.\n"
    "Intervals are 95 % confidence intervals, bootstrapped over people.";

struct EvalOptions {
  ComparisonOptions comparisons;
  std::string report;
  std::string distances;
};

// One pair a line: both photos, 1 where they show one person, the distance as it is and normalized.
absl::Status WriteDistances(const std::string& path, const Comparisons& comparisons, const MeasuredPairs& measured) {
  std::ofstream file(path);
  file << "photo_a\tphoto_b\tgenuine\tdistance\tnormalized_distance\n";
  auto pair = measured.pairs.pairs.begin();
  ForEachComparison(comparisons, [&](uint32_t a, uint32_t b) {
    file << comparisons.photos[a].path << '\t' << comparisons.photos[b].path << '\t' << (pair->genuine() ? 1 : 0)
         << absl::StrFormat("\t%.9g\t%.9g\n", PlainDistance(measured, a, b, pair->distance), pair->distance);
    ++pair;
  });
  file.close();
  return file ? absl::OkStatus() : absl::FailedPreconditionError(absl::StrCat(path, " cannot be written"));
}

// What was compared, for a title: the folder, or the names of the groups.
std::string DataText(const ComparisonOptions& options, const Comparisons& comparisons) {
  if (comparisons.groups.empty()) return options.images.front();
  return absl::StrJoin(comparisons.groups, ", ",
                       [](std::string* out, const PhotoRange& group) { out->append(group.name); });
}

absl::StatusOr<ExitCode> Evaluate(Invocation& invocation, const EvalOptions& options) {
  const absl::StatusOr<Comparisons> comparisons = ReadComparisons(options.comparisons);
  if (!comparisons.ok()) return comparisons.status();
  const absl::StatusOr<MeasuredPairs> measured = MeasureThroughServer(invocation, options.comparisons, *comparisons);
  if (!measured.ok()) return measured.status();
  const absl::StatusOr<Scores> scores = ScorePairs(*comparisons, *measured);
  if (!scores.ok()) return scores.status();
  if (!options.distances.empty()) {
    if (absl::Status status = WriteDistances(options.distances, *comparisons, *measured); !status.ok()) return status;
  }
  if (!options.report.empty()) {
    const std::string page =
        EvaluationReport(DataText(options.comparisons, *comparisons), *comparisons, *measured, *scores);
    if (absl::Status status = ReplaceFile(options.report, page); !status.ok()) return status;
  }
  invocation.console.out << (invocation.json ? ReportJson(*scores) + "\n" : ReportText(*scores));
  return kExitSuccess;
}

}  // namespace

void AddEvalCommand(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("eval", kDescription);
  auto options = std::make_shared<EvalOptions>();
  command->footer(kFooter);
  AddFolderOptions(*command, options->comparisons);
  AddListOptions(*command, options->comparisons);
  command->add_option("--report", options->report, "Write a page with plots and the worst pairs")->type_name("FILE");
  command->add_option("--distances", options->distances, "Write the distance of every pair")->type_name("FILE");
  command->callback(
      [&invocation, options] { invocation.exit_code = invocation.Finish(Evaluate(invocation, *options)); });
}

}  // namespace likeness
