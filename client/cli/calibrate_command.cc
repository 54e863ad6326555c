#include "client/cli/calibrate_command.h"

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/calibration/calibration.h"
#include "client/cli/comparison_options.h"
#include "client/cli/photo_file.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/files/files.h"
#include "server/seal/seal.h"
#include "server/statistics/bundle_measurements.h"

namespace likeness {
namespace {

constexpr char kDescription[] =
    "Measure which error rates a bundle's distances stand for, and write a bundle that says so";
constexpr char kFooter[] =
    "Compares every photo of a folder with every other through a server that runs the bundle. Name groups of people\n"
    "(--images NAME=DIR, several times) for the rates to hold in each: the group that matches most decides. The new\n"
    "bundle carries a cohort, by which the threshold of a pair follows how crowded the places of its faces are; "
    "operating\n"
    "points down to the lowest false match rate at which ten false matches were expected; and a calibration of "
    "distance\n"
    "to log-likelihood ratio. Its network is the same; its digest is not: activate it like any other model.\n"
    "Test it on people whom it was not measured on: --part 1/2 here, and --part 2/2 in `likeness eval`.";

struct CalibrateOptions {
  ComparisonOptions comparisons;
  CohortOptions cohort;
  bool without_cohort = false;
  size_t copies = 50;
  std::string model;
  std::string out;
  std::string source;
};

std::string DescribeCohort(const CalibrationResult& result) {
  const std::shared_ptr<const Cohort>& cohort = result.measurements.cohort;
  if (cohort == nullptr) {
    return absl::StrCat("no cohort, so every pair has the same threshold: ", result.why_no_cohort, "\n");
  }
  std::string text =
      absl::StrFormat("cohort of %d centroids of at least %d people each, nearest %d, cap %.4f\n", cohort->centroids(),
                      cohort->description().people_in_centroid, cohort->description().nearest, cohort->cap());
  for (const CohortSource& source : cohort->description().sources) {
    absl::StrAppendFormat(&text, "  %s: %d faces of %d people\n", source.name, source.faces, source.people);
  }
  return text;
}

std::string DescribePoints(const std::vector<OperatingPoint>& points) {
  if (points.empty()) return "no false match rate is supported: there are too few impostor pairs\n";
  std::string text = "false match rate (95 %)            distance   false match rate of each group\n";
  for (const OperatingPoint& point : points) {
    absl::StrAppendFormat(&text, "%-8g (%.2g to %.2g)%*s%.4f  ", point.fmr, point.fmr_low, point.fmr_high, 8, "",
                          point.distance);
    for (const GroupRates& group : point.groups) absl::StrAppendFormat(&text, " %s %.2g", group.name, group.fmr);
    absl::StrAppend(&text, "\n");
  }
  return text;
}

std::string Describe(const CalibrationResult& result) {
  const std::optional<Calibration>& calibration = result.measurements.calibration;
  return absl::StrCat(DescribeCohort(result), DescribePoints(result.measurements.operating_points),
                      calibration.has_value()
                          ? absl::StrFormat("log-likelihood ratio = %.3f %+.3f × normalized distance\n",
                                            calibration->offset, calibration->slope)
                          : "no calibration: the pairs are told apart without an error, or not at all\n");
}

// The photos must have been embedded by the bundle that is to carry the measurements.
absl::Status CheckModel(const std::string& bundle, const std::string& path, const v1::Model& served) {
  const auto digest = VerifySeal(bundle);
  if (!digest.ok()) return absl::Status(digest.status().code(), absl::StrCat(path, ": ", digest.status().message()));
  if (digest->Hex() == served.digest()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the server runs ", served.name(), " (", served.digest(), "), not ",
                                                    path, " (", digest->Hex(), ")"));
}

absl::StatusOr<nlohmann::ordered_json> ParseManifest(const CalibrateOptions& options, const std::string& bundle) {
  const absl::StatusOr<std::string> text = ReadBundleManifest(bundle);
  if (!text.ok()) return text.status();
  nlohmann::ordered_json manifest = nlohmann::ordered_json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) return absl::FailedPreconditionError(options.model + ": likeness.json is not an object");
  return manifest;
}

