#include "server/embedding/bundle.h"

#include <utility>

#include "server/inference/manifest_reader.h"
#include "server/inference/network.h"

namespace likeness {
namespace {

constexpr int kArcFaceSide = 112;

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
  const std::string alignment = reader.Text("alignment");
  if (alignment != "arcface112" && alignment != "none") reader.Reject("alignment", "is neither arcface112 nor none");
  manifest.alignment = alignment == "none" ? Alignment::kNone : Alignment::kArcFace112;
  if (manifest.alignment == Alignment::kArcFace112 &&
      (manifest.input_width != kArcFaceSide || manifest.input_height != kArcFaceSide)) {
    reader.Reject("input", "is not 112x112, as the alignment arcface112 makes it");
  }
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
    if (!point.status().ok()) return reader.Reject("operating_points", point.status().message());
    if (read.fmr >= 1) return reader.Reject("operating_points", "has a rate that is not below 1");
    if (!manifest.operating_points.empty() && (read.fmr <= manifest.operating_points.back().fmr ||
                                               read.distance < manifest.operating_points.back().distance)) {
      return reader.Reject("operating_points", "does not ascend in rate and distance");
    }
    manifest.operating_points.push_back(std::move(read));
  }
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
  if (!reader.status().ok()) return reader.status();
  return manifest;
}

}  // namespace likeness
