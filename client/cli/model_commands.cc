#include "client/cli/model_commands.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/id_prefix.h"
#include "client/cli/interrupt.h"
#include "client/cli/operation_commands.h"
#include "client/cli/progress_bar.h"
#include "client/cli/table.h"
#include "client/cli/threshold_text.h"
#include "client/model_client.h"
#include "client/model_file.h"
#include "google/protobuf/util/time_util.h"
#include "nlohmann/json.hpp"

namespace likeness {
namespace {

using google::protobuf::util::TimeUtil;

constexpr char kFooter[] =
    "DIGEST is a model's SHA-256, as `likeness models list` shows it, or its first digits: at least 4 that no other "
    "has.";

struct ModelOptions {
  std::string digest;
  std::string file;
  bool leave_behind = false;
  bool unmeasured = false;
};

absl::StatusOr<ExitCode> List(Invocation& invocation, const ModelOptions&) {
  const absl::StatusOr<v1::ListModelsResponse> response = ModelClient(invocation.client_options).ListModels({});
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
    return kExitSuccess;
  }
  std::vector<std::vector<std::string>> rows = {{" ", "NAME", "VERSION", "DIGEST", "CREATED", "TRAINING"}};
  for (const v1::ModelRecord& record : response->models()) {
    const v1::Model& model = record.model();
    rows.push_back({record.active() ? "*" : " ", model.name(), model.version(), model.digest().substr(0, 12),
                    TimeUtil::ToString(record.create_time()), record.training_id()});
  }
  invocation.console.out << FormatTable(rows);
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Show(Invocation& invocation, const ModelOptions& options) {
  ModelClient client(invocation.client_options);
  const absl::StatusOr<std::string> digest = ResolveDigest(client, options.digest);
  if (!digest.ok()) return digest.status();
  v1::GetModelRequest request;
  request.set_digest(*digest);
  const absl::StatusOr<v1::GetModelResponse> response = client.GetModel(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
    return kExitSuccess;
  }
  const v1::ModelRecord& record = response->model();
  invocation.console.out << absl::StrFormat("model       %s %s%s\n", record.model().name(), record.model().version(),
                                            record.active() ? ", the active one" : "")
                         << "digest      " << record.model().digest() << '\n'
                         << "created     " << TimeUtil::ToString(record.create_time()) << '\n'
                         << absl::StrFormat("embedding   %d numbers, margin %g\n", record.model().embedding_size(),
                                            record.model().margin())
                         << "decides by  " << ThresholdText(record.threshold()) << '\n';
  if (!record.training_id().empty()) invocation.console.out << "training    " << record.training_id() << '\n';
  return kExitSuccess;
}

void PrintActivated(Invocation& invocation, const std::string& digest, const v1::ActivateModelResponse& end) {
  invocation.console.out << absl::StrFormat("active: %s, with %d of %d references\n", digest.substr(0, 12),
                                            end.embedded_references(), end.total_references());
  if (end.references_without_crop() == 0) return;
  invocation.console.out << absl::StrFormat(
      "%d %s behind; to be enrolled again:\n", end.references_without_crop(),
      end.references_without_crop() == 1 ? "reference has no crop and stays" : "references have no crop and stay");
  for (const std::string& person : end.persons_left_behind()) invocation.console.out << "  " << person << '\n';
}

absl::StatusOr<ExitCode> Allow(Invocation& invocation, const ModelOptions& options) {
  ModelClient client(invocation.client_options);
  const absl::StatusOr<std::string> digest = ResolveDigest(client, options.digest, kFewestDigitsToAllow);
  if (!digest.ok()) return digest.status();
  v1::AllowModelRequest request;
  request.set_digest(*digest);
  const absl::StatusOr<v1::AllowModelResponse> response = client.AllowModel(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
  } else {
    invocation.console.out << "allowed: " << response->model().name() << ' ' << response->model().version() << '\n'
                           << "digest   " << response->model().digest() << '\n';
  }
  return kExitSuccess;
}

// What would decide, before anything changes. Nothing where the model answers already.
std::string ChangeText(const v1::ListModelsResponse& models, const std::string& digest) {
  const v1::ModelRecord *before = nullptr, *after = nullptr;
  for (const v1::ModelRecord& record : models.models()) {
    if (record.active()) before = &record;
    if (record.model().digest() == digest) after = &record;
  }
  if (before == nullptr || after == nullptr || before == after) return "";
  return absl::StrCat(ThresholdChangeText(before->threshold(), after->threshold()), "\n");
}

absl::StatusOr<ExitCode> Activate(Invocation& invocation, const ModelOptions& options) {
  ModelClient client(invocation.client_options);
  const absl::StatusOr<v1::ListModelsResponse> models = client.ListModels({});
  if (!models.ok()) return models.status();
  const absl::StatusOr<std::string> digest = DigestWithPrefix(*models, options.digest);
  if (!digest.ok()) return digest.status();
  if (!invocation.json) invocation.console.out << ChangeText(*models, *digest) << std::flush;
  v1::ActivateModelRequest request;
  request.set_digest(*digest);
  request.set_leave_behind(options.leave_behind);
  request.set_unmeasured(options.unmeasured);
  Console& console = invocation.console;
  std::optional<ProgressBar> progress;
  std::string operation;
  const InterruptGuard guard;
  const absl::StatusOr<v1::ActivateModelResponse> end = client.ActivateModel(
      request,
      [&](const v1::ActivateModelResponse& now) {
        if (operation.empty() && !now.operation().empty()) {
          operation = now.operation();
          if (!invocation.json) console.out << "operation " << operation << '\n' << std::flush;
        }
        if (!progress.has_value() && now.total_references() > 0 && (console.err_is_terminal || !invocation.json)) {
          progress.emplace(console.err, console.err_is_terminal, "embedding references", now.total_references());
        }
        if (progress.has_value()) progress->AdvanceTo(now.embedded_references());
      },
      guard.token());
  progress.reset();
  if (!end.ok() && guard.interrupted()) {
    const std::string what = absl::StrCat("the activation of ", digest->substr(0, 12));
    if (operation.empty()) return invocation.Fail("INTERRUPTED", absl::StrCat(what, " may have begun or not"));
    return invocation.Fail("INTERRUPTED", GoesOnText(what, operation));
  }
  if (!end.ok()) return end.status();
  if (invocation.json) {
    invocation.PrintJson(*end);
  } else {
    PrintActivated(invocation, *digest, *end);
  }
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Export(Invocation& invocation, const ModelOptions& options) {
  ModelClient client(invocation.client_options);
  const absl::StatusOr<std::string> digest = ResolveDigest(client, options.digest);
  if (!digest.ok()) return digest.status();
  const absl::StatusOr<int64_t> size = ExportModelToFile(client, *digest, options.file);
  if (!size.ok()) return size.status();
  if (invocation.json) {
    const nlohmann::ordered_json line = {{"digest", *digest}, {"file", options.file}, {"bytes", *size}};
    invocation.console.out << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    invocation.console.out << absl::StrFormat("exported: %s, %d bytes with the model's digest\n", options.file, *size);
  }
  return kExitSuccess;
}

absl::StatusOr<ExitCode> Delete(Invocation& invocation, const ModelOptions& options) {
  ModelClient client(invocation.client_options);
  const absl::StatusOr<std::string> digest = ResolveDigest(client, options.digest);
  if (!digest.ok()) return digest.status();
  v1::DeleteModelRequest request;
  request.set_digest(*digest);
  const absl::StatusOr<v1::DeleteModelResponse> response = client.DeleteModel(request);
  if (!response.ok()) return response.status();
  if (invocation.json) {
    invocation.PrintJson(*response);
  } else {
    invocation.console.out << absl::StrFormat("deleted: %s and %d embeddings\n", digest->substr(0, 12),
                                              response->deleted_embeddings());
  }
  return kExitSuccess;
}

}  // namespace

absl::StatusOr<ExitCode> ActivateModel(Invocation& invocation, const std::string& digest) {
  ModelOptions options;
  options.digest = digest;
  return Activate(invocation, options);
}

void AddModelCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* models = app.add_subcommand("models", "List, show, allow, activate, export or delete the server's models");
  models->require_subcommand(1);
  auto options = std::make_shared<ModelOptions>();
  const auto add = [&](const char* name, const char* description, auto run) {
    CLI::App* command = models->add_subcommand(name, description);
    command->callback(
        [&invocation, options, run] { invocation.exit_code = invocation.Finish(run(invocation, *options)); });
    return command;
  };
  const auto add_digest = [&options](CLI::App* command) {
    command->add_option("DIGEST", options->digest, "The model")->required();
    command->footer(kFooter);
  };
  add("list", "List all models: the active one, marked *, and the others, the newest first", &List);
  add_digest(add("show", "Show a model", &Show));
  add("allow", "Let a model be activated that was not trained with this gallery: its code will be run", &Allow)
      ->add_option("DIGEST", options->digest,
                   "The model, or 12 or more of its first digits; its file is DIGEST.pt in the server's models folder")
      ->required();
  CLI::App* activate = add("activate", "Let a model answer, once all references are embedded with it", &Activate);
  add_digest(activate);
  activate->add_flag("--leave-behind", options->leave_behind,
                     "Go on although some references have no crop to embed anew");
  activate->add_flag("--unmeasured", options->unmeasured,
                     "Go on although nobody measured the model at the server's false match rate");
  CLI::App* export_command = add("export", "Write a model to a file, checked against its digest", &Export);
  add_digest(export_command);
  export_command->add_option("FILE", options->file, "The file; one that is there is replaced")->required();
  add_digest(add("delete", "Delete a model and all embeddings made by it", &Delete));
}

}  // namespace likeness
