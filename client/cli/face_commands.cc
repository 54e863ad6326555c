#include "client/cli/face_commands.h"

#include <cmath>
#include <memory>
#include <optional>
#include <ostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/photo_file.h"
#include "client/cli/quality_text.h"
#include "client/cli/threshold_text.h"

namespace likeness {
namespace {

struct FaceOptions {
  std::string person_id;
  std::vector<std::string> photos;
  v1::FacePolicy face_policy = v1::FACE_POLICY_ONLY;
  std::optional<double> max_distance;
  std::optional<double> target_fmr;
  v1::QualityGate probe_gate = v1::QUALITY_GATE_UNSPECIFIED;
};

constexpr char kProbeGate[] = "How good a face must be for a verdict; without it the server decides";

std::string Describe(const v1::Model& model) { return absl::StrFormat("model %s %s", model.name(), model.version()); }

// Empty where the caller is not told it.
std::string DistanceText(const v1::VerifyResponse& response) {
  return response.has_distance() ? absl::StrFormat("distance %.4f, ", response.distance()) : "";
}
std::string DistanceText(const v1::CompareResponse& response) {
  return absl::StrFormat("distance %.4f, ", response.distance());
}

// Writes what the server decided, and returns the exit code that says the same.
template <typename Response>
ExitCode Decide(Invocation& invocation, const Response& response, const std::string& details) {
  if (invocation.json) {
    invocation.PrintJson(response);
  } else {
    invocation.console.out << (response.verified() ? "same person: " : "different person: ") << DistanceText(response)
                           << ThresholdText(response.threshold()) << '\n';
    if (response.has_probability()) {
      invocation.console.out << absl::StrFormat("probability of the same person %.4g (log-likelihood ratio %+.2f)\n",
                                                response.probability(), response.log_likelihood_ratio());
    }
    invocation.console.out << details << Describe(response.model()) << '\n';
  }
  return response.verified() ? kExitSuccess : kExitDifferent;
}

template <typename Request>
void SetThreshold(const FaceOptions& options, Request& request) {
  if (options.max_distance.has_value()) request.set_max_distance(*options.max_distance);
  if (options.target_fmr.has_value()) request.set_target_fmr(*options.target_fmr);
}

absl::StatusOr<ExitCode> Verify(Invocation& invocation, const FaceOptions& options) {
  absl::StatusOr<std::vector<std::string>> photos = ReadPhotos(options.photos, invocation.console.in);
  if (!photos.ok()) return photos.status();
  v1::VerifyRequest request;
  request.set_person_id(options.person_id);
  request.set_photo(std::move(photos->at(0)));
  request.set_face_policy(options.face_policy);
  request.set_probe_gate(options.probe_gate);
  SetThreshold(options, request);
  const absl::StatusOr<v1::VerifyResponse> response = Client(invocation.client_options).Verify(request);
  if (!response.ok()) return response.status();
  const std::string& reference = response->reference_id();
  return Decide(invocation, *response, reference.empty() ? "" : absl::StrCat("nearest reference ", reference, ", "));
}

absl::StatusOr<ExitCode> Compare(Invocation& invocation, const FaceOptions& options) {
  absl::StatusOr<std::vector<std::string>> photos = ReadPhotos(options.photos, invocation.console.in);
  if (!photos.ok()) return photos.status();
  v1::CompareRequest request;
  request.set_photo_a(std::move(photos->at(0)));
  request.set_photo_b(std::move(photos->at(1)));
  request.set_face_policy(options.face_policy);
  request.set_probe_gate(options.probe_gate);
  SetThreshold(options, request);
  const absl::StatusOr<v1::CompareResponse> response = Client(invocation.client_options).Compare(request);
  if (!response.ok()) return response.status();
  return Decide(invocation, *response, "");
}

absl::StatusOr<ExitCode> Embed(Invocation& invocation, const FaceOptions& options) {
  absl::StatusOr<std::vector<std::string>> photos = ReadPhotos(options.photos, invocation.console.in);
  if (!photos.ok()) return photos.status();
  v1::EmbedRequest request;
  request.set_photo(std::move(photos->at(0)));
  request.set_face_policy(options.face_policy);
  request.set_probe_gate(options.probe_gate);
  const absl::StatusOr<v1::EmbedResponse> response = Client(invocation.client_options).Embed(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
  } else {
    const v1::Box& box = response->face().box();
    invocation.console.out << absl::StrFormat("face of %.0f × %.0f pixels at %.0f, %.0f (score %.3f)%s\n", box.width(),
                                              box.height(), box.x(), box.y(), response->face().score(),
                                              TurnText(response->face()))
                           << absl::StrFormat("%d numbers (see --json), ", response->embedding_size())
                           << Describe(response->model()) << '\n';
  }
  return kExitSuccess;
}

void AddThresholdOptions(CLI::App& command, FaceOptions& options) {
  CLI::Option* target_fmr =
      command.add_option("--target-fmr", options.target_fmr, "Decide at this false match rate instead of the server's")
          ->type_name("RATE")
          ->check([](const std::string& text) {
            double rate = 0;
            return absl::SimpleAtod(text, &rate) && rate > 0 && rate < 1 ? "" : "must be above 0 and below 1";
          });
  command
      .add_option("--max-distance", options.max_distance, "Decide by this distance instead of the server's threshold")
      ->excludes(target_fmr)
      ->type_name("DISTANCE")
      ->check([](const std::string& text) {
        double distance = 0;
        const bool valid = absl::SimpleAtod(text, &distance) && std::isfinite(distance) && distance > 0;
        return valid ? "" : "must be a finite number > 0";
      });
}

}  // namespace

void AddFaceCommands(CLI::App& app, Invocation& invocation) {
  const auto add = [&](const char* name, const char* description, auto run) {
    auto options = std::make_shared<FaceOptions>();
    CLI::App* command = app.add_subcommand(name, description);
    command->callback(
        [&invocation, options, run] { invocation.exit_code = invocation.Finish(run(invocation, *options)); });
    AddFaceOption(*command, options->face_policy);
    return std::pair(command, options);
  };
  const auto add_photo = [](CLI::App* command, const char* name, FaceOptions& options, const char* description) {
    command
        ->add_option_function<std::string>(
            name, [&options](const std::string& path) { options.photos.push_back(path); }, description)
        ->required();
  };
  {
    auto [command, options] = add("verify", "Ask whether a photo shows an enrolled person", &Verify);
    command->add_option("PERSON", options->person_id, "Id of the person")->required();
    add_photo(command, "PHOTO", *options, "The photo");
    AddThresholdOptions(*command, *options);
    AddProbeGateOption(*command, options->probe_gate, kProbeGate);
  }
  {
    auto [command, options] = add("compare", "Ask whether two photos show the same person", &Compare);
    add_photo(command, "A", *options, "The one photo");
    add_photo(command, "B", *options, "The other photo");
    AddThresholdOptions(*command, *options);
    AddProbeGateOption(*command, options->probe_gate, kProbeGate);
  }
  {
    auto [command, options] = add("embed", "Turn the face in a photo into an embedding", &Embed);
    add_photo(command, "PHOTO", *options, "The photo");
    AddProbeGateOption(*command, options->probe_gate, "How good the face must be; without it any is embedded");
  }
}

}  // namespace likeness
