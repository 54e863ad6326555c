#include "client/cli/operation_commands.h"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/id_prefix.h"
#include "client/cli/table.h"
#include "client/operation_client.h"
#include "google/protobuf/util/time_util.h"

namespace likeness {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kShownDigits = 12;
const IdKind kOperation{"operation", "a name", 32};

std::string KindText(const v1::Operation& operation) {
  const v1::OperationMetadata& metadata = operation.metadata();
  switch (metadata.kind()) {
    case v1::OPERATION_KIND_ACTIVATION:
      return absl::StrCat("activate ", metadata.model_digest().substr(0, kShownDigits));
    case v1::OPERATION_KIND_KEY_ROTATION:
      return "rotate keys";
    default:
      return "?";
  }
}

std::string StateText(const v1::Operation& operation) {
  const v1::OperationMetadata& metadata = operation.metadata();
  if (operation.has_error()) return operation.error().reason() == "CANCELLED" ? "cancelled" : "failed";
  if (operation.done()) return "done";
  if (metadata.cancel_requested()) return "cancelling";
  return metadata.waiting() ? "waiting" : "running";
}

std::string ProgressText(const v1::Operation& operation) {
  return absl::StrFormat("%d of %d", operation.metadata().done_count(), operation.metadata().total_count());
}

absl::StatusOr<std::string> Resolve(OperationClient& client, const std::string& prefix) {
  if (prefix.size() == kOperation.digits) return prefix;
  const absl::StatusOr<v1::ListOperationsResponse> listed = client.ListOperations({});
  if (!listed.ok()) return listed.status();
  std::vector<std::string> names;
  for (const v1::Operation& operation : listed->operations()) names.push_back(operation.name());
  return IdWithPrefix(kOperation, names, prefix);
}

absl::StatusOr<ExitCode> List(Invocation& invocation, const std::string&) {
  const absl::StatusOr<v1::ListOperationsResponse> response =
      OperationClient(invocation.client_options).ListOperations({});
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
    return kExitSuccess;
  }
  std::vector<std::vector<std::string>> rows = {{"OPERATION", "WHAT", "STATE", "PROGRESS", "BEGAN", "SERVER"}};
  for (const v1::Operation& operation : response->operations()) {
    rows.push_back({operation.name().substr(0, kShownDigits), KindText(operation), StateText(operation),
                    ProgressText(operation), TimeUtil::ToString(operation.metadata().create_time()),
                    operation.metadata().server()});
  }
  invocation.console.out << FormatTable(rows);
  return kExitSuccess;
}

void Print(Invocation& invocation, const v1::Operation& operation) {
  const v1::OperationMetadata& metadata = operation.metadata();
  invocation.console.out << "operation  " << operation.name() << '\n'
                         << "what       " << KindText(operation) << '\n'
                         << "state      " << StateText(operation) << '\n'
                         << "progress   " << ProgressText(operation) << '\n'
                         << "began      " << TimeUtil::ToString(metadata.create_time()) << '\n'
                         << "updated    " << TimeUtil::ToString(metadata.update_time()) << '\n'
                         << "server     " << metadata.server() << '\n';
  if (operation.has_error()) {
    invocation.console.out << "error      " << operation.error().reason() << ": " << operation.error().message()
                           << '\n';
  }
}

absl::StatusOr<ExitCode> Show(Invocation& invocation, const std::string& prefix) {
  OperationClient client(invocation.client_options);
  const absl::StatusOr<std::string> name = Resolve(client, prefix);
  if (!name.ok()) return name.status();
  v1::GetOperationRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::GetOperationResponse> response = client.GetOperation(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
  } else {
    Print(invocation, response->operation());
  }
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Cancel(Invocation& invocation, const std::string& prefix) {
  OperationClient client(invocation.client_options);
  const absl::StatusOr<std::string> name = Resolve(client, prefix);
  if (!name.ok()) return name.status();
  v1::CancelOperationRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::CancelOperationResponse> asked = client.CancelOperation(request);
  if (!asked.ok()) return asked.status();
  const absl::StatusOr<v1::Operation> ended = client.Await(*name, nullptr);
  if (!ended.ok()) return ended.status();
  if (invocation.json) {
    invocation.PrintJson(*ended);
  } else {
    Print(invocation, *ended);
  }
  return kExitSuccess;
}

}  // namespace

std::string GoesOnText(absl::string_view what, absl::string_view operation) {
  return absl::StrCat(what, " goes on as operation ", operation.substr(0, kShownDigits), "; `likeness operations show ",
                      operation.substr(0, kShownDigits), "` tells how far it is, `likeness operations cancel ",
                      operation.substr(0, kShownDigits), "` ends it");
}

void AddOperationCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* operations = app.add_subcommand(
      "operations", "List, show or cancel long operations: activations of models, rotations of keys");
  operations->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  const auto add = [&](const char* command_name, const char* description, auto run) {
    CLI::App* command = operations->add_subcommand(command_name, description);
    command->callback([&invocation, name, run] { invocation.exit_code = invocation.Finish(run(invocation, *name)); });
    return command;
  };
  add("list", "List all operations of the last week and those that run, the newest first", &List);
  const auto add_name = [&name](CLI::App* command) {
    command->add_option("OPERATION", *name, "The operation, or 4 or more of its first digits that no other has")
        ->required();
  };
  add_name(add("show", "Show an operation", &Show));
  add_name(add("cancel", "Ask the server that works on an operation to end it, and wait until it has", &Cancel));
}

}  // namespace likeness
