#include "client/cli/train_command.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/interrupt.h"
#include "client/cli/photo_file.h"
#include "client/cli/training_config_options.h"
#include "client/cli/training_display.h"
#include "client/cli/training_outcome.h"
#include "client/cli/training_text.h"
#include "client/photo_folder/photo_folder.h"
#include "client/training/finding_text.h"
#include "client/training/report_files.h"
#include "client/training_client.h"

namespace likeness {
namespace {

constexpr char kDescription[] = "Train a model on photos of known people";
constexpr char kFooter[] =
    "DIR has a folder for each person, named as the person, with photos in it (the layout of torchvision's "
    "ImageFolder):\n"
    "jpg, jpeg, png, webp, ppm and pgm files, however deep. Some people are held out, never trained on, to measure "
    "the\n"
    "model before and after. The training belongs to the server: Ctrl-C ends the command and not the training.\n"
    "Exit codes: 0 succeeded, or queued with --detach; 1 failed or cancelled; 2 error, or left by Ctrl-C.";

constexpr int kMostFindings = 50;  // shown one by one

struct TrainOptions {
  v1::TrainingConfig config;
  std::string folder;
  std::string report = "likeness-train-report";
  bool detach = false;
};

absl::Status CheckHeldOut(const v1::TrainingConfig& config, const PhotoFolder& folder, const std::string& path) {
  for (const std::string& name : config.held_out_people()) {
    const bool found = std::any_of(folder.photos.begin(), folder.photos.end(),
                                   [&name](const PhotoFile& photo) { return photo.person == name; });
    if (!found) return absl::InvalidArgumentError(absl::StrCat("--held-out ", name, " has no folder in ", path));
  }
  return absl::OkStatus();
}

// One training: what is sent and what is heard of it.
class TrainingRun {
 public:
  // cppcheck-suppress passedByValue ; moved from
  TrainingRun(Invocation& invocation, const TrainOptions& options, PhotoFolder folder)
      : invocation_(invocation),
        options_(options),
        sent_{.folder = options.folder, .photos = std::move(folder.photos), .rejected = {}},
        display_(invocation, static_cast<int64_t>(sent_.photos.size())) {}

  absl::StatusOr<ExitCode> Run() {
    TrainingClient client(invocation_.client_options);
    const InterruptGuard guard;
    const absl::StatusOr<v1::Training> training =
        client.Train(options_.config,
                     {.next_photo = [this] { return NextPhoto(); },
                      .on_rejected_photo = [this](const v1::RejectedPhoto& photo) { Reject(photo); },
                      .on_training = [this](const v1::Training& now) { return Follow(now); }},
                     guard.token());
    display_.End();
    if (training.ok()) return Conclude(*training);
    if (guard.interrupted()) return Leave();
    return training_id_.empty() ? training.status() : LostSight(training.status(), training_id_);
  }

 private:
  // Called by the sending thread, once the photo before has left.
  absl::StatusOr<std::optional<v1::LabelledPhoto>> NextPhoto() {
    if (next_ > 0) display_.PhotoSent();
    if (next_ == sent_.photos.size()) {
      all_sent_ = true;
      return std::nullopt;
    }
    const PhotoFile& file = sent_.photos[next_++];
    absl::StatusOr<std::string> bytes = ReadPhotoFile(absl::StrCat(sent_.folder, "/", file.name));
    if (!bytes.ok()) return bytes.status();
    v1::LabelledPhoto photo;
    photo.set_person(file.person);
    photo.set_photo(*std::move(bytes));
    return photo;
  }

  void Reject(const v1::RejectedPhoto& photo) {
    const std::string name = NameOf(sent_, photo.photo_index());
    sent_.rejected.push_back({name, photo.reason(), photo.message()});
    display_.PhotoRejected(name, photo);
  }

  bool Follow(const v1::Training& training) {
    training_id_ = training.training_id();
    display_.Show(training);
    ShowFindings(training.data());
    return !options_.detach;
  }

  // What was found wrong with the photos, once.
  void ShowFindings(const v1::TrainingData& data) {
    for (; findings_ < data.findings_size(); ++findings_) {
      if (findings_ < kMostFindings) {
        display_.Note(FindingText(data.findings(findings_), [this](int index) { return NameOf(sent_, index); }));
      } else if (findings_ == kMostFindings) {
        display_.Note(absl::StrCat("… and ", data.findings_size() - findings_, " more, in the report"));
      }
    }
  }

  absl::StatusOr<ExitCode> Conclude(const v1::Training& training) {
    if (options_.detach) {
      if (invocation_.json) {
        invocation_.PrintJson(training);
      } else {
        invocation_.console.out << "training " << training.training_id() << " is " << StateText(training.state())
                                << ": " << ComeBackText(training.training_id()) << '\n';
      }
      return kExitSuccess;
    }
    PrintTraining(invocation_, training);
    const absl::StatusOr<std::string> page = WriteReport(options_.report, training, sent_);
    if (!page.ok()) return page.status();
    if (!invocation_.json) invocation_.console.out << "report      " << *page << '\n';
    return ExitCodeOf(training);
  }

  ExitCode Leave() {
    if (!training_id_.empty()) return LeaveTraining(invocation_, training_id_);
    return invocation_.Fail("INTERRUPTED",
                            all_sent_
                                ? "all photos were sent, but not whether the training began; `likeness trainings list` "
                                  "shows whether it did"
                                : "not all photos were sent; nothing was kept of them");
  }

  Invocation& invocation_;
  const TrainOptions& options_;
  SentPhotos sent_;
  TrainingDisplay display_;
  size_t next_ = 0;
  int findings_ = 0;       // that were shown
  bool all_sent_ = false;  // read when the sending thread has ended
  std::string training_id_;
};

absl::StatusOr<ExitCode> Train(Invocation& invocation, const TrainOptions& options) {
  absl::StatusOr<PhotoFolder> folder = ListPhotoFolder(options.folder);
  if (!folder.ok()) return folder.status();
  const absl::Status held_out = CheckHeldOut(options.config, *folder, options.folder);
  if (!held_out.ok()) return held_out;
  if (!invocation.json) {
    invocation.console.err << absl::StrFormat("%d photos of %d people; %d other files ignored\n", folder->photos.size(),
                                              folder->people, folder->ignored_files);
  }
  return TrainingRun(invocation, options, *std::move(folder)).Run();
}

}  // namespace

void AddTrainCommand(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("train", kDescription);
  auto options = std::make_shared<TrainOptions>();
  command->footer(kFooter);
  command->add_option("DIR", options->folder, "Folder of the people's folders")->required();
  AddTrainingConfigOptions(*command, options->config);
  CLI::Option* report =
      command->add_option("--report", options->report, "Folder for train-report.html and its pictures")
          ->type_name("FOLDER")
          ->capture_default_str();
  command
      ->add_flag("--detach", options->detach,
                 "Return as soon as the training is queued; `likeness trainings report` makes its report later")
      ->excludes(report);
  command->callback([&invocation, options] { invocation.exit_code = invocation.Finish(Train(invocation, *options)); });
}

}  // namespace likeness
