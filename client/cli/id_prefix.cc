#include "client/cli/id_prefix.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace likeness {
namespace {

const IdKind& Models() {
  static const IdKind kind = {"model", "a digest", 64};
  return kind;
}

const IdKind& Trainings() {
  static const IdKind kind = {"training", "an id", 32};
  return kind;
}

absl::Status Check(const IdKind& kind, absl::string_view prefix, size_t fewest) {
  if (prefix.size() >= fewest && prefix.size() <= kind.digits &&
      std::all_of(prefix.begin(), prefix.end(), absl::ascii_isxdigit)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("a ", kind.name, " is named by the first of the ", kind.digits,
                                                 " hex digits of ", kind.number, ", ", fewest, " or more, and not by ",
                                                 prefix));
}

}  // namespace

absl::StatusOr<std::string> IdWithPrefix(const IdKind& kind, const std::vector<std::string>& ids,
                                         absl::string_view prefix, size_t fewest) {
  if (const absl::Status valid = Check(kind, prefix, fewest); !valid.ok()) return valid;
  const std::string lower = absl::AsciiStrToLower(prefix);
  std::vector<std::string> found;
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(found),
               [&lower](const std::string& id) { return absl::StartsWith(id, lower); });
  if (found.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the server has no ", kind.name, " with ", kind.number, " that begins with ", lower));
  }
  if (found.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(found.size(), " ", kind.name, "s have ", kind.number,
                                                   " that begins with ", lower, ": ", absl::StrJoin(found, ", ")));
  }
  return found.front();
}

absl::StatusOr<std::string> DigestWithPrefix(const v1::ListModelsResponse& models, absl::string_view prefix,
                                             size_t fewest) {
  std::vector<std::string> digests;
  for (const v1::ModelRecord& record : models.models()) digests.push_back(record.model().digest());
  return IdWithPrefix(Models(), digests, prefix, fewest);
}

absl::StatusOr<std::string> ResolveDigest(ModelClient& client, absl::string_view prefix, size_t fewest) {
  if (const absl::Status valid = Check(Models(), prefix, fewest); !valid.ok()) return valid;
  if (prefix.size() == Models().digits) return absl::AsciiStrToLower(prefix);
  const absl::StatusOr<v1::ListModelsResponse> models = client.ListModels({});
  if (!models.ok()) return models.status();
  return DigestWithPrefix(*models, prefix, fewest);
}

absl::StatusOr<std::string> ResolveTrainingId(TrainingClient& client, absl::string_view prefix) {
  if (const absl::Status valid = Check(Trainings(), prefix, kFewestDigits); !valid.ok()) return valid;
  if (prefix.size() == Trainings().digits) return absl::AsciiStrToLower(prefix);
  const absl::StatusOr<v1::ListTrainingsResponse> trainings = client.ListTrainings({});
  if (!trainings.ok()) return trainings.status();
  std::vector<std::string> ids;
  for (const v1::Training& training : trainings->trainings()) ids.push_back(training.training_id());
  return IdWithPrefix(Trainings(), ids, prefix);
}

}  // namespace likeness
