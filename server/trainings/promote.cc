#include "server/trainings/promote.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/errors/errors.h"

namespace likeness {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Milliseconds(200);

}  // namespace

absl::Status Promote(Activations& activations, const ModelDigest& model, const v1::Training& record,
                     OnChange on_change) {
  const absl::StatusOr<std::string> operation = activations.Begin(model, {});
  if (!operation.ok()) return operation.status();
  if (operation->empty()) return absl::OkStatus();  // it is the active one already
  while (true) {
    if (absl::Status wanted = on_change(record, /*durable=*/false); !wanted.ok()) {
      if (ReasonOf(wanted) == Reason::CANCELLED) activations.Cancel(*operation).IgnoreError();
      return wanted;
    }
    if (activations.stopping()) return MakeError(Reason::SHUTTING_DOWN, "the server ends");
    const absl::StatusOr<ActivationProgress> progress = activations.ProgressOf(*operation);
    if (!progress.ok()) return progress.status();
    if (!progress->running) return progress->outcome;
    activations.AwaitChange(progress->changes, kBetweenLooks);
  }
}

}  // namespace likeness
