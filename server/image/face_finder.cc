#include "server/image/face_finder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <opencv2/core/utility.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/errors/errors.h"
#include "server/image/alignment.h"
#include "server/image/crop.h"
#include "server/image/face_evidence.h"
#include "server/inference/manifest_reader.h"

namespace likeness {
namespace {

// A crowd costs no more than this: the most certain faces are kept.
constexpr size_t kMostFaces = 64;

// The second look. Of 1,961 full profiles the first misses 102 and this one 12.
constexpr double kSecondLookMinScore = 0.3;
constexpr double kSecondLookBorder = 0.25;  // of the picture's longer side, on each side
// Pixels of the longer side before the border: more than both networks see of any face, and no copy of a large picture.
constexpr int kSecondLookSide = 1280;

double Overlap(const Box& a, const Box& b) {
  const float width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x);
  const float height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const double shared = static_cast<double>(width) * height;
  return shared / (static_cast<double>(a.Area()) + b.Area() - shared);
}

// Landmarks that a similarity can be estimated from: numbers, and not all in one place.
bool ArePlausible(const Landmarks& landmarks) {
  const double scale = EstimateSimilarity(landmarks, kArcFaceTemplate).Scale();
  return std::isfinite(scale) && scale > 0;
}

Normalisation SameForAllChannels(double mean, double std) {
  return {std::vector<float>(3, static_cast<float>(mean)), std::vector<float>(3, static_cast<float>(std))};
}

absl::Status CheckShapes(absl::Span<const Tensor> outputs, absl::Span<const std::vector<int64_t>> shapes) {
  bool same = outputs.size() == shapes.size();
  for (size_t i = 0; same && i < shapes.size(); ++i) {
    same = outputs[i].shape.size() == shapes[i].size();
    for (size_t axis = 0; same && axis < shapes[i].size(); ++axis) {
      same = shapes[i][axis] < 0 || outputs[i].shape[axis] == shapes[i][axis];
    }
  }
  return same ? absl::OkStatus() : MakeError(Reason::NETWORK_FAILED, "a face-finder network has unexpected outputs");
}

}  // namespace

FaceFinder::FaceFinder(Network detector, Network landmarks, Settings settings)
    : detector_(std::move(detector)), landmarks_(std::move(landmarks)), settings_(std::move(settings)) {}

absl::StatusOr<FaceFinder::Settings> FaceFinder::ReadSettings(const std::string& manifest) {
  ManifestReader reader{absl::string_view(manifest)};
  if (reader.PositiveInt("format") != 1) reader.Reject("format", "is not 1");
  if (reader.Text("kind") != "face_finder") reader.Reject("kind", "is not face_finder");
  reader.Text("name");
  reader.Text("version");
  Settings settings;
  settings.detector_width = reader.PositiveInt("detector.width", kMaxInputSide);
  settings.detector_height = reader.PositiveInt("detector.height", kMaxInputSide);
  const double detector_mean = reader.Number("detector.mean");
  settings.detector_input = SameForAllChannels(detector_mean, reader.PositiveNumber("detector.std"));
  settings.min_score = reader.PositiveNumber("detector.min_score");
  settings.max_overlap = reader.PositiveNumber("detector.max_overlap");
  settings.landmark_side = reader.PositiveInt("landmarks.size", kMaxInputSide);
  const double landmark_mean = reader.Number("landmarks.mean");
  settings.landmark_input = SameForAllChannels(landmark_mean, reader.PositiveNumber("landmarks.std"));
  settings.landmark_rounds = reader.PositiveInt("landmarks.rounds");
  settings.min_probability = reader.PositiveNumber("landmarks.min_probability");
  if (!reader.status().ok()) return reader.status();
  return settings;
}

