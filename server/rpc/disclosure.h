// What callers may learn of the faces they are compared with. Pure functions.
//
// A distance to a reference is a hint where the face is: with enough of them it can be computed (as many as an
// embedding has numbers), and even a photo can be changed step by step until it matches, following them. A face cannot
// be changed like a password, so callers without the scope `scores` get the verdict and what the threshold stands for,
// and nothing else that depends on a reference.
#ifndef LIKENESS_SERVER_RPC_DISCLOSURE_H_
#define LIKENESS_SERVER_RPC_DISCLOSURE_H_

#include "absl/status/status.h"
#include "likeness/v1/face_verification_service.pb.h"
#include "server/access/caller.h"

namespace likeness {

// SCOPE_MISSING where the request chooses another threshold than the server's and the caller may not: the distance
// could be found out by trying several.
absl::Status CheckMayChooseThreshold(const v1::VerifyRequest& request, const Caller& caller, double server_target_fmr);

// Takes out what the caller may not learn.
void Withhold(const Caller& caller, v1::VerifyResponse& response);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_DISCLOSURE_H_
