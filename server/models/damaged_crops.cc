#include "server/models/damaged_crops.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/errors/errors.h"
#include "server/image/crop_file.h"
#include "server/telemetry/log.h"

namespace likeness {
namespace {

constexpr size_t kNamed = 5;

}  // namespace

void DamagedCrops::Note(const std::string& reference_id) {
  ++count_;
  if (first_.size() < kNamed) first_.push_back(reference_id);
}

std::string DamagedCrops::Names() const {
  std::string names = absl::StrJoin(first_, ", ");
  if (const int64_t more = count_ - static_cast<int64_t>(first_.size()); more > 0) {
    absl::StrAppend(&names, " and ", more, " more");
  }
  return names;
}

void DamagedCrops::Warn() const {
  if (count_ == 0) return;
  Log(LogLevel::kWarning, "damaged_crops", {{"references", count_}, {"reference_ids", first_}});
}

DecodedCrops DecodeCrops(absl::Span<const UnembeddedReference> references, const BundleManifest& manifest,
                         DamagedCrops& damaged) {
  DecodedCrops decoded;
  for (const UnembeddedReference& reference : references) {
    absl::StatusOr<Picture> crop = DecodeCropFile(reference.picture);
    if (!crop.ok() || crop->width != manifest.input_width || crop->height != manifest.input_height) {
      damaged.Note(reference.reference_id);
      continue;
    }
    decoded.references.push_back({reference.number, reference.person_id, reference.reference_id, ""});
    decoded.crops.push_back(*std::move(crop));
  }
  return decoded;
}

absl::Status LeaveBehind(const DamagedCrops& damaged, bool leave_behind, ModelCoverage& coverage) {
  if (damaged.count() == 0) return absl::OkStatus();
  coverage.embeddable = std::max<int64_t>(0, coverage.embeddable - damaged.count());
  damaged.Warn();
  if (leave_behind) return absl::OkStatus();
  return MakeError(Reason::REFERENCES_WITHOUT_CROP,
                   absl::StrCat(damaged.count(), " of ", coverage.references, " references have damaged crops: ",
                                damaged.Names(), "; delete and enroll them again, or go on with --leave-behind"));
}

}  // namespace likeness
