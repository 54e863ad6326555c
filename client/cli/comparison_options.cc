#include "client/cli/comparison_options.h"

#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/photo_file.h"
#include "client/cli/progress_bar.h"
#include "client/evaluation/pairs_file.h"
#include "client/photo_folder/photo_folder.h"

namespace likeness {
namespace {

constexpr uint64_t kMostParts = 1000;

bool ReadPart(const std::string& text, PeoplePart& part) {
  const std::vector<std::string> fields = absl::StrSplit(text, '/');
  return fields.size() == 2 && absl::SimpleAtoi(fields[0], &part.part) && absl::SimpleAtoi(fields[1], &part.parts) &&
         1 <= part.part && part.part <= part.parts && part.parts <= kMostParts;
}

absl::StatusOr<Comparisons> ReadPairsFile(const std::string& path, const PeoplePart& part) {
  std::ifstream file(path);
  const absl::StatusOr<PairFolds> folds = ReadPairs(file);
  absl::StatusOr<Comparisons> comparisons = folds.ok() ? CompareListed(*folds, part) : folds.status();
  if (comparisons.ok()) return comparisons;
  return absl::Status(comparisons.status().code(), absl::StrCat(path, ": ", comparisons.status().message()));
}

}  // namespace

void AddFolderOptions(CLI::App& command, ComparisonOptions& options) {
  command.add_option("--images", options.images, "Folder of the photos, one folder in it for each person")
      ->type_name("DIR")
      ->required()
      ->check(CLI::ExistingDirectory.description(""));
  command
      .add_option_function<std::string>(
          "--part", [&options](const std::string& text) { ReadPart(text, options.part); },
          "Only the K-th of N parts of the people, divided by their names' SHA-256")
      ->type_name("K/N")
      ->check([](const std::string& text) {
        PeoplePart part;
        return ReadPart(text, part) ? "" : "must be K/N with 1 <= K <= N <= 1000";
      });
  command.add_option("--jobs", options.jobs, "Calls in flight")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 256).description(""));
}

void AddListOptions(CLI::App& command, ComparisonOptions& options) {
  const auto add = [&command](const char* name, std::string& value, const char* description) {
    return command.add_option(name, value, description)->type_name("FILE")->check(CLI::ExistingFile.description(""));
  };
  CLI::Option* pairs = add("--pairs", options.pairs, "Compare these pairs, in the format of Labeled Faces in the Wild");
  CLI::Option* probes =
      add("--probes", options.probes, "Compare these photos, in lines of PERSON PATH, ...")->excludes(pairs);
  CLI::Option* references = add("--references", options.references, "... with each of these")->excludes(pairs);
  probes->needs(references)->excludes("--part");
  references->needs(probes)->excludes("--part");
}

absl::StatusOr<Comparisons> ReadComparisons(const ComparisonOptions& options) {
  if (!options.pairs.empty()) return ReadPairsFile(options.pairs, options.part);
  if (!options.probes.empty()) {
    std::ifstream probes(options.probes);
    std::ifstream references(options.references);
    return CompareProbes(probes, references);
  }
  const absl::StatusOr<PhotoFolder> folder = ListPhotoFolder(options.images);
  if (!folder.ok()) return folder.status();
  return CompareAll(*folder, options.part);
}

absl::StatusOr<MeasuredPairs> MeasureThroughServer(Invocation& invocation, const ComparisonOptions& options,
                                                   const Comparisons& comparisons) {
  Client client(invocation.client_options);
  const auto embed = [&](const std::string& path) -> absl::StatusOr<v1::EmbedResponse> {
    absl::StatusOr<std::string> photo = ReadPhotoFile(absl::StrCat(options.images, "/", path));
    if (!photo.ok()) return photo.status();
    v1::EmbedRequest request;
    request.set_photo(*std::move(photo));
    request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    return client.Embed(request);
  };
  std::vector<std::string> photos;
  for (const KnownPhoto& photo : comparisons.photos) photos.push_back(photo.path);
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
  return MeasurePairs(comparisons, embeddings);
}

}  // namespace likeness
