// Models named by the first digits of their digest.
#ifndef LIKENESS_CLIENT_CLI_MODEL_DIGEST_H_
#define LIKENESS_CLIENT_CLI_MODEL_DIGEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/model_client.h"

namespace likeness {

// The whole digest (64 lower-case hex digits) of the one model in the list whose digest begins with `prefix`, in either
// case. INVALID_ARGUMENT where that is not 4 to 64 hex digits, or where several do, which it names; NOT_FOUND where
// none does.
absl::StatusOr<std::string> DigestWithPrefix(const v1::ListModelsResponse& models, absl::string_view prefix);

// The same, of the models that the server lists. A whole digest is returned as it is, without asking.
absl::StatusOr<std::string> ResolveDigest(ModelClient& client, absl::string_view prefix);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_MODEL_DIGEST_H_
