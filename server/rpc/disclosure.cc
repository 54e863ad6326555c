#include "server/rpc/disclosure.h"

#include "server/errors/errors.h"

namespace likeness {
namespace {

// As in conversions.cc: a client that looks at the distances alone must find nobody within it.
constexpr double kNobody = -1;

}  // namespace

absl::Status CheckMayChooseThreshold(const v1::VerifyRequest& request, const Caller& caller, double server_target_fmr) {
  if (caller.scores) return absl::OkStatus();
  if (request.has_max_distance()) {
    return WithField(MakeError(Reason::SCOPE_MISSING,
                               "max_distance takes the scope scores; without it the server's "
                               "threshold decides"),
                     "max_distance");
  }
  if (request.has_target_fmr() && request.target_fmr() != server_target_fmr) {
    return WithField(MakeError(Reason::SCOPE_MISSING, "another target_fmr than the server's takes the scope scores"),
                     "target_fmr");
  }
  return absl::OkStatus();
}

void Withhold(const Caller& caller, v1::VerifyResponse& response) {
  if (caller.scores) return;
  response.clear_distance();
  response.clear_normalized_distance();
  response.clear_log_likelihood_ratio();
  response.clear_probability();
  response.clear_reference_id();
  v1::Threshold& threshold = *response.mutable_threshold();
  threshold.set_distance(kNobody);
  threshold.set_base_distance(kNobody);
  threshold.clear_probe_crowding();
  threshold.clear_reference_crowding();
  threshold.clear_crowding_cap();
}

}  // namespace likeness
