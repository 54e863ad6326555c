#include "client/cli/eval_command.h"

#include <fstream>
#include <memory>
#include <optional>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "client/cli/photo_file.h"
#include "client/cli/progress_bar.h"
#include "client/evaluation/embed_photos.h"
#include "client/evaluation/pairs_file.h"
#include "client/evaluation/report.h"
#include "client/evaluation/scores.h"

namespace likeness {
namespace {

constexpr char kDescription[] = "Measure the server's accuracy on labelled pairs of photos";
constexpr char kFooter[] =
    "Embeds each photo once, taking its most central face, and holds the distances of the pairs against their labels.\n"
    "A photo that fails counts against the score: all its pairs count as wrong in the accuracies; in EER and TAR its\n"
    "genuine pairs count as rejected, and its impostor pairs, which tell nothing about false accepts, are left out.";

struct EvalOptions {
  std::string images;
  std::string pairs;
  int jobs = 4;
};

absl::StatusOr<ExitCode> Evaluate(Invocation& invocation, const EvalOptions& options) {
  std::ifstream file(options.pairs);
  const absl::StatusOr<PairFolds> folds = ReadPairs(file);
  if (!folds.ok()) {
    return absl::Status(folds.status().code(), absl::StrCat(options.pairs, ": ", folds.status().message()));
  }
  const std::vector<std::string> photos = PhotosOf(*folds);
  Client client(invocation.client_options);
  const auto embed = [&](const std::string& path) -> absl::StatusOr<v1::EmbedResponse> {
    absl::StatusOr<std::string> photo = ReadPhotoFile(options.images + "/" + path);
    if (!photo.ok()) return photo.status();
    v1::EmbedRequest request;
    request.set_photo(*std::move(photo));
    request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    return client.Embed(request);
  };
  Console& console = invocation.console;
  std::optional<ProgressBar> progress;
  // A program that reads --json finds nothing but errors on stderr.
  if (console.err_is_terminal || !invocation.json) {
    progress.emplace(console.err, console.err_is_terminal, "embedding photos", static_cast<int64_t>(photos.size()));
  }
  const PhotoEmbeddings embeddings = EmbedPhotos(photos, options.jobs, embed, [&] {
    if (progress) progress->Advance();
  });
  progress.reset();
  const absl::StatusOr<Scores> scores = ScorePairs(*folds, embeddings);
  if (!scores.ok()) return scores.status();
  console.out << (invocation.json ? ReportJson(*scores) + "\n" : ReportText(*scores));
  return kExitSuccess;
}

}  // namespace

void AddEvalCommand(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("eval", kDescription);
  auto options = std::make_shared<EvalOptions>();
  command->footer(kFooter);
  command->add_option("--images", options->images, "Folder of the photos, DIR/name/name_0001.jpg")
      ->type_name("DIR")
      ->required()
      ->check(CLI::ExistingDirectory.description(""));
  command->add_option("--pairs", options->pairs, "Pairs in the format of Labeled Faces in the Wild")
      ->type_name("FILE")
      ->required()
      ->check(CLI::ExistingFile.description(""));
  command->add_option("--jobs", options->jobs, "Calls in flight")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 256).description(""));
  command->callback(
      [&invocation, options] { invocation.exit_code = invocation.Finish(Evaluate(invocation, *options)); });
}

}  // namespace likeness
