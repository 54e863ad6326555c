// What an embedding bundle's likeness.json says (docs/bundle.md).
#ifndef LIKENESS_SERVER_EMBEDDING_BUNDLE_H_
#define LIKENESS_SERVER_EMBEDDING_BUNDLE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/hashing/sha256.h"
#include "server/inference/planes.h"
#include "server/verification/calibration.h"
#include "server/verification/cohort.h"
#include "server/verification/decision.h"
#include "server/verification/linear_head.h"
#include "server/verification/synthetic_people.h"

namespace likeness {

enum class Alignment {
  kArcFace112,  // five landmarks moved onto the 112×112 template
  kArcFace192,  // the same magnified 1.5 times, with a margin of 12 pixels around it
  kNone,        // the whole photo, resized; no face is looked for
};

// What everything in a bundle but its likeness.json comes to: bundles with the same digest have the same network,
// however they were measured.
using NetworkDigest = Sha256Digest;

// The last layer of a network, where it is a matrix that was put behind another network.
struct BundleHead {
  LinearHead layer;
  std::optional<NetworkDigest> base;  // the other network; not known where it never was a bundle of its own
};

struct BundleManifest {
  std::string name;
  std::string version;
  int input_width = 0;
  int input_height = 0;
  Normalisation input;  // one channel: grey; three: RGB
  Alignment alignment = Alignment::kArcFace112;
  int embedding_size = 0;
  bool unit_length = false;
  double margin = 0;
  std::vector<OperatingPoint> operating_points;  // ascending in rate and in distance
  std::optional<Calibration> calibration;        // of normalized distances
  std::shared_ptr<const Cohort> cohort;          // null where the threshold is the same for every pair
  std::shared_ptr<const BundleHead> head;        // null where there is none
  std::shared_ptr<const std::vector<SyntheticGroup>>
      synthetic_people;  // of its groups; null where it brings none along
};

// FAILED_PRECONDITION naming the field that is missing or wrong.
absl::StatusOr<BundleManifest> ParseBundleManifest(absl::string_view json_text);

}  // namespace likeness

#endif  // LIKENESS_SERVER_EMBEDDING_BUNDLE_H_
