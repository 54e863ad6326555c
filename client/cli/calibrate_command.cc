#include "client/cli/calibrate_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
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
#include "client/cli/model_commands.h"
#include "client/cli/photo_file.h"
#include "client/model_client.h"
#include "server/bundle_file/bundle_manifest_file.h"
#include "server/bundle_file/measured_bundle.h"
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
    "to log-likelihood ratio. Its network is the same; its version and its digest are not. --install brings it into "
    "the\n"
    "server's models, --activate lets it answer, too; both need the scope admin, and no file then.\n"
    "Test it on people whom it was not measured on: --part 1/2 here, and --part 2/2 in `likeness eval`.";

struct CalibrateOptions {
  ComparisonOptions comparisons;
  CohortOptions cohort;
  bool without_cohort = false;
  size_t copies = 50;
  std::string model;
  std::string out;
  std::string source;
  bool install = false;
  bool activate = false;
};

// Photos and copies that were measured.
struct Counts {
  size_t photos = 0;
  size_t failed_photos = 0;
  size_t copies = 0;
};

// What will carry the measurements.
struct MeasuredModel {
  std::string bundle;
  std::string digest;
  bool unit_length = false;
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

// What a photo that a network cannot use is answered with.
bool IsOfThePhoto(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) || absl::IsNotFound(status);
}

// The model that answers. Only administrators may ask which, but every answer says so: that for the first photo.
absl::StatusOr<v1::Model> ServedModel(Invocation& invocation, const CalibrateOptions& options,
                                      const Comparisons& comparisons) {
  if (options.install) {
    const absl::StatusOr<v1::ListModelsResponse> models = ModelClient(invocation.client_options).ListModels({});
    if (!models.ok()) return models.status();
    if (models->models().empty()) return absl::InternalError("the server lists no model");
    return models->models(0).model();
  }
  Client client(invocation.client_options);
  absl::Status last = absl::InvalidArgumentError("there is no photo");
  for (const KnownPhoto& photo : comparisons.photos) {
    absl::StatusOr<std::string> bytes = ReadPhotoFile(photo.file);
    if (!bytes.ok()) return bytes.status();
    v1::EmbedRequest request;
    request.set_photo(*std::move(bytes));
    request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    request.set_probe_gate(v1::QUALITY_GATE_OFF);
    const absl::StatusOr<v1::EmbedResponse> response = client.Embed(request);
    if (response.ok()) return response->model();
    if (!IsOfThePhoto(response.status())) return response.status();
    last = response.status();
  }
  return last;
}

absl::StatusOr<std::string> ExportBundle(Invocation& invocation, const std::string& digest) {
  v1::ExportModelRequest request;
  request.set_digest(digest);
  std::string bundle;
  const absl::Status exported =
      ModelClient(invocation.client_options).ExportModel(request, [&bundle](absl::string_view piece) {
        absl::StrAppend(&bundle, piece);
        return absl::OkStatus();
      });
  if (!exported.ok()) return exported;
  return bundle;
}

absl::StatusOr<MeasuredModel> CheckBundle(const std::string& name, std::string bundle) {
  const auto wrong = [&name](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
  };
  const auto digest = VerifySeal(bundle);
  if (!digest.ok()) return wrong(digest.status());
  const absl::StatusOr<std::string> text = ReadBundleManifest(bundle);
  if (!text.ok()) return wrong(text.status());
  const nlohmann::json manifest = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer unit_length("/embedding/unit_length");
  if (!manifest.is_object() || !manifest.contains(unit_length) || !manifest.at(unit_length).is_boolean()) {
    return wrong(absl::FailedPreconditionError("its likeness.json is not that of an embedding bundle"));
  }
  return MeasuredModel{std::move(bundle), digest->Hex(), manifest.at(unit_length).get<bool>()};
}

// The bundle that is to carry the measurements, which must be that of the model that embeds the photos.
absl::StatusOr<MeasuredModel> ReadMeasuredModel(Invocation& invocation, const CalibrateOptions& options,
                                                const Comparisons& comparisons) {
  absl::StatusOr<MeasuredModel> model = MeasuredModel();
  if (!options.model.empty()) {
    absl::StatusOr<std::string> bundle = ReadWholeFile(options.model);
    if (!bundle.ok()) return bundle.status();
    model = CheckBundle(options.model, *std::move(bundle));
    if (!model.ok()) return model;
  }
  const absl::StatusOr<v1::Model> served = ServedModel(invocation, options, comparisons);
  if (!served.ok()) return served.status();
  if (options.model.empty()) {
    absl::StatusOr<std::string> bundle = ExportBundle(invocation, served->digest());
    if (!bundle.ok()) return bundle.status();
    model = CheckBundle("the server's model", *std::move(bundle));
    if (!model.ok()) return model;
  }
  if (model->digest == served->digest()) return model;
  return absl::FailedPreconditionError(absl::StrCat("the server runs ", served->name(), " (", served->digest(),
                                                    "), not ", options.model, " (", model->digest, ")"));
}