// What became of each of the copies, in their order.
std::vector<absl::StatusOr<v1::EmbedResponse>> EmbedCopies(Invocation& invocation, const CalibrateOptions& options,
                                                           const Comparisons& comparisons,
                                                           const PhotoEmbeddings& embeddings,
                                                           const std::vector<DegradedCopy>& copies) {
  std::vector<std::string> names;
  std::map<std::string, size_t> numbers;
  for (size_t i = 0; i < copies.size(); ++i) {
    names.push_back(absl::StrCat(i));
    numbers.emplace(names.back(), i);
  }
  const auto read = [&](const std::string& name) -> absl::StatusOr<std::string> {
    const DegradedCopy& copy = copies[numbers.at(name)];
    const KnownPhoto& photo = comparisons.photos[copy.photo];
    const absl::StatusOr<std::string> bytes = ReadPhotoFile(photo.file);
    if (!bytes.ok()) return bytes.status();
    return MakeCopy(copy, *bytes, embeddings.at(photo.path)->face(), options.cohort.seed);
  };
  PhotoEmbeddings embedded;
  ComparisonOptions any_face = options.comparisons;
  any_face.probe_gate = v1::QUALITY_GATE_OFF;  // the cohort is there for what no gate finds
  if (!names.empty()) embedded = EmbedThroughServer(invocation, any_face, "embedding degraded copies", names, read);
  std::vector<absl::StatusOr<v1::EmbedResponse>> responses;
  for (const std::string& name : names) responses.push_back(std::move(embedded.at(name)));
  return responses;
}

absl::StatusOr<ExitCode> CalibrateThroughServer(Invocation& invocation, const CalibrateOptions& options) {
  const absl::StatusOr<std::string> bundle = ReadWholeFile(options.model);
  if (!bundle.ok()) return bundle.status();
  absl::StatusOr<nlohmann::ordered_json> manifest = ParseManifest(options, *bundle);
  if (!manifest.ok()) return manifest.status();
  const absl::StatusOr<Comparisons> comparisons = ReadComparisons(options.comparisons);
  if (!comparisons.ok()) return comparisons.status();
  const PhotoEmbeddings embeddings = EmbedComparedPhotos(invocation, options.comparisons, *comparisons);
  const absl::StatusOr<MeasuredPairs> pairs = MeasurePairs(*comparisons, embeddings);
  if (!pairs.ok()) return pairs.status();
  if (absl::Status status = CheckModel(*bundle, options.model, pairs->model); !status.ok()) return status;

  const bool unit_length = manifest->at("embedding").value("unit_length", false) && !options.without_cohort;
  std::vector<DegradedCopy> copies;
  if (unit_length) copies = ChooseCopies(*comparisons, embeddings, options.copies, options.cohort.seed);
  const auto copy_embeddings = EmbedCopies(invocation, options, *comparisons, embeddings, copies);
  absl::StatusOr<CalibrationResult> result =
      Calibrate({*comparisons, embeddings, copies, copy_embeddings}, unit_length, options.cohort, options.source);
  if (!result.ok()) return result.status();
  if (options.without_cohort) result->why_no_cohort = "--without-cohort";

  WriteMeasurements(result->measurements, *manifest);
  const absl::StatusOr<std::string> changed = ReplaceBundleManifest(*bundle, manifest->dump(2) + "\n");
  if (!changed.ok()) return changed.status();
  if (absl::Status status = ReplaceFile(options.out, *changed); !status.ok()) return status;
  const std::string digest = VerifySeal(*changed)->Hex();
  if (invocation.json) {
    nlohmann::ordered_json json = {{"digest", digest},
                                   {"failed_photos", pairs->failed_photos.size()},
                                   {"copies", copies.size()},
                                   {"failed_copies", result->failed_copies}};
    WriteMeasurements(result->measurements, json);
    invocation.console.out << json.dump() << '\n';
  } else {
    invocation.console.out << Describe(*result)
                           << absl::StrFormat("%d photos, %d failed; %d degraded copies, %d failed\n%s: %s\n",
                                              comparisons->photos.size(), pairs->failed_photos.size(), copies.size(),
                                              result->failed_copies, options.out, digest);
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
  command->add_flag("--without-cohort", options->without_cohort, "Keep one threshold for every pair");
  command->add_option("--copies", options->copies, "Degraded copies in the cohort, of each kind and group")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--centroids", options->cohort.centroids, "Centroids of the cohort, at most")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000).description(""));
  command->add_option("--nearest", options->cohort.nearest, "Nearest centroids by which a face is crowded")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000).description(""));
  command->add_option("--seed", options->cohort.seed, "What the cohort's random choices are made from")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--out", options->out, "The bundle to write")->type_name("FILE")->required();
  command->add_option("--source", options->source, "What the photos are, for those who read the bundle")
      ->type_name("TEXT")
      ->required()
      ->check([](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
  command->callback([&invocation, options] {
    invocation.exit_code = invocation.Finish(CalibrateThroughServer(invocation, *options));
  });
}

}  // namespace likeness
