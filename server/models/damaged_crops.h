// References whose kept crop cannot be embedded any more, among those that an activation embeds.
#ifndef LIKENESS_SERVER_MODELS_DAMAGED_CROPS_H_
#define LIKENESS_SERVER_MODELS_DAMAGED_CROPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/embedding/bundle.h"
#include "server/gallery/store.h"
#include "server/image/picture.h"

namespace likeness {

// Not thread-safe.
class DamagedCrops {
 public:
  void Note(const std::string& reference_id);

  int64_t count() const { return count_; }
  // "r1, r2 and 7 more": the first few reference ids.
  std::string Names() const;
  // Writes a line into the log, where there are any.
  void Warn() const;

 private:
  int64_t count_ = 0;
  std::vector<std::string> first_;
};

struct DecodedCrops {
  std::vector<UnembeddedReference> references;  // without the pictures
  std::vector<Picture> crops;                   // of these references
};

// The crops that can be embedded by a model: pictures of the size of its input. The other references are noted as
// damaged.
DecodedCrops DecodeCrops(absl::Span<const UnembeddedReference> references, const BundleManifest& manifest,
                         DamagedCrops& damaged);

// Counts them among those that stay behind instead of among the embeddable, and writes them into the log.
// REFERENCES_WITHOUT_CROP, naming the first few, unless `leave_behind`.
absl::Status LeaveBehind(const DamagedCrops& damaged, bool leave_behind, ModelCoverage& coverage);

}  // namespace likeness

#endif  // LIKENESS_SERVER_MODELS_DAMAGED_CROPS_H_