// Before an hour of work whose result could not be written.
absl::Status CheckOut(const std::string& out) {
  if (out.empty()) return absl::OkStatus();
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path folder = fs::path(out).has_parent_path() ? fs::path(out).parent_path() : fs::path(".");
  if (fs::is_directory(out, error)) return absl::FailedPreconditionError(absl::StrCat("--out ", out, " is a folder"));
  if (access(folder.c_str(), W_OK | X_OK) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--out ", out, " cannot be written: ", folder.native(), ": ", std::strerror(errno)));
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

std::string NextStep(const CalibrateOptions& options, const std::string& digest) {
  if (options.activate) return "";
  if (options.install) return absl::StrCat("next: likeness models activate ", digest.substr(0, 12), "\n");
  return absl::StrCat("next: the same with --install, or likeness-server --model=", options.out, "\n");
}

void Print(Invocation& invocation, const CalibrateOptions& options, const CalibrationResult& result,
           const Counts& counts, const std::string& digest) {
  if (invocation.json) {
    nlohmann::ordered_json json = {{"digest", digest},
                                   {"installed", options.install},
                                   {"failed_photos", counts.failed_photos},
                                   {"copies", counts.copies},
                                   {"failed_copies", result.failed_copies}};
    WriteMeasurements(result.measurements, json);
    invocation.console.out << json.dump() << '\n';
    return;
  }
  invocation.console.out << Describe(result)
                         << absl::StrFormat("%d photos, %d failed; %d degraded copies, %d failed\n", counts.photos,
                                            counts.failed_photos, counts.copies, result.failed_copies);
  if (!options.out.empty()) invocation.console.out << options.out << ": " << digest << '\n';
  if (options.install) invocation.console.out << "installed: " << digest << '\n';
  invocation.console.out << NextStep(options, digest);
}

absl::StatusOr<CalibrationResult> MeasureCalibration(Invocation& invocation, const CalibrateOptions& options,
                                                     const Comparisons& comparisons, const MeasuredModel& model,
                                                     Counts& counts) {
  const PhotoEmbeddings embeddings = EmbedComparedPhotos(invocation, options.comparisons, comparisons);
  const absl::StatusOr<MeasuredPairs> pairs = MeasurePairs(comparisons, embeddings);
  if (!pairs.ok()) return pairs.status();
  if (pairs->model.digest() != model.digest) {
    return absl::FailedPreconditionError("the server changed its model while the photos were embedded");
  }
  const bool with_cohort = model.unit_length && !options.without_cohort;
  std::vector<DegradedCopy> copies;
  if (with_cohort) copies = ChooseCopies(comparisons, embeddings, options.copies, options.cohort.seed);
  const auto copy_embeddings = EmbedCopies(invocation, options, comparisons, embeddings, copies);
  counts = {comparisons.photos.size(), pairs->failed_photos.size(), copies.size()};
  absl::StatusOr<CalibrationResult> result =
      Calibrate({comparisons, embeddings, copies, copy_embeddings}, with_cohort, options.cohort, options.source);
  if (result.ok() && options.without_cohort) result->why_no_cohort = "--without-cohort";
  return result;
}

// The server makes the same bundle of its own file. Its digest.
absl::StatusOr<std::string> Install(Invocation& invocation, const MeasuredModel& model,
                                    const std::string& measurements) {
  v1::AddMeasurementsRequest request;
  request.set_digest(model.digest);
  request.set_measurements(measurements);
  const absl::StatusOr<v1::AddMeasurementsResponse> response =
      ModelClient(invocation.client_options).AddMeasurements(request);
  if (!response.ok()) return response.status();
  return response->model().digest();
}

absl::StatusOr<ExitCode> CalibrateThroughServer(Invocation& invocation, const CalibrateOptions& options) {
  if (absl::Status status = CheckOut(options.out); !status.ok()) return status;
  const absl::StatusOr<Comparisons> comparisons = ReadComparisons(options.comparisons);
  if (!comparisons.ok()) return comparisons.status();
  const absl::StatusOr<MeasuredModel> model = ReadMeasuredModel(invocation, options, *comparisons);
  if (!model.ok()) return model.status();
  Counts counts;
  const absl::StatusOr<CalibrationResult> result =
      MeasureCalibration(invocation, options, *comparisons, *model, counts);
  if (!result.ok()) return result.status();

  nlohmann::ordered_json measurements = nlohmann::ordered_json::object();
  WriteMeasurements(result->measurements, measurements);
  const absl::StatusOr<MeasuredBundle> changed = ReplaceMeasurements(model->bundle, measurements.dump());
  if (!changed.ok()) return changed.status();
  if (!options.out.empty()) {
    if (absl::Status status = ReplaceFile(options.out, changed->bytes); !status.ok()) return status;
  }
  std::string digest = VerifySeal(changed->bytes)->Hex();
  if (options.install) {
    absl::StatusOr<std::string> installed = Install(invocation, *model, measurements.dump());
    if (!installed.ok()) return installed.status();
    digest = *std::move(installed);
  }
  Print(invocation, options, *result, counts, digest);
  return options.activate ? ActivateModel(invocation, digest) : kExitSuccess;
}

}  // namespace

void AddCalibrateCommand(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("calibrate", kDescription);
  auto options = std::make_shared<CalibrateOptions>();
  command->footer(kFooter);
  AddFolderOptions(*command, options->comparisons);
  CLI::Option* model = command->add_option("--model", options->model, "The bundle that the server answers by")
                           ->type_name("FILE")
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
  CLI::Option* out = command->add_option("--out", options->out, "The bundle to write")->type_name("FILE")->needs(model);
  CLI::Option* install =
      command->add_flag("--install", options->install, "Bring the bundle into the server's models, and allow it");
  command->add_flag("--activate", options->activate, "And let it answer")->needs(install);
  command->add_option("--source", options->source, "What the photos are, for those who read the bundle")
      ->type_name("TEXT")
      ->required()
      ->check([](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
  command->callback([&invocation, options, out] {
    if (out->count() == 0 && !options->install) throw CLI::RequiredError("--out, or --install,");
    invocation.exit_code = invocation.Finish(CalibrateThroughServer(invocation, *options));
  });
}

}  // namespace likeness
