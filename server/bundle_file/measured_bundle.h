// Another bundle with the same network: what was measured with it anew in place of what was measured before.
#ifndef LIKENESS_SERVER_BUNDLE_FILE_MEASURED_BUNDLE_H_
#define LIKENESS_SERVER_BUNDLE_FILE_MEASURED_BUNDLE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace likeness {

struct MeasuredBundle {
  std::string bytes;     // of the file
  std::string manifest;  // its likeness.json
};

// `measurements` is a JSON object with any of `operating_points`, `calibration`, `cohort` and `synthetic_people` of a
// likeness.json (docs/bundle.md) and nothing else; what is not in it the new bundle does not have. The version is that
// of `bundle` with "+measured." and the first eight hex digits of the SHA-256 of the measurements, so a client and a
// server make the same bytes. INVALID_ARGUMENT where the text is no such object; as ReplaceBundleManifest() where
// `bundle` is none. What the measurements say is not checked: ParseBundleManifest() does. Pure, thread-safe.
absl::StatusOr<MeasuredBundle> ReplaceMeasurements(absl::string_view bundle, absl::string_view measurements);

}  // namespace likeness

#endif  // LIKENESS_SERVER_BUNDLE_FILE_MEASURED_BUNDLE_H_
