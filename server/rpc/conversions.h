// From the rooms' plain structs to the messages of the public contract. Pure functions.
#ifndef LIKENESS_SERVER_RPC_CONVERSIONS_H_
#define LIKENESS_SERVER_RPC_CONVERSIONS_H_

#include <google/protobuf/timestamp.pb.h>

#include <optional>

#include "absl/time/time.h"
#include "likeness/v1/types.pb.h"
#include "server/embedding/embedder.h"
#include "server/encoding/face_encoder.h"
#include "server/gallery/store.h"
#include "server/verification/calibration.h"
#include "server/verification/decision.h"

namespace likeness {

v1::Face ToProto(const EncodedFace& encoded);
v1::Calibration ToProto(const Calibration& calibration);
// Of pairs whose faces lie alone; of a server, which may have none; of one pair.
v1::Threshold ToProto(const Threshold& threshold);
v1::Threshold ToProto(const std::optional<Threshold>& threshold);
v1::Threshold ToProto(const Decision& decision);
v1::Reference ToProto(const ReferenceRecord& reference);
v1::Person ToProto(const PersonRecord& person);
v1::Model ToProto(const BundleManifest& manifest, const ModelDigest& digest);
v1::Model ModelOf(const Embedder& embedder);
google::protobuf::Timestamp ToProto(absl::Time time);

}  // namespace likeness

#endif  // LIKENESS_SERVER_RPC_CONVERSIONS_H_
