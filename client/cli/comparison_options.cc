#include "client/cli/comparison_options.h"

#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/photo_file.h"
#include "client/cli/progress_bar.h"
#include "client/cli/quality_text.h"
#include "client/evaluation/pairs_file.h"
#include "client/evaluation/photo_groups.h"
#include "client/photo_folder/photo_folder.h"

namespace likeness {
namespace {

constexpr uint64_t kMostParts = 1000;

bool ReadPart(const std::string& text, PeoplePart& part) {
  const std::vector<std::string> fields = absl::StrSplit(text, '/');
  return fields.size() == 2 && absl::SimpleAtoi(fields[0], &part.part) && absl::SimpleAtoi(fields[1], &part.parts) &&
         1 <= part.part && part.part <= part.parts && part.parts <= kMostParts;
}

absl::Status AtFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<Comparisons> ReadPairsFile(const std::string& path, const PeoplePart& part) {
  std::ifstream file(path);
  const absl::StatusOr<PairFolds> folds = ReadPairs(file);
  absl::StatusOr<Comparisons> comparisons = folds.ok() ? CompareListed(*folds, part) : folds.status();
  if (comparisons.ok()) return comparisons;
  return AtFile(path, comparisons.status());
}

absl::StatusOr<Comparisons> ReadGroupsFile(const std::string& path, const std::string& images, const PeoplePart& part) {
  std::ifstream file(path);
  const absl::StatusOr<GroupsOfPeople> people = ReadGroupsOfPeople(file);
  if (!people.ok()) return AtFile(path, people.status());
  const absl::StatusOr<PhotoFolder> folder = ListPhotoFolder(images);
  if (!folder.ok()) return folder.status();
  const absl::StatusOr<std::vector<PhotoGroup>> groups = DividePhotos(images, *folder, *people);
  if (!groups.ok()) return AtFile(path, groups.status());
  return CompareGroups(*groups, part);
}

// What lies in one folder that has no name.
absl::StatusOr<Comparisons> ReadPlainFolder(const ComparisonOptions& options, const std::string& images) {
  if (!options.pairs.empty()) return ReadPairsFile(options.pairs, options.part);
  if (!options.probes.empty()) {
    std::ifstream probes(options.probes);
    std::ifstream references(options.references);
    return CompareProbes(probes, references);
  }
  const absl::StatusOr<PhotoFolder> folder = ListPhotoFolder(images);
  if (!folder.ok()) return folder.status();
  return CompareAll(*folder, options.part);
}

}  // namespace

void AddFolderOptions(CLI::App& command, ComparisonOptions& options) {
  CLI::Option* images = command.add_option("--images", options.images,
                                           "Folder of the photos, one folder in it for each person; several, each with "
                                           "the name of its group, tell groups of people apart");
  images->type_name("[NAME=]DIR")->required()->allow_extra_args(false)->check([](const std::string& argument) {
    return std::string(ReadNamedFolders({argument}).status().message());
  });
  command.add_option("--groups", options.groups, "Tell groups of the people apart by lines of PERSON GROUP")
      ->type_name("FILE")
      ->check(CLI::ExistingFile.description(""));
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
  AddProbeGateOption(command, options.probe_gate,
                     "Measure only faces that this gate gives a verdict; without it any face that is found");
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
  const absl::StatusOr<std::vector<NamedFolder>> folders = ReadNamedFolders(options.images);
  if (!folders.ok()) return folders.status();
  const bool named = !folders->front().name.empty();
  const bool listed = !options.pairs.empty() || !options.probes.empty();
  if (named + listed + !options.groups.empty() > 1) {
    return absl::InvalidArgumentError(
        "groups are told apart by --images NAME=DIR or by --groups, and not in --pairs, --probes and --references");
  }
  if (named) {
    const absl::StatusOr<std::vector<PhotoGroup>> groups = ListNamedFolders(*folders);
    if (!groups.ok()) return groups.status();
    return CompareGroups(*groups, options.part);
  }
  const std::string& images = folders->front().path;
  if (!options.groups.empty()) return ReadGroupsFile(options.groups, images, options.part);
  absl::StatusOr<Comparisons> comparisons = ReadPlainFolder(options, images);
  if (!comparisons.ok()) return comparisons;
  for (KnownPhoto& photo : comparisons->photos) photo.file = absl::StrCat(images, "/", photo.path);
  return comparisons;
}

PhotoEmbeddings EmbedThroughServer(Invocation& invocation, const ComparisonOptions& options, const std::string& label,
                                   const std::vector<std::string>& photos,
                                   const std::function<absl::StatusOr<std::string>(const std::string&)>& read) {
  Client client(invocation.client_options);
  const auto embed = [&](const std::string& name) -> absl::StatusOr<v1::EmbedResponse> {
    absl::StatusOr<std::string> photo = read(name);
    if (!photo.ok()) return photo.status();
    v1::EmbedRequest request;
    request.set_photo(*std::move(photo));
    request.set_face_policy(v1::FACE_POLICY_MOST_CENTRAL);
    request.set_probe_gate(options.probe_gate);
    return client.Embed(request);
  };
  Console& console = invocation.console;
  std::optional<ProgressBar> progress;
  // A program that reads --json finds nothing but errors on stderr.
  if (console.err_is_terminal || !invocation.json) {
    progress.emplace(console.err, console.err_is_terminal, label, static_cast<int64_t>(photos.size()));
  }
  return EmbedPhotos(photos, options.jobs, embed, [&] {
    if (progress) progress->Advance();
  });
}

PhotoEmbeddings EmbedComparedPhotos(Invocation& invocation, const ComparisonOptions& options,
                                    const Comparisons& comparisons) {
  std::vector<std::string> photos;
  std::map<std::string, std::string> files;
  for (const KnownPhoto& photo : comparisons.photos) {
    photos.push_back(photo.path);
    files.emplace(photo.path, photo.file);
  }
  return EmbedThroughServer(invocation, options, "embedding photos", photos,
                            [&](const std::string& path) { return ReadPhotoFile(files.at(path)); });
}

absl::StatusOr<MeasuredPairs> MeasureThroughServer(Invocation& invocation, const ComparisonOptions& options,
                                                   const Comparisons& comparisons) {
  return MeasurePairs(comparisons, EmbedComparedPhotos(invocation, options, comparisons));
}

}  // namespace likeness