absl::StatusOr<FaceFinder> FaceFinder::Load(const std::string& path, const Device& device) {
  // One worker is one core. OpenCV would scale large pictures on threads of its own.
  cv::setNumThreads(1);
  const absl::StatusOr<Archive> archive = Archive::Open(path, device);
  if (!archive.ok()) return archive.status();
  const absl::StatusOr<Settings> settings = ReadSettings(archive->manifest());
  if (!settings.ok()) {
    return absl::Status(settings.status().code(),
                        absl::StrCat("model bundle ", path, ": ", settings.status().message()));
  }
  absl::StatusOr<Network> detector = archive->LoadNetwork("detector");
  if (!detector.ok()) return detector.status();
  absl::StatusOr<Network> landmarks = archive->LoadNetwork("landmarks");
  if (!landmarks.ok()) return landmarks.status();
  FaceFinder finder(*std::move(detector), *std::move(landmarks), *settings);
  absl::Status warm = finder.detector_.WarmUp({1, 3, settings->detector_height, settings->detector_width});
  if (warm.ok()) warm = finder.landmarks_.WarmUp({1, 3, settings->landmark_side, settings->landmark_side});
  if (!warm.ok()) return absl::Status(warm.code(), absl::StrCat("model bundle ", path, ": ", warm.message()));
  return finder;
}

absl::StatusOr<std::vector<Face>> FaceFinder::Find(const Picture& picture) const {
  absl::StatusOr<std::vector<Face>> faces = Look(picture, settings_.min_score);
  if (!faces.ok() || !faces->empty()) return faces;
  return LookAgain(picture);
}

absl::StatusOr<std::vector<Face>> FaceFinder::Look(const Picture& picture, double min_score) const {
  absl::StatusOr<std::vector<Face>> faces = Detect(picture, min_score);
  if (!faces.ok() || faces->empty()) return faces;
  if (absl::Status status = PlaceLandmarks(picture, *faces); !status.ok()) return status;
  return faces;
}

absl::StatusOr<std::vector<Face>> FaceFinder::LookAgain(const Picture& picture) const {
  const int side = std::max(picture.width, picture.height);
  const double scale = std::min(1.0, static_cast<double>(kSecondLookSide) / side);
  const int width = std::max(1, static_cast<int>(std::lround(picture.width * scale)));
  const int height = std::max(1, static_cast<int>(std::lround(picture.height * scale)));
  const int border = static_cast<int>(std::lround(kSecondLookBorder * std::max(width, height)));
  const Picture drawn_out = DrawOut(FitInto(picture, width, height), border);
  absl::StatusOr<std::vector<Face>> faces = Look(drawn_out, std::min(kSecondLookMinScore, settings_.min_score));
  if (!faces.ok()) return faces;
  const float to_x = static_cast<float>(picture.width) / static_cast<float>(width);
  const float to_y = static_cast<float>(picture.height) / static_cast<float>(height);
  const auto back = [&](Point point) {
    return Point{(point.x - static_cast<float>(border)) * to_x, (point.y - static_cast<float>(border)) * to_y};
  };
  for (Face& face : *faces) {
    const Point corner = back({face.box.x, face.box.y});
    face.box = Box{corner.x, corner.y, face.box.width * to_x, face.box.height * to_y};
    for (Point& landmark : *face.landmarks) landmark = back(landmark);
  }
  return faces;
}

absl::StatusOr<std::vector<Face>> FaceFinder::Detect(const Picture& picture, double min_score) const {
  const Picture input = FitInto(picture, settings_.detector_width, settings_.detector_height);
  std::vector<float> planes;
  AppendPlanes(input.rgb, settings_.detector_input, planes);
  const absl::StatusOr<std::vector<Tensor>> outputs =
      detector_.Run(planes, {1, 3, settings_.detector_height, settings_.detector_width});
  if (!outputs.ok()) return outputs.status();
  if (absl::Status status = CheckShapes(*outputs, {{1, -1}, {1, -1, 4}}); !status.ok()) return status;
  const std::vector<float>& scores = (*outputs)[0].values;
  const std::vector<float>& corners = (*outputs)[1].values;
  if (corners.size() != 4 * scores.size()) {
    return MakeError(Reason::NETWORK_FAILED, "the face detector's outputs disagree");
  }
  // Units of the detector's input to pixels of the picture, which lies scaled in the input's upper left corner.
  const float scale = std::max(static_cast<float>(picture.width) / static_cast<float>(settings_.detector_width),
                               static_cast<float>(picture.height) / static_cast<float>(settings_.detector_height));
  const float to_x = scale * static_cast<float>(settings_.detector_width);
  const float to_y = scale * static_cast<float>(settings_.detector_height);
  std::vector<Face> faces;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!(scores[i] > min_score)) continue;
    const float* corner = corners.data() + 4 * i;
    const Box box{corner[0] * to_x, corner[1] * to_y, (corner[2] - corner[0]) * to_x, (corner[3] - corner[1]) * to_y};
    if (box.width >= 1 && box.height >= 1 && std::isfinite(box.Area()))
      faces.push_back(Face{box, scores[i], std::nullopt});
  }
  faces = SuppressOverlapping(std::move(faces), settings_.max_overlap);
  if (faces.size() > kMostFaces) faces.resize(kMostFaces);
  return faces;
}

