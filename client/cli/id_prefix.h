// Models and trainings named by the first digits of their digest or id.
#ifndef LIKENESS_CLIENT_CLI_ID_PREFIX_H_
#define LIKENESS_CLIENT_CLI_ID_PREFIX_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/model_client.h"
#include "client/training_client.h"

namespace likeness {

inline constexpr size_t kFewestDigits = 4;
inline constexpr size_t kFewestDigitsToAllow = 12;  // as `likeness models list` shows them

// What is named by hex digits.
struct IdKind {
  std::string name;    // "model"
  std::string number;  // what the digits are of it: "a digest"
  size_t digits = 0;
};

// The one of `ids`, all lower case, that begins with `prefix`, in either case. INVALID_ARGUMENT where that is not
// `fewest` hex digits or more, or where several do, which it counts and names; NOT_FOUND where none does.
absl::StatusOr<std::string> IdWithPrefix(const IdKind& kind, const std::vector<std::string>& ids,
                                         absl::string_view prefix, size_t fewest = kFewestDigits);

// Of the models in the list: the whole digest, 64 digits.
absl::StatusOr<std::string> DigestWithPrefix(const v1::ListModelsResponse& models, absl::string_view prefix,
                                             size_t fewest = kFewestDigits);

// Of the models that the server lists: the whole digest, 64 digits. A whole one is returned without asking.
absl::StatusOr<std::string> ResolveDigest(ModelClient& client, absl::string_view prefix, size_t fewest = kFewestDigits);

// Of the trainings that the server lists: the whole id, 32 digits. A whole one is returned without asking.
absl::StatusOr<std::string> ResolveTrainingId(TrainingClient& client, absl::string_view prefix);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CLI_ID_PREFIX_H_
