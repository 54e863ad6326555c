#include "client/cli/calibrate_command.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/comparison_options.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/files/files.h"
#include "server/seal/seal.h"
#include "server/statistics/bundle_measurements.h"

namespace likeness {
namespace {

constexpr char kDescription[] =
    "Measure which error rates a bundle's distances stand for, and write a bundle that says so";
constexpr char kFooter[] =
    "Compares every photo of the folder with every other through a server that runs the bundle. The new bundle "
    "carries\n"
    "operating points down to the lowest false match rate at which ten false matches were expected, and a calibration\n"
    "of distance to log-likelihood ratio. Its network is the same; its digest is not: activate it like any other "
    "model.\n"
    "Test it on people whom it was not measured on: --part 1/2 here, and --part 2/2 in `likeness eval`.";

struct CalibrateOptions {
  ComparisonOptions comparisons;
  std::string model;
  std::string out;
  std::string source;
};

std::string Describe(const BundleMeasurements& measured) {
  std::string text = "false match rate (95 %)            distance\n";
  for (const OperatingPoint& point : measured.operating_points) {
    absl::StrAppendFormat(&text, "%-8g (%.2g to %.2g)%*s%.4f\n", point.fmr, point.fmr_low, point.fmr_high, 8, "",
                          point.distance);
  }
  if (measured.operating_points.empty()) text = "no false match rate is supported: there are too few impostor pairs\n";
  if (measured.calibration.has_value()) {
    absl::StrAppendFormat(&text, "log-likelihood ratio = %.3f %+.3f × distance\n", measured.calibration->offset,
                          measured.calibration->slope);
  } else {
    absl::StrAppend(&text, "no calibration: the pairs are told apart without an error, or not at all\n");
  }
  return text;
}

// The photos must have been embedded by the bundle that is to carry the measurements.
absl::Status CheckModel(const std::string& bundle, const std::string& path, const v1::Model& served) {
  const auto digest = VerifySeal(bundle);
  if (!digest.ok()) return absl::Status(digest.status().code(), absl::StrCat(path, ": ", digest.status().message()));
  if (digest->Hex() == served.digest()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the server runs ", served.name(), " (", served.digest(), "), not ",
                                                    path, " (", digest->Hex(), ")"));
}

absl::StatusOr<ExitCode> Calibrate(Invocation& invocation, const CalibrateOptions& options) {
  const absl::StatusOr<std::string> bundle = ReadWholeFile(options.model);
  if (!bundle.ok()) return bundle.status();
  const absl::StatusOr<Comparisons> comparisons = ReadComparisons(options.comparisons);
  if (!comparisons.ok()) return comparisons.status();
  const absl::StatusOr<MeasuredPairs> pairs = MeasureThroughServer(invocation, options.comparisons, *comparisons);
  if (!pairs.ok()) return pairs.status();
  if (absl::Status status = CheckModel(*bundle, options.model, pairs->model); !status.ok()) return status;
  const absl::StatusOr<BundleMeasurements> measured = MeasureForBundle(pairs->pairs, options.source, /*seed=*/0);
  if (!measured.ok()) return measured.status();

  const absl::StatusOr<std::string> text = ReadBundleManifest(*bundle);
  if (!text.ok()) return text.status();
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) return absl::FailedPreconditionError(options.model + ": likeness.json is not an object");
  WriteMeasurements(*measured, manifest);
  const absl::StatusOr<std::string> changed = ReplaceBundleManifest(*bundle, manifest.dump(2) + "\n");
  if (!changed.ok()) return changed.status();
  if (absl::Status status = ReplaceFile(options.out, *changed); !status.ok()) return status;
  const std::string digest = VerifySeal(*changed)->Hex();
  if (invocation.json) {
    nlohmann::ordered_json result = {{"digest", digest}, {"failed_photos", pairs->failed_photos.size()}};
    WriteMeasurements(*measured, result);
    invocation.console.out << result.dump() << '\n';
  } else {
    invocation.console.out << Describe(*measured)
                           << absl::StrFormat("%d photos, %d failed\n%s: %s\n", comparisons->photos.size(),
                                              pairs->failed_photos.size(), options.out, digest);
  }
  return kExitSuccess;
}

}  // namespace

void AddCalibrateCommand(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("calibrate", kDescription);
  auto options = std::make_shared<CalibrateOptions>();
  command->footer(kFooter);
  AddFolderOptions(*command, options->comparisons);
  command->add_option("--model", options->model, "The bundle that the server runs")
      ->type_name("FILE")
      ->required()
      ->check(CLI::ExistingFile.description(""));
  command->add_option("--out", options->out, "The bundle to write")->type_name("FILE")->required();
  command->add_option("--source", options->source, "What the photos are, for those who read the bundle")
      ->type_name("TEXT")
      ->required()
      ->check([](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
  command->callback(
      [&invocation, options] { invocation.exit_code = invocation.Finish(Calibrate(invocation, *options)); });
}

}  // namespace likeness
