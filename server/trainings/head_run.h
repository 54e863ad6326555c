// Teaches a linear layer behind a network (server/training/head_fit.h).
#ifndef LIKENESS_SERVER_TRAININGS_HEAD_RUN_H_
#define LIKENESS_SERVER_TRAININGS_HEAD_RUN_H_

#include "absl/status/statusor.h"
#include "likeness/v1/training_service.pb.h"
#include "server/inference/device.h"
#include "server/models/generation.h"
#include "server/trainings/taught_model.h"

namespace likeness {

// How many people a layer is learned from at least.
inline constexpr int kFewestPeopleForAHead = 10;

// Fits the layer to the embeddings of those trained on, and measures it: on strangers by the layer itself, and in
// cross-validation on those who were trained on, by layers that never saw them (FindLayer). Writes what it finds into
// the record. `target_fmr` is the server's. NETWORK_FAILED, errors of FindLayer() and of `on_change`.
absl::StatusOr<TaughtModel> TeachHead(const BaseModel& base, const Device& device, const Generation& active,
                                      double target_fmr, const Sides& sides, v1::Training& record, OnChange on_change);

}  // namespace likeness

#endif  // LIKENESS_SERVER_TRAININGS_HEAD_RUN_H_
