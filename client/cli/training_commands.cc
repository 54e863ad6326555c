#include "client/cli/training_commands.h"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/cli/interrupt.h"
#include "client/cli/table.h"
#include "client/cli/training_display.h"
#include "client/cli/training_outcome.h"
#include "client/cli/training_text.h"
#include "client/training_client.h"
#include "google/protobuf/util/time_util.h"

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

absl::StatusOr<ExitCode> List(Invocation& invocation, const std::string&) {
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

absl::StatusOr<ExitCode> Show(Invocation& invocation, const std::string& training_id) {
  v1::GetTrainingRequest request;
  request.set_training_id(training_id);
  const absl::StatusOr<v1::GetTrainingResponse> response =
      TrainingClient(invocation.client_options).GetTraining(request);
  if (!response.ok()) return response.status();
  PrintTraining(invocation, response->training());
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Watch(Invocation& invocation, const std::string& training_id) {
  TrainingClient client(invocation.client_options);
  TrainingDisplay display(invocation, /*photos=*/0);
  const InterruptGuard guard;
  bool seen = false;
  const absl::StatusOr<v1::Training> training = client.Watch(
      training_id,
      [&](const v1::Training& now) {
        seen = true;
        display.Show(now);
        return true;
      },
      guard.token());
  display.End();
  if (!training.ok() && guard.interrupted()) return LeaveTraining(invocation, training_id);
  if (!training.ok()) return seen ? LostSight(training.status(), training_id) : training.status();
  PrintTraining(invocation, *training);
  return ExitCodeOf(*training);
}

absl::StatusOr<ExitCode> Cancel(Invocation& invocation, const std::string& training_id) {
  v1::CancelTrainingRequest request;
  request.set_training_id(training_id);
  const absl::StatusOr<v1::CancelTrainingResponse> response =
      TrainingClient(invocation.client_options).CancelTraining(request);
  if (!response.ok()) return response.status();
  PrintTraining(invocation, response->training());
  return response->training().state() == v1::TRAINING_STATE_CANCELLED ? kExitSuccess : kExitDifferent;
}

}  // namespace

void AddTrainingCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* trainings = app.add_subcommand("trainings", "List, show, watch or cancel trainings");
  trainings->require_subcommand(1);
  auto training_id = std::make_shared<std::string>();
  const auto add = [&](const char* name, const char* description, auto run) {
    CLI::App* command = trainings->add_subcommand(name, description);
    command->callback(
        [&invocation, training_id, run] { invocation.exit_code = invocation.Finish(run(invocation, *training_id)); });
    return command;
  };
  const auto add_id = [&training_id](CLI::App* command) {
    command->add_option("ID", *training_id, "Id of the training")->required();
  };
  add("list", "List all trainings, the newest first", &List);
  add_id(add("show", "Show a training as it is now", &Show));
  CLI::App* watch = add("watch", "Show how a training goes on, until it has ended", &Watch);
  add_id(watch);
  watch->footer(
      "Ctrl-C ends the command and not the training. Exit codes: 0 succeeded; 1 failed or cancelled; 2 error.");
  CLI::App* cancel = add("cancel", "End a training that waits or runs; nothing changes", &Cancel);
  add_id(cancel);
  cancel->footer("Exit codes: 0 cancelled; 1 it had succeeded or failed before; 2 error.");
}

}  // namespace likeness
