#include "server/rpc/conversions.h"

#include <google/protobuf/util/time_util.h>

#include <optional>

#include "server/image/quality_gate.h"

namespace likeness {
namespace {

v1::ThresholdSource ToProto(ThresholdSource source) {
  switch (source) {
    case ThresholdSource::kOperatingPoint:
      return v1::THRESHOLD_SOURCE_OPERATING_POINT;
    case ThresholdSource::kHalfMargin:
      return v1::THRESHOLD_SOURCE_HALF_MARGIN;
    case ThresholdSource::kRequest:
      return v1::THRESHOLD_SOURCE_REQUEST;
  }
  return v1::THRESHOLD_SOURCE_UNSPECIFIED;
}

v1::QualityIssue ToProto(QualityIssue issue) {
  switch (issue) {
    case QualityIssue::kTooSmall:
      return v1::QUALITY_ISSUE_TOO_SMALL;
    case QualityIssue::kBlurred:
      return v1::QUALITY_ISSUE_BLURRED;
    case QualityIssue::kTooDark:
      return v1::QUALITY_ISSUE_TOO_DARK;
    case QualityIssue::kTooBright:
      return v1::QUALITY_ISSUE_TOO_BRIGHT;
    case QualityIssue::kLowContrast:
      return v1::QUALITY_ISSUE_LOW_CONTRAST;
    case QualityIssue::kYaw:
      return v1::QUALITY_ISSUE_YAW;
    case QualityIssue::kPitch:
      return v1::QUALITY_ISSUE_PITCH;
    case QualityIssue::kRoll:
      return v1::QUALITY_ISSUE_ROLL;
    case QualityIssue::kCutOff:
      return v1::QUALITY_ISSUE_CUT_OFF;
    case QualityIssue::kCovered:
      return v1::QUALITY_ISSUE_COVERED;
  }
  return v1::QUALITY_ISSUE_UNSPECIFIED;
}

v1::FaceQuality ToProto(const FaceQuality& quality) {
  v1::FaceQuality proto;
  proto.set_score(quality.score);
  proto.set_eye_distance(quality.eye_distance);
  proto.set_sharpness(quality.sharpness);
  proto.set_brightness(quality.brightness);
  proto.set_contrast(quality.contrast);
  proto.set_yaw(quality.yaw);
  proto.set_pitch(quality.pitch);
  proto.set_roll(quality.roll);
  proto.set_inside(quality.inside);
  proto.set_covered(quality.covered);
  for (QualityIssue issue : FindIssues(quality, QualityGate::kStrict)) proto.add_issues(ToProto(issue));
  return proto;
}

}  // namespace

v1::Face ToProto(const EncodedFace& encoded) {
  const Face& face = encoded.face;
  v1::Face proto;
  proto.mutable_box()->set_x(face.box.x);
  proto.mutable_box()->set_y(face.box.y);
  proto.mutable_box()->set_width(face.box.width);
  proto.mutable_box()->set_height(face.box.height);
  proto.set_score(face.score);
  if (face.landmarks.has_value()) {
    for (const Point& landmark : *face.landmarks) {
      v1::Point* point = proto.add_landmarks();
      point->set_x(landmark.x);
      point->set_y(landmark.y);
    }
  }
  proto.set_turned_degrees(static_cast<int>(encoded.turn));
  if (encoded.quality.has_value()) *proto.mutable_quality() = ToProto(*encoded.quality);
  return proto;
}

v1::Calibration ToProto(const Calibration& calibration) {
  v1::Calibration proto;
  proto.set_offset(calibration.offset);
  proto.set_slope(calibration.slope);
  proto.set_genuine_pairs(calibration.genuine_pairs);
  proto.set_impostor_pairs(calibration.impostor_pairs);
  proto.set_people(calibration.people);
  proto.set_source(calibration.source);
  return proto;
}

v1::Threshold ToProto(const Threshold& threshold) {
  v1::Threshold proto;
  proto.set_distance(threshold.distance);
  proto.set_source(ToProto(threshold.source));
  if (const std::optional<OperatingPoint>& point = threshold.point; point.has_value()) {
    proto.set_false_match_rate(point->fmr);
    if (point->fmr_high > 0) {
      proto.set_false_match_rate_low(point->fmr_low);
      proto.set_false_match_rate_high(point->fmr_high);
    }
    proto.set_impostor_pairs(point->impostor_pairs);
    proto.set_people(point->people);
    if (const GroupRates* worst = WorstGroup(*point); worst != nullptr) {
      v1::GroupRate& group = *proto.mutable_worst_group();
      group.set_name(worst->name);
      group.set_false_match_rate(worst->fmr);
      group.set_false_match_rate_low(worst->fmr_low);
      group.set_false_match_rate_high(worst->fmr_high);
      group.set_impostor_pairs(worst->impostor_pairs);
      group.set_people(worst->people);
    }
  }
  proto.set_base_distance(threshold.distance);
  return proto;
}

v1::Threshold ToProto(const std::optional<Threshold>& threshold) {
  if (threshold.has_value()) return ToProto(*threshold);
  // A client that looks at the distance alone must not find anybody within it, not even with a network that puts all
  // faces in one place.
  constexpr double kNobody = -1;
  v1::Threshold proto;
  proto.set_distance(kNobody);
  proto.set_base_distance(kNobody);
  proto.set_source(v1::THRESHOLD_SOURCE_NOT_MEASURED);
  return proto;
}

v1::Threshold ToProto(const Decision& decision) {
  v1::Threshold proto = ToProto(decision.threshold);
  proto.set_base_distance(decision.base_distance);
  if (decision.crowding.has_value()) {
    proto.set_probe_crowding(decision.crowding->probe);
    proto.set_reference_crowding(decision.crowding->reference);
    proto.set_crowding_cap(decision.crowding->cap);
  }
  return proto;
}

v1::Reference ToProto(const ReferenceRecord& reference) {
  v1::Reference proto;
  proto.set_reference_id(reference.reference_id);
  *proto.mutable_create_time() = ToProto(reference.create_time);
  proto.set_model_digest(reference.model.Hex());
  return proto;
}

v1::Person ToProto(const PersonRecord& person) {
  v1::Person proto;
  proto.set_person_id(person.person_id);
  *proto.mutable_create_time() = ToProto(person.create_time);
  for (const ReferenceRecord& reference : person.references) *proto.add_references() = ToProto(reference);
  return proto;
}

v1::Model ToProto(const BundleManifest& manifest, const ModelDigest& digest) {
  v1::Model proto;
  proto.set_name(manifest.name);
  proto.set_version(manifest.version);
  proto.set_digest(digest.Hex());
  proto.set_embedding_size(manifest.embedding_size);
  proto.set_margin(manifest.margin);
  return proto;
}

v1::Model ModelOf(const Embedder& embedder) { return ToProto(embedder.manifest(), embedder.digest()); }

google::protobuf::Timestamp ToProto(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

}  // namespace likeness
