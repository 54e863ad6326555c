#include "server/embedding/bundle.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/inference/manifest_reader.h"
#include "server/inference/network.h"

namespace likeness {
namespace {

struct NamedAlignment {
  absl::string_view name;
  Alignment alignment;
  int side;  // pixels a side that it makes a crop; 0 for any width and height
};

constexpr NamedAlignment kAlignments[] = {
    {"arcface112", Alignment::kArcFace112, 112},
    {"arcface192", Alignment::kArcFace192, 192},
    {"none", Alignment::kNone, 0},
};

void ReadInput(ManifestReader& reader, BundleManifest& manifest) {
  manifest.input_width = reader.PositiveInt("input.width", kMaxInputSide);
  manifest.input_height = reader.PositiveInt("input.height", kMaxInputSide);
  const std::string color = reader.Text("input.color");
  if (color != "RGB" && color != "GRAY") reader.Reject("input.color", "is neither RGB nor GRAY");
  const size_t channels = color == "GRAY" ? 1 : 3;
  for (double mean : reader.Numbers("input.mean", channels, /*positive=*/false)) {
    manifest.input.mean.push_back(static_cast<float>(mean));
  }
  for (double std : reader.Numbers("input.std", channels, /*positive=*/true)) {
    manifest.input.std.push_back(static_cast<float>(std));
  }
}

void ReadAlignment(ManifestReader& reader, BundleManifest& manifest) {
  const std::string name = reader.Text("alignment");
  const auto* known = std::find_if(std::begin(kAlignments), std::end(kAlignments),
                                   [&](const NamedAlignment& alignment) { return alignment.name == name; });
  if (known == std::end(kAlignments)) return reader.Reject("alignment", "is none of arcface112, arcface192 and none");
  manifest.alignment = known->alignment;
  if (known->side != 0 && (manifest.input_width != known->side || manifest.input_height != known->side)) {
    reader.Reject("input",
                  absl::StrCat("is not ", known->side, "x", known->side, ", as the alignment ", name, " makes it"));
  }
}

GroupRates ReadGroup(nlohmann::json entry, ManifestReader& point) {
  ManifestReader group(std::move(entry));
  GroupRates read;
  read.name = group.Text("name");
  read.fmr = group.Number("fmr");
  read.fmr_low = group.Number("fmr_low");
  read.fmr_high = group.Number("fmr_high");
  read.fnmr = group.Number("fnmr");
  read.genuine_pairs = group.PositiveInt("genuine_pairs");
  read.impostor_pairs = group.PositiveInt("impostor_pairs");
  read.people = group.PositiveInt("people");
  if (!group.status().ok()) point.Reject("groups", group.status().message());
  if (!(0 <= read.fmr_low && read.fmr_low <= read.fmr && read.fmr <= read.fmr_high && read.fmr_high <= 1)) {
    point.Reject("groups", "has an interval that does not hold its rate");
  }
  return read;
}

void ReadOperatingPoints(ManifestReader& reader, BundleManifest& manifest) {
  for (nlohmann::json& entry : reader.Objects("operating_points")) {
    ManifestReader point(std::move(entry));
    OperatingPoint read;
    read.fmr = point.PositiveNumber("fmr");
    read.distance = point.PositiveNumber("distance");
    read.genuine_pairs = point.PositiveInt("genuine_pairs");
    read.impostor_pairs = point.PositiveInt("impostor_pairs");
    read.people = point.PositiveInt("people");
    read.source = point.Text("source");
    if (point.Has("fmr_low")) {
      read.fmr_low = point.Number("fmr_low");
      read.fmr_high = point.Number("fmr_high");
    }
    if (point.Has("groups")) {
      for (nlohmann::json& group : point.Objects("groups")) read.groups.push_back(ReadGroup(std::move(group), point));
    }
    if (!point.status().ok()) return reader.Reject("operating_points", point.status().message());
    if (point.Has("fmr_low") &&
        !(0 <= read.fmr_low && read.fmr_low <= read.fmr && read.fmr <= read.fmr_high && read.fmr_high <= 1)) {
      return reader.Reject("operating_points", "has an interval that does not hold its rate");
    }
    if (read.fmr >= 1) return reader.Reject("operating_points", "has a rate that is not below 1");
    if (!manifest.operating_points.empty() && (read.fmr <= manifest.operating_points.back().fmr ||
                                               read.distance < manifest.operating_points.back().distance)) {
      return reader.Reject("operating_points", "does not ascend in rate and distance");
    }
    manifest.operating_points.push_back(std::move(read));
  }
}

void ReadCalibration(ManifestReader& reader, BundleManifest& manifest) {
  if (!reader.Has("calibration")) return;
  Calibration read;
  read.offset = reader.Number("calibration.offset");
  read.slope = reader.Number("calibration.slope");
  if (!(read.slope < 0)) reader.Reject("calibration.slope", "is not below 0");
  read.genuine_pairs = reader.PositiveInt("calibration.genuine_pairs");
  read.impostor_pairs = reader.PositiveInt("calibration.impostor_pairs");
  read.people = reader.PositiveInt("calibration.people");
  read.source = reader.Text("calibration.source");
  manifest.calibration = std::move(read);
}

void ReadCohort(ManifestReader& reader, BundleManifest& manifest) {
  if (!reader.Has("cohort")) return;
  CohortDescription description;
  description.nearest = reader.PositiveInt("cohort.nearest");
  description.cap = reader.PositiveNumber("cohort.cap");
  description.people_in_centroid = reader.PositiveInt("cohort.people_in_centroid");
  for (nlohmann::json& entry : reader.Objects("cohort.sources")) {
    ManifestReader source(std::move(entry));
    description.sources.push_back({source.Text("name"), source.PositiveInt("people"), source.PositiveInt("faces")});
    if (!source.status().ok()) reader.Reject("cohort.sources", source.status().message());
  }
  const std::string text = reader.Text("cohort.centroids");
  if (!manifest.unit_length) reader.Reject("cohort", "is only for embeddings of unit length");
  if (!reader.status().ok()) return;
  const auto size = static_cast<size_t>(manifest.embedding_size);
  const absl::StatusOr<std::vector<float>> centroids = DecodeDirections(text, size);
  absl::StatusOr<Cohort> cohort =
      centroids.ok() ? Cohort::Create(*centroids, size, std::move(description)) : centroids.status();
  if (!cohort.ok()) return reader.Reject("cohort", cohort.status().message());
  manifest.cohort = std::make_shared<const Cohort>(*std::move(cohort));
}

void ReadHead(ManifestReader& reader, BundleManifest& manifest) {
  if (!reader.Has("head")) return;
  if (!manifest.unit_length) reader.Reject("head", "is only for embeddings of unit length");
  std::optional<NetworkDigest> base;
  if (reader.Has("head.base_network")) {
    // A digest is a digest, of whatever.
    const std::optional<ModelDigest> digest = ModelDigest::FromHex(reader.Text("head.base_network"));
    if (!digest.has_value()) return reader.Reject("head.base_network", "is not 64 lower-case hex digits");
    base = digest->bytes;
  }
  const auto size = static_cast<size_t>(manifest.embedding_size);
  std::vector<float> mean;
  for (double number : reader.Numbers("head.mean", size, /*positive=*/false)) {
    mean.push_back(static_cast<float>(number));
  }
  const std::string text = reader.Text("head.matrix");
  if (!reader.status().ok()) return;
  const absl::StatusOr<std::vector<float>> matrix = DecodeMatrix(text, size);
  absl::StatusOr<LinearHead> layer = matrix.ok() ? LinearHead::Create(std::move(mean), *matrix) : matrix.status();
  if (!layer.ok()) return reader.Reject("head", layer.status().message());
  manifest.head = std::make_shared<const BundleHead>(BundleHead{*std::move(layer), base});
}

void ReadSyntheticPeople(ManifestReader& reader, BundleManifest& manifest) {
  if (!reader.Has("synthetic_people")) return;
  if (!manifest.unit_length) reader.Reject("synthetic_people", "is only for embeddings of unit length");
  std::vector<SyntheticGroup> groups;
  for (nlohmann::json& entry : reader.Objects("synthetic_people")) {
    ManifestReader group(std::move(entry));
    const std::string name = group.Text("name");
    const int faces_of_person = group.PositiveInt("faces_of_person");
    const std::string faces = group.Text("faces");
    if (!group.status().ok()) return reader.Reject("synthetic_people", group.status().message());
    if (!reader.status().ok()) return;
    absl::StatusOr<SyntheticGroup> read = DecodeSyntheticFaces(name, static_cast<size_t>(faces_of_person), faces,
                                                               static_cast<size_t>(manifest.embedding_size));
    if (!read.ok()) return reader.Reject("synthetic_people", read.status().message());
    groups.push_back(*std::move(read));
  }
  manifest.synthetic_people = std::make_shared<const std::vector<SyntheticGroup>>(std::move(groups));
}

}  // namespace

absl::StatusOr<BundleManifest> ParseBundleManifest(absl::string_view json_text) {
  ManifestReader reader(json_text);
  BundleManifest manifest;
  if (reader.PositiveInt("format") != 1) reader.Reject("format", "is not 1");
  if (reader.Text("kind") != "embedding") reader.Reject("kind", "is not embedding");
  manifest.name = reader.Text("name");
  manifest.version = reader.Text("version");
  ReadInput(reader, manifest);
  ReadAlignment(reader, manifest);
  manifest.embedding_size = reader.PositiveInt("embedding.size");
  manifest.unit_length = reader.Flag("embedding.unit_length");
  manifest.margin = reader.PositiveNumber("margin");
  ReadOperatingPoints(reader, manifest);
  ReadCalibration(reader, manifest);
  ReadCohort(reader, manifest);
  ReadHead(reader, manifest);
  ReadSyntheticPeople(reader, manifest);
  if (!reader.status().ok()) return reader.status();
  return manifest;
}

}  // namespace likeness
