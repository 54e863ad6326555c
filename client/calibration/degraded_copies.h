// Copies of photos as people send bad ones: turned, blurred, dark, covered, cut off, compressed too much.
//
// A network puts the faces in such photos close together, whomever they show. Calibration embeds copies to know where
// that is (server/statistics/cohort_builder.h).
#ifndef LIKENESS_CLIENT_CALIBRATION_DEGRADED_COPIES_H_
#define LIKENESS_CLIENT_CALIBRATION_DEGRADED_COPIES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "likeness/v1/types.pb.h"
#include "server/image/photo.h"
#include "server/statistics/seeded_random.h"

namespace likeness {

// What can be done to a photo, for example "turned 180" and "medical mask".
absl::Span<const absl::string_view> Degradations();

// The photo, made worse in the way of that name, as the bytes of a PNM or JPEG file. Sizes go by the distance between
// the face's eyes; colors, shapes and strengths are drawn at random. `face` must have landmarks. Errors are those of
// DecodePhoto(), by `limits`; INVALID_ARGUMENT for an unknown name or a face without landmarks. Thread-safe.
absl::StatusOr<std::string> Degrade(absl::string_view photo, absl::string_view degradation, const v1::Face& face,
                                    SeededRandom& random, const PhotoLimits& limits = {});

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CALIBRATION_DEGRADED_COPIES_H_
