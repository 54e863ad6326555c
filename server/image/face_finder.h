// Finds the faces of a picture and their landmarks.
//
//   absl::StatusOr<FaceFinder> finder = FaceFinder::Load("face-finder.pt", device);
//   absl::StatusOr<std::vector<Face>> faces = finder->Find(picture);
//
// A detector (Ultra-Light RFB-320) proposes boxes; a second network (MTCNN's O-Net; Zhang et al. 2016) refines each,
// places five landmarks and gives a second opinion on whether it is a face at all. Masks, animals and flowers that look
// like a face from afar fail there, and faces that do not stand upright (face_evidence.h).
//
// Where that finds nothing, it looks a second time, at the picture with its edges drawn out and with a less choosy
// detector: for full profiles, and for faces that fill the picture. The second network judges as before.
#ifndef LIKENESS_SERVER_IMAGE_FACE_FINDER_H_
#define LIKENESS_SERVER_IMAGE_FACE_FINDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/image/face.h"
#include "server/image/picture.h"
#include "server/inference/archive.h"
#include "server/inference/planes.h"

namespace likeness {

// Thread-safe: Find() may run on any number of threads.
class FaceFinder {
 public:
  // Loads a face-finder bundle (docs/bundle.md) and warms it up. Errors name the file and the field.
  static absl::StatusOr<FaceFinder> Load(const std::string& path, const Device& device);

  // The faces of a picture, most certain first; empty when there is none. NETWORK_FAILED when a network fails.
  absl::StatusOr<std::vector<Face>> Find(const Picture& picture) const;

 private:
  struct Settings {
    int detector_width = 0;
    int detector_height = 0;
    Normalisation detector_input;
    double min_score = 0;
    double max_overlap = 0;
    int landmark_side = 0;
    Normalisation landmark_input;
    int landmark_rounds = 0;
    double min_probability = 0;
  };

  FaceFinder(Network detector, Network landmarks, Settings settings);
  static absl::StatusOr<Settings> ReadSettings(const std::string& manifest);
  // Faces that the detector gives at least `min_score` and the second network agrees with.
  absl::StatusOr<std::vector<Face>> Look(const Picture& picture, double min_score) const;
  absl::StatusOr<std::vector<Face>> LookAgain(const Picture& picture) const;
  absl::StatusOr<std::vector<Face>> Detect(const Picture& picture, double min_score) const;
  // Replaces `faces` by those that the second network agrees with, with landmarks.
  absl::Status PlaceLandmarks(const Picture& picture, std::vector<Face>& faces) const;

  Network detector_;
  Network landmarks_;
  Settings settings_;
};

// Non-maximum suppression: of boxes whose intersection over union exceeds `max_overlap`, the one with the highest score
// stays. The result descends in score. A pure function.
std::vector<Face> SuppressOverlapping(std::vector<Face> faces, double max_overlap);

}  // namespace likeness

#endif  // LIKENESS_SERVER_IMAGE_FACE_FINDER_H_
