// Lets a model that a training has made answer.
#ifndef LIKENESS_SERVER_TRAININGS_PROMOTE_H_
#define LIKENESS_SERVER_TRAININGS_PROMOTE_H_

#include "absl/status/status.h"
#include "likeness/v1/training_service.pb.h"
#include "server/models/activation.h"
#include "server/trainings/taught_model.h"

namespace likeness {

// Activates the model and waits until it is active, or says why it is not. `on_change` is asked with `record` several
// times a second; its error ends the wait and is returned: the server ends, and the activation goes on after its start,
// or, CANCELLED, the training was cancelled, and so is the activation.
absl::Status Promote(Activations& activations, const ModelDigest& model, const v1::Training& record,
                     OnChange on_change);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_PROMOTE_H_
