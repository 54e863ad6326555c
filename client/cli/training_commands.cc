#include "client/cli/training_commands.h"

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/id_prefix.h"
#include "client/cli/interrupt.h"
#include "client/cli/table.h"
#include "client/cli/training_display.h"
#include "client/cli/training_outcome.h"
#include "client/cli/training_text.h"
#include "client/training/report_files.h"
#include "client/training_client.h"
#include "google/protobuf/util/time_util.h"
#include "nlohmann/json.hpp"

namespace likeness {
namespace {

using google::protobuf::util::TimeUtil;

// How far it is or what came of it, in a few words.
std::string Summary(const v1::Training& training) {
  switch (training.state()) {
    case v1::TRAINING_STATE_RUNNING:
      return absl::StrFormat("epoch %d of %d", training.progress().epoch(), training.config().epochs());
    case v1::TRAINING_STATE_SUCCEEDED:
      return absl::StrFormat("%s%s", training.result().model().digest().substr(0, 12),
                             training.result().promoted() ? ", made active" : "");
    case v1::TRAINING_STATE_FAILED:
      return training.failure().reason();
    default:
      return "";
  }
}

struct TrainingOptions {
  std::string id;  // or its first digits
  std::string images;
  std::string report = "likeness-train-report";
};

absl::StatusOr<v1::Training> Get(TrainingClient& client, const std::string& id) {
  const absl::StatusOr<std::string> training_id = ResolveTrainingId(client, id);
  if (!training_id.ok()) return training_id.status();
  v1::GetTrainingRequest request;
  request.set_training_id(*training_id);
  absl::StatusOr<v1::GetTrainingResponse> response = client.GetTraining(request);
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_training());
}

absl::StatusOr<ExitCode> List(Invocation& invocation, const TrainingOptions&) {
  const absl::StatusOr<v1::ListTrainingsResponse> response =
      TrainingClient(invocation.client_options).ListTrainings({});
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
    return kExitSuccess;
  }
  std::vector<std::vector<std::string>> rows = {{"TRAINING", "STATE", "QUEUED", "MODEL", "RESULT"}};
  for (const v1::Training& training : response->trainings()) {
    rows.push_back({training.training_id(), StateText(training.state()), TimeUtil::ToString(training.create_time()),
                    training.config().name(), Summary(training)});
  }
  invocation.console.out << FormatTable(rows);
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Show(Invocation& invocation, const TrainingOptions& options) {
  TrainingClient client(invocation.client_options);
  const absl::StatusOr<v1::Training> training = Get(client, options.id);
  if (!training.ok()) return training.status();
  PrintTraining(invocation, *training);
  return kExitSuccess;
}

// Shows how a training goes on, until it has ended.
absl::StatusOr<v1::Training> Follow(Invocation& invocation, TrainingClient& client, const std::string& training_id,
                                    const InterruptGuard& guard) {
  TrainingDisplay display(invocation, /*photos=*/0);
  bool seen = false;
  absl::StatusOr<v1::Training> training = client.Watch(
      training_id,
      [&](const v1::Training& now) {
        seen = true;
        display.Show(now);
        return true;
      },
      guard.token());
  display.End();
  if (!training.ok() && seen && !guard.interrupted()) return LostSight(training.status(), training_id);
  return training;
}

absl::StatusOr<ExitCode> Watch(Invocation& invocation, const TrainingOptions& options) {
  TrainingClient client(invocation.client_options);
  const absl::StatusOr<std::string> training_id = ResolveTrainingId(client, options.id);
  if (!training_id.ok()) return training_id.status();
  const InterruptGuard guard;
  const absl::StatusOr<v1::Training> training = Follow(invocation, client, *training_id, guard);
  if (!training.ok() && guard.interrupted()) return LeaveTraining(invocation, *training_id);
  if (!training.ok()) return training.status();
  PrintTraining(invocation, *training);
  return ExitCodeOf(*training);
}

// The server notes the cancellation at once; a step of a large training may take a minute to end.
absl::StatusOr<ExitCode> Cancel(Invocation& invocation, const TrainingOptions& options) {
  TrainingClient client(invocation.client_options);
  const absl::StatusOr<std::string> training_id = ResolveTrainingId(client, options.id);
  if (!training_id.ok()) return training_id.status();
  v1::CancelTrainingRequest request;
  request.set_training_id(*training_id);
  const absl::StatusOr<v1::CancelTrainingResponse> response = client.CancelTraining(request);
  if (!response.ok()) return response.status();
  absl::StatusOr<v1::Training> training = response->training();
  if (!HasEnded(*training)) {
    const InterruptGuard guard;
    training = Follow(invocation, client, *training_id, guard);
    if (!training.ok() && guard.interrupted()) {
      return invocation.Fail(
          "INTERRUPTED", absl::StrCat("training ", *training_id, " was asked to end, and will without this command"));
    }
    if (!training.ok()) return training.status();
  }
  PrintTraining(invocation, *training);
  return training->state() == v1::TRAINING_STATE_CANCELLED ? kExitSuccess : kExitDifferent;
}

absl::StatusOr<ExitCode> Report(Invocation& invocation, const TrainingOptions& options) {
  TrainingClient client(invocation.client_options);
  const absl::StatusOr<v1::Training> training = Get(client, options.id);
  if (!training.ok()) return training.status();
  if (!HasEnded(*training)) {
    return absl::FailedPreconditionError(absl::StrCat("training ", training->training_id(), " is ",
                                                      StateText(training->state()), "; `likeness trainings watch ",
                                                      training->training_id(), "` waits for its end"));
  }
  const absl::StatusOr<SentPhotos> sent = FindSentPhotos(*training, options.images);
  if (!sent.ok()) return sent.status();
  const absl::StatusOr<std::string> page = WriteReport(options.report, *training, *sent);
  if (!page.ok()) return page.status();
  if (invocation.json) {
    const nlohmann::ordered_json line = {{"report", *page}};
    invocation.console.out << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    invocation.console.out << "report      " << *page << '\n';
  }
  return kExitSuccess;
}

}  // namespace

void AddTrainingCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* trainings = app.add_subcommand("trainings", "List, show, watch, cancel or report trainings");
  trainings->require_subcommand(1);
  auto options = std::make_shared<TrainingOptions>();
  const auto add = [&](const char* name, const char* description, auto run) {
    CLI::App* command = trainings->add_subcommand(name, description);
    command->callback(
        [&invocation, options, run] { invocation.exit_code = invocation.Finish(run(invocation, *options)); });
    return command;
  };
  const auto add_id = [&options](CLI::App* command) {
    command->add_option("ID", options->id, "Id of the training, or its first digits: at least 4 that no other has")
        ->required();
  };
  add("list", "List all trainings, the newest first", &List);
  add_id(add("show", "Show a training as it is now", &Show));
  CLI::App* watch = add("watch", "Show how a training goes on, until it has ended", &Watch);
  add_id(watch);
  watch->footer(
      "Ctrl-C ends the command and not the training. Exit codes: 0 succeeded; 1 failed or cancelled; 2 error.");
  CLI::App* cancel = add("cancel", "End a training that waits or runs; nothing changes", &Cancel);
  add_id(cancel);
  cancel->footer(
      "The training ends after the step or the evaluation that it is in, with or without this command. Exit codes: 0\n"
      "cancelled; 1 it had succeeded or failed before; 2 error.");
  CLI::App* report = add("report", "Write the report of a training that has ended", &Report);
  add_id(report);
  report->add_option("--images", options->images, "The folder that `likeness train` was given")
      ->type_name("DIR")
      ->required();
  report->add_option("--report", options->report, "Folder for train-report.html and its pictures")
      ->type_name("FOLDER")
      ->capture_default_str();
  report->footer("The folder must hold the same photos, under the same names, as were sent.");
}

}  // namespace likeness
