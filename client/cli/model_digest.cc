#include "client/cli/model_digest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace likeness {
namespace {

constexpr size_t kFewestDigits = 4;
constexpr size_t kDigits = 64;

absl::Status Check(absl::string_view prefix) {
  if (prefix.size() >= kFewestDigits && prefix.size() <= kDigits &&
      std::all_of(prefix.begin(), prefix.end(), absl::ascii_isxdigit)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("a model is named by the first digits of its digest, ", kFewestDigits,
                                                 " to ", kDigits, " hex digits, and not by ", prefix));
}

}  // namespace

absl::StatusOr<std::string> DigestWithPrefix(const v1::ListModelsResponse& models, absl::string_view prefix) {
  if (const absl::Status valid = Check(prefix); !valid.ok()) return valid;
  const std::string lower = absl::AsciiStrToLower(prefix);
  std::vector<std::string> found;
  for (const v1::ModelRecord& record : models.models()) {
    if (absl::StartsWith(record.model().digest(), lower)) found.push_back(record.model().digest());
  }
  if (found.empty())
    return absl::NotFoundError(absl::StrCat("the server has no model whose digest begins with ", lower));
  if (found.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(found.size(), " models have a digest that begins with ", lower, ": ", absl::StrJoin(found, ", ")));
  }
  return found.front();
}

absl::StatusOr<std::string> ResolveDigest(ModelClient& client, absl::string_view prefix) {
  if (const absl::Status valid = Check(prefix); !valid.ok()) return valid;
  if (prefix.size() == kDigits) return absl::AsciiStrToLower(prefix);
  const absl::StatusOr<v1::ListModelsResponse> models = client.ListModels({});
  if (!models.ok()) return models.status();
  return DigestWithPrefix(*models, prefix);
}

}  // namespace likeness