absl::Status FaceFinder::PlaceLandmarks(const Picture& picture, std::vector<Face>& faces) const {
  const int side = settings_.landmark_side;
  std::vector<Box> boxes;
  for (const Face& face : faces) boxes.push_back(face.box);
  std::vector<bool> agreed(faces.size());
  for (int round = 0; round < settings_.landmark_rounds; ++round) {
    std::vector<float> planes;
    std::vector<Square> squares;
    for (const Box& box : boxes) {
      squares.push_back(SquareAround(box));
      AppendPlanes(CropSquare(picture, squares.back(), side).rgb, settings_.landmark_input, planes);
    }
    const int64_t count = static_cast<int64_t>(faces.size());
    const absl::StatusOr<std::vector<Tensor>> outputs = landmarks_.Run(planes, {count, 3, side, side});
    if (!outputs.ok()) return outputs.status();
    std::vector<std::vector<int64_t>> shapes = {{count}, {count, 4}, {count, 5, 2}};
    const bool tells_upright = outputs->size() == 4;  // bundles made before it did have three outputs
    if (tells_upright) shapes.push_back({count});
    if (absl::Status status = CheckShapes(*outputs, shapes); !status.ok()) return status;
    for (size_t i = 0; i < faces.size(); ++i) {
      const Square& square = squares[i];
      const float unit = static_cast<float>(square.side);
      const float left = static_cast<float>(square.x), top = static_cast<float>(square.y);
      const float* offset = (*outputs)[1].values.data() + 4 * i;
      const float* point = (*outputs)[2].values.data() + 10 * i;
      Landmarks landmarks;
      for (size_t k = 0; k < landmarks.size(); ++k) {
        landmarks[k] = Point{left + point[2 * k] * unit, top + point[2 * k + 1] * unit};
      }
      faces[i].landmarks = landmarks;
      if (tells_upright) faces[i].upright = (*outputs)[3].values[i];
      const float probability = (*outputs)[0].values[i];
      agreed[i] = probability >= settings_.min_probability && ArePlausible(landmarks) && IsFace(faces[i]);
      const Box refined{left + offset[0] * unit, top + offset[1] * unit, (1 + offset[2] - offset[0]) * unit,
                        (1 + offset[3] - offset[1]) * unit};
      if (refined.width >= 1 && refined.height >= 1 && std::isfinite(refined.Area())) boxes[i] = refined;
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < faces.size(); ++i) {
    if (agreed[i]) faces[kept++] = faces[i];
  }
  faces.resize(kept);
  return absl::OkStatus();
}

std::vector<Face> SuppressOverlapping(std::vector<Face> faces, double max_overlap) {
  std::stable_sort(faces.begin(), faces.end(), [](const Face& a, const Face& b) { return a.score > b.score; });
  std::vector<Face> kept;
  for (const Face& face : faces) {
    const bool covered = std::any_of(kept.begin(), kept.end(),
                                     [&](const Face& other) { return Overlap(face.box, other.box) > max_overlap; });
    if (!covered) kept.push_back(face);
  }
  return kept;
}

}  // namespace likeness
