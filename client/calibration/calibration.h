// From embedded photos of known people to what a bundle says about its errors: cohort, operating points, calibration.
#ifndef LIKENESS_CLIENT_CALIBRATION_CALIBRATION_H_
#define LIKENESS_CLIENT_CALIBRATION_CALIBRATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/evaluation/comparisons.h"
#include "client/evaluation/embed_photos.h"
#include "server/statistics/bundle_measurements.h"
#include "server/statistics/cohort_builder.h"

namespace likeness {

// A copy of a photo that is to be embedded too.
struct DegradedCopy {
  size_t photo = 0;  // number in Comparisons::photos
  absl::string_view degradation;
};

// For each group and each of Degradations(), up to `of_a_kind` photos that could be embedded and whose faces have
// landmarks, drawn at random. The same for the same seed. Pure, thread-safe.
std::vector<DegradedCopy> ChooseCopies(const Comparisons& comparisons, const PhotoEmbeddings& embeddings,
                                       size_t of_a_kind, uint64_t seed);

// The copy's bytes; `photo` are those of the photo, `face` what was found in it. Errors of Degrade(). Thread-safe.
absl::StatusOr<std::string> MakeCopy(const DegradedCopy& copy, absl::string_view photo, const v1::Face& face,
                                     uint64_t seed);

// What is embedded for a calibration.
struct CalibrationData {
  const Comparisons& comparisons;
  const PhotoEmbeddings& embeddings;                                      // of each photo, by path
  const std::vector<DegradedCopy>& copies;                                // of these photos
  const std::vector<absl::StatusOr<v1::EmbedResponse>>& copy_embeddings;  // of each copy
};

struct CalibrationResult {
  BundleMeasurements measurements;
  int64_t failed_copies = 0;
  std::string why_no_cohort;            // in words; empty where there is one
  std::string why_no_synthetic_people;  // the same of these
};

// Every photo is compared with every other of its group. Where a cohort can be made of them and of the copies, it
// normalizes their distances, each as if the person were not in the cohort; otherwise distances stay as they are.
// Synthetic people are drawn in the place of each group. `unit_length` tells whether embeddings have unit length,
// without which there is no cohort. Errors of MeasureForBundle(). Pure, thread-safe.
absl::StatusOr<CalibrationResult> Calibrate(const CalibrationData& data, bool unit_length, const CohortOptions& options,
                                            const std::string& source);

}  // namespace likeness

#endif  // LIKENESS_CLIENT_CALIBRATION_CALIBRATION_H_
